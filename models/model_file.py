"""The bytes of a model: a .tflite, the C array of one, or ONNX; others are refused with advice."""

import io
import re
import struct
import zipfile
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
"""What makes a .tflite of int8."""
QUANTISER = (
    "onnxruntime.quantization.quantize_static(model, out, calibration_reader, "
    "quant_format=QuantFormat.QDQ, per_channel=True, activation_type=QuantType.QInt8, "
    "weight_type=QuantType.QInt8)"
)
"""What makes an ONNX model of int8."""
_TO_TFLITE = f"convert it to a .tflite of int8 by {CONVERTER}"
_KERAS = f"a Keras model; {_TO_TFLITE} (tf.lite.TFLiteConverter.from_keras_model)"
_SAVED = f"a TensorFlow SavedModel; {_TO_TFLITE} (tf.lite.TFLiteConverter.from_saved_model)"
_TORCH = (
    "a PyTorch model; write it as ONNX by torch.onnx.export(model, example, 'model.onnx'), then "
    f"quantise that by {QUANTISER}; or {_TO_TFLITE} (ai-edge-torch)"
)
_RUNTIME = "a model in onnxruntime's own format; give the .onnx that it was made of"
_EXECUTORCH = "an ExecuTorch program, which only ExecuTorch runs: give it as an engine"
_PICKLE = "a pickle, which is never loaded"
_GRAPH = f"a frozen TensorFlow graph; {_TO_TFLITE}, from the SavedModel"

_BEGINNINGS = (
    (0, b"\x89HDF\r\n\x1a\n", _KERAS),
    (0, b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", _TORCH),
    (4, b"ORTM", _RUNTIME),
    (4, b"ET12", _EXECUTORCH),
    (0, b"\x08\x01\x12", _SAVED),
)
"""Where other kinds of files have which bytes, and what is said of them."""
_MEMBERS = (
    (re.compile(r"(.*/)?(config|metadata)\.json|.*\.weights\.h5"), _KERAS),
    (re.compile(r"(.*/)?(data\.pkl|constants\.pkl|archive_format|models/.*\.json|"
                r"serialized_exported_program\.json)"), _TORCH),
)  # fmt: skip
"""Names in zip archives of other kinds."""
_SUFFIXES = {
    ".h5": _KERAS,
    ".hdf5": _KERAS,
    ".keras": _KERAS,
    ".pt": _TORCH,
    ".pth": _TORCH,
    ".pt2": _TORCH,
    ".ptl": _TORCH,
    ".pb": _GRAPH,
    ".savedmodel": _SAVED,
    ".onnx": "named as ONNX, but its bytes are not; write it again",
    ".ort": _RUNTIME,
    ".pte": _EXECUTORCH,
}
"""What is said of files that only their names tell."""

_ONNX_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
"""Wire types of the fields of ONNX's ModelProto; 7 is the graph."""
_ONNX_BEGINS = b"\x08"
"""Its version comes first."""


def read_model_file(path: Path) -> bytes:
    """Return the bytes of a model: those of the file, or those of the array in a C source.

    Raises ModelError where it cannot be read, and for other kinds of files, with what to do.
    """
    if path.is_dir():
        kind = _SAVED if (path / "saved_model.pb").is_file() else "a folder; give a model's file"
        raise ModelError(f"{path}: {kind}")
    try:
        data = read_bytes(path, WHOLE_MOST_B)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    if data[4:8] == IDENTIFIER:
        return data
    suffix = path.suffix.lower()
    if suffix in C_SOURCES:
        return _from_c(path, data)
    said = _foreign(data, suffix)
    if said:
        raise ModelError(f"{path}: {said}")
    return data


def is_onnx(data: bytes) -> bool:
    """Whether bytes are, up to its graph, an ONNX file, which has no mark of its own."""
    if data[:1] != _ONNX_BEGINS:
        return False
    at, end = 0, len(data)
    while at < end:
        key = data[at]
        if _ONNX_FIELDS.get(key >> 3) != key & 7:
            return False
        size, at = _number(data, at + 1)
        if key >> 3 == 7:
            return True
        at += size if key & 7 else 0
    return False


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return a number in protobuf's form, and where it ends; behind the data if it does not."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
    return 0, len(data)


def _foreign(data: bytes, suffix: str) -> str:
    """Return what is said of a file of another kind; "" where it may be a model."""
    for at, begins, said in _BEGINNINGS:
        if data.startswith(begins, at):
            return said
    if data.startswith(b"PK\x03\x04"):
        names = _members(data)
        for pattern, said in _MEMBERS:
            if any(pattern.fullmatch(name) for name in names):
                return said
        return _SUFFIXES.get(suffix, "a zip archive; give a model's file")
    if re.match(rb"\x80[\x02-\x05]", data):
        return _TORCH if suffix in (".pt", ".pth", ".ptl") else _PICKLE
    return "" if is_onnx(data) else _SUFFIXES.get(suffix, "")


def _members(data: bytes) -> list[str]:
    """Return the names in a zip archive; none where it is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError, OSError):
        return []


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
