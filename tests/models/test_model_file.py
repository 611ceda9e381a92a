"""What a model may be given as: a .tflite, the C array of one, ONNX; and what is said of others."""

import contextlib
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models.packaged import MODELS
from tinybench.errors import ModelError
from tinybench.models.model_file import is_onnx, read_model_file

TFLITE = (MODELS / "kws01.tflite").read_bytes()


def _xxd(data: bytes, number: str = "0x{:02x}") -> str:
    rows = (data[at : at + 12] for at in range(0, len(data), 12))
    body = ",\n  ".join(", ".join(map(number.format, row)) for row in rows)
    return f"unsigned char model_tflite[] = {{\n  {body}\n}};\nunsigned int model_tflite_len = 3;\n"


@pytest.mark.parametrize("number", ["0x{:02x}", "0X{:02X}", "{}", "0x{:x}"])
@pytest.mark.parametrize("suffix", [".cc", ".c", ".h"])
def test_a_c_array_is_the_model_in_it(tmp_path: Path, suffix: str, number: str) -> None:
    """With comments, a shorter array before it, and a comma behind its last element."""
    text = "// { 0x01, 2 } is none\nconst int pins[] = {1, 2, 3};\n/* = { 9 } */ alignas(16) const "
    text += _xxd(TFLITE, number).replace("\n};", ",\n};")
    (tmp_path / f"model{suffix}").write_text(text, encoding="utf-8")
    assert read_model_file(tmp_path / f"model{suffix}") == TFLITE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "int main(void) { return 0; }",
        "int a[] = {300, 1};",
        "int a[] = {1, -1};",
        "x = {};",
        "char a[] = {012, 1};",
        "char *a[] = {one, two};",
        "char a[] = {'a', 'b'};",
        pytest.param("/*" * 500_000, id="comments that never end"),
    ],
)
def test_c_without_a_model_is_refused(tmp_path: Path, text: str) -> None:
    """Negative, octal and too large numbers, names, nothing."""
    (tmp_path / "a.c").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"a\.c: no array of bytes in it"):
        read_model_file(tmp_path / "a.c")


def _zip(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"\x80\x04")
    return file.getvalue()


TORCH, KERAS = "a PyTorch model; write it as ONNX by torch.onnx.export", "a Keras model; convert it"
HDF, OLD_TORCH = b"\x89HDF\r\n\x1a\n", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.bin", HDF, KERAS),
        ("a.h5", b"nothing of it", KERAS),
        ("a.zip", _zip("metadata.json", "config.json", "model.weights.h5"), KERAS),
        ("a.keras", b"PK\x03\x04" + bytes(50), KERAS),
        ("a.zip", _zip("net/data.pkl", "net/version", "net/data/0"), TORCH),
        ("a.zip", _zip("net/archive_format", "net/models/model.json"), TORCH),
        ("a.bin", OLD_TORCH, TORCH),
        ("old.pt", b"\x80\x02", TORCH),
        ("a.pkl", b"\x80\x04\x95", "a pickle, which is never loaded"),
        ("a.zip", _zip("a.txt"), "a zip archive; give a model's file"),
        ("a.bin", bytes(4) + b"ORTM", "onnxruntime's own format"),
        ("a.bin", bytes(4) + b"ET12", "an ExecuTorch program"),
        ("a.bin", b"\x08\x01\x12\x05", "a TensorFlow SavedModel; convert it"),
        ("a.pb", b"\x0a", "a frozen TensorFlow graph; convert it"),
        ("a.onnx", b"no protobuf", "its bytes are not"),
    ],
)
def test_other_kinds_of_files_are_refused_with_the_way_to_a_model(
    tmp_path: Path, name: str, data: bytes, said: str
) -> None:
    """By their bytes, whatever they are called, else by their names; options are named."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelError, match=said) as refused:
        read_model_file(tmp_path / name)
    if said in (TORCH, KERAS):
        assert "inference_input_type = tf.int8" in str(refused.value)


@pytest.mark.parametrize(
    ("data", "whether"),
    [
        (b"\x08\x08\x3a\x02\x0a\x00", True),
        (b"\x08\x08\x12\x02ab\x3a", True),
        (b"\x08\x08\x12\x7fab\x3a", False),
        (b": text", False),
        (b"\x08\xff\xff\xff", False),
        (b"\x08", False),
        (b"", False),
        (b"\x08\x08\x3b", False),
    ],
)
def test_onnx_is_told_by_its_bytes(data: bytes, whether: bool) -> None:
    """What comes before the graph has the form of ONNX's; there is no other mark."""
    assert is_onnx(data) == whether


@given(st.text(alphabet=" ={},0x19afg/*\n", max_size=300))
def test_any_c_is_bytes_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Nothing but ModelError, whatever is in it."""
    path = tmp_path_factory.getbasetemp() / "any.c"
    path.write_text(text, encoding="utf-8")
    with contextlib.suppress(ModelError):
        assert read_model_file(path)


def test_a_folder_of_a_saved_model_is_refused_with_the_way_to_a_tflite(tmp_path: Path) -> None:
    """It is none yet; another folder is no model."""
    with pytest.raises(ModelError, match="a folder; give a model's file"):
        read_model_file(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ModelError, match="a TensorFlow SavedModel; convert it"):
        read_model_file(tmp_path)
