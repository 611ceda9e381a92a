"""The inputs of a model of one's own: read, quantised, or refused by name."""

from pathlib import Path

import numpy as np
import pytest

from tinybench.errors import DatasetError
from tinybench.models.compiler.anatomy import Anatomy, End
from tinybench.runner.build.own_task import read_inputs, seeded, with_windows

END = End(name="in", type="INT8", shape=[1, 2, 3], scale=0.5, zero_point=-1)
MODEL = Anatomy(
    file="m.tflite",
    sha256="",
    size_b=0,
    inputs=[END],
    outputs=[END],
    input_b=6,
    operators={},
    macs=0,
    needs={},
)


def _values(data: bytes) -> list[int]:
    return np.frombuffer(data, np.int8).tolist()


def test_real_values_are_quantised_as_the_model_says(tmp_path: Path) -> None:
    """Nearest step, zero point added, cut off at the ends of int8; a line or a row an input."""
    real = np.array([[0, 0.5, 1, -1, 1000, -1000], [0.24, 0.26, 0, 0, 0, 0]])
    np.save(tmp_path / "two.npy", real.astype(np.float32).reshape(2, 2, 3))
    np.savetxt(tmp_path / "two.csv", real, delimiter=",")
    for file in ("two.npy", "two.csv"):
        given = read_inputs(tmp_path / file, MODEL)
        assert [name for name, _ in given.inputs] == ["two-0000.bin", "two-0001.bin"]
        assert _values(given.inputs[0][1]) == [-1, 0, 1, -3, 127, -128]
        assert _values(given.inputs[1][1]) == [-1, 0, -1, -1, -1, -1]


def test_int8_is_taken_as_it_is(tmp_path: Path) -> None:
    """From .npy and .bin, which are what the board is sent."""
    values = np.arange(-6, 6, dtype=np.int8).reshape(2, 6)
    np.save(tmp_path / "a.npy", values)
    (tmp_path / "b.bin").write_bytes(values.tobytes())
    given = read_inputs(tmp_path, MODEL)
    assert [_values(data) for _, data in given.inputs] == values.tolist() * 2
    assert len({name for name, _ in given.inputs}) == 4


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("x.bin", b"12345", "5 bytes; an input of this model has 6"),
        ("x.bin", b"", "0 bytes"),
        ("x.csv", b"1,2,3\n", "3 values"),
        ("x.csv", b"1,2,3,4,5,nan\n", "not finite"),
        ("x.csv", b"1,2\n1,2,3\n", "lines of numbers"),
        ("x.csv", b"one,2\n", "lines of numbers"),
        ("x.csv", b"\xff\xfe\x00", "lines of numbers"),
        ("x.npy", b"\x93NUMPY\x01\x00", "no .npy of numbers"),
        ("x.npy", b"", "no .npy of numbers"),
        ("x.wav", b"RIFF", "inputs are .bin, .npy, .csv"),
    ],
)
def test_what_is_no_input_is_refused_by_name(
    tmp_path: Path, name: str, data: bytes, said: str
) -> None:
    """With what was wanted."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DatasetError, match=said) as refused:
        read_inputs(tmp_path / name, MODEL)
    assert name in str(refused.value)


def test_objects_of_python_are_never_loaded(tmp_path: Path) -> None:
    """A .npy may hold pickled objects, which run code: refused."""
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DatasetError, match=r"no \.npy of numbers"):
        read_inputs(tmp_path / "x.npy", MODEL)


def test_a_folder_without_inputs_and_too_many_are_refused(tmp_path: Path) -> None:
    """Work is bounded."""
    with pytest.raises(DatasetError, match="no inputs"):
        read_inputs(tmp_path, MODEL)
    (tmp_path / "x.bin").write_bytes(bytes(600))
    with pytest.raises(DatasetError, match="more than 99"):
        read_inputs(tmp_path / "x.bin", MODEL, most=99)


def test_seeded_inputs_are_the_same_for_the_same_seed() -> None:
    """And others for another; they come behind too few of the user's."""
    assert seeded(MODEL, 5, 1) == seeded(MODEL, 5, 1)
    assert seeded(MODEL, 5, 1).inputs[0][1] != seeded(MODEL, 5, 2).inputs[0][1]
    assert with_windows(seeded(MODEL, 7, 1), MODEL, 1) == seeded(MODEL, 7, 1)
    assert len(with_windows(seeded(MODEL, 2, 9), MODEL, 1).inputs) == 5
