"""The bytes of a model: a .tflite, or the C array of one; other kinds are refused with advice."""

import re
from pathlib import Path

from tinybench.errors import ModelError
from tinybench.files import DOCUMENT_MOST_B, WHOLE_MOST_B, read_bytes

IDENTIFIER = b"TFL3"
C_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".h", ".hpp")
_COMMENT = re.compile(rb"/\*.*?(?:\*/|\Z)|//[^\n]*", re.DOTALL)
_INITIALISER = re.compile(rb"=\s*\{([^{}]*)\}")
_NUMBER = re.compile(rb"\s*(0[xX][0-9a-fA-F]{1,2}|[0-9]{1,3})\s*\Z")

CONVERTER = (
    "the TensorFlow Lite converter with a representative_dataset, "
    "inference_input_type = tf.int8 and inference_output_type = tf.int8"
)
"""What makes a model of int8."""
_OTHERS = (
    (b"\x89HDF\r\n\x1a\n", (".h5", ".hdf5"), "a Keras model; convert it"),
    (b"PK\x03\x04", (".keras",), "a Keras model; convert it"),
    (b"PK\x03\x04", (".pt", ".pth", ".ptl"), "a PyTorch model; convert it (ai-edge-torch)"),
    (b"\x80", (".pt", ".pth", ".ptl"), "a PyTorch model; convert it (ai-edge-torch)"),
    (b"", (".onnx",), "an ONNX model; convert it (onnx2tf)"),
    (b"", (".pb", ".savedmodel"), "a TensorFlow model; convert it"),
)
"""Beginnings of other kinds of files, their names, and what is said of them."""


def read_model_file(path: Path) -> bytes:
    """Return the bytes of a .tflite: those of the file, or those of the array in a C source.

    Raises ModelError where it cannot be read, and for other kinds of files, with what to do.
    """
    if path.is_dir():
        raise ModelError(
            f"{path}: a folder; convert the SavedModel in it to a .tflite of int8 by {CONVERTER}"
        )
    try:
        data = read_bytes(path, WHOLE_MOST_B)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    if data[4:8] == IDENTIFIER:
        return data
    suffix = path.suffix.lower()
    if suffix in C_SOURCES:
        return _from_c(path, data)
    for begins, suffixes, said in _OTHERS:
        if suffix in suffixes and data.startswith(begins):
            raise ModelError(f"{path}: {said} to a .tflite of int8 by {CONVERTER}")
    return data


def _from_c(path: Path, source: bytes) -> bytes:
    """Return the bytes of the longest array of numbers in a C source, as `xxd -i` writes one."""
    if len(source) > DOCUMENT_MOST_B:
        raise ModelError(f"{path}: {len(source)} bytes of C are more than any model needs")
    arrays = _INITIALISER.findall(_COMMENT.sub(b" ", source))
    for body in sorted(arrays, key=len, reverse=True)[:1]:
        cells = body.rstrip().removesuffix(b",").split(b",")
        numbers = [_NUMBER.match(cell) for cell in cells]
        values = [int(one[1], 0) if one and not _octal(one[1]) else 256 for one in numbers]
        if max(values) < 256:
            return bytes(values)
    raise ModelError(
        f"{path}: no array of bytes in it; give the .tflite, or what 'xxd -i model.tflite' makes"
    )


def _octal(number: bytes) -> bool:
    return len(number) > 1 and number.startswith(b"0") and number[1:2] not in b"xX"
