"""What a model may be given as: a .tflite, or the C array of one."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models.packaged import MODELS
from tinybench.errors import ModelError
from tinybench.models.model_file import read_model_file

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


@pytest.mark.parametrize(
    ("name", "begins", "said"),
    [
        ("a.h5", b"\x89HDF\r\n\x1a\n", "a Keras model"),
        ("a.keras", b"PK\x03\x04", "a Keras model"),
        ("a.pt", b"PK\x03\x04", "a PyTorch model"),
        ("old.pt", b"\x80\x02", "a PyTorch model"),
        ("a.onnx", b"\x08\x07", "an ONNX model"),
        ("a.pb", b"\x0a", "a TensorFlow model"),
    ],
)
def test_other_kinds_of_files_are_refused_with_the_way_to_a_tflite(
    tmp_path: Path, name: str, begins: bytes, said: str
) -> None:
    """The option of the converter is named."""
    (tmp_path / name).write_bytes(begins + bytes(100))
    with pytest.raises(ModelError, match=said) as refused:
        read_model_file(tmp_path / name)
    assert "inference_input_type = tf.int8" in str(refused.value)


@given(st.text(alphabet=" ={},0x19afg/*\n", max_size=300))
def test_any_c_is_bytes_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Nothing but ModelError, whatever is in it."""
    path = tmp_path_factory.getbasetemp() / "any.c"
    path.write_text(text, encoding="utf-8")
    with contextlib.suppress(ModelError):
        assert read_model_file(path)


def test_a_folder_of_a_saved_model_is_refused_with_the_way_to_a_tflite(tmp_path: Path) -> None:
    """It is none yet."""
    with pytest.raises(ModelError, match="a folder; convert the SavedModel"):
        read_model_file(tmp_path)
