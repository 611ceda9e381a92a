"""The inputs of a model of one's own: read, quantised, or refused by name."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image

from tests.models.random_moves import tokens
from tests.models.tflite_builder import write
from tinybench.datasets.preparation import load_preparation
from tinybench.errors import DatasetError
from tinybench.models.compiler.anatomy import Anatomy, End, anatomy, ends_of
from tinybench.runner.build.own_task import own_task, read_inputs, seeded, with_windows
from tinybench.runner.build.truth import TYPES

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
    computed_macs=0,
    removed=[],
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


def test_pictures_are_prepared_and_quantised(tmp_path: Path) -> None:
    """A folder of pictures is an input each, and labels.csv none; without a word it is refused."""
    values = np.arange(0, 120, 20, dtype=np.uint8).reshape(2, 3, 1)
    for name in ("a", "b"):
        Image.fromarray(values[..., 0]).save(tmp_path / f"{name}.png")
    (tmp_path / "labels.csv").write_text("a.png,0\nb.png,1\n")
    model = replace(MODEL, inputs=[replace(END, shape=[1, 2, 3, 1], scale=0.25)])
    how, labels = load_preparation("unit"), tmp_path / "labels.csv"
    given = read_inputs(tmp_path, model, leave_out=labels, how=how)
    assert [name for name, _ in given.inputs] == ["a.bin", "b.bin"]
    wanted = np.rint(values.reshape(-1) / 255 / 0.25) - 1
    assert _values(given.inputs[0][1]) == wanted.tolist()
    with pytest.raises(DatasetError, match="give --prepare"):
        read_inputs(tmp_path, model, leave_out=labels)


def test_int8_is_taken_as_it_is(tmp_path: Path) -> None:
    """From .npy and .bin, which are what the board is sent."""
    values = np.arange(-6, 6, dtype=np.int8).reshape(2, 6)
    np.save(tmp_path / "a.npy", values)
    (tmp_path / "b.bin").write_bytes(values.tobytes())
    given = read_inputs(tmp_path, MODEL)
    assert [_values(data) for _, data in given.inputs] == values.tolist() * 2
    assert len({name for name, _ in given.inputs}) == 4


@pytest.mark.parametrize(
    ("shape", "kind", "said"),
    [
        ((3, 2), np.int8, r"6 values of shape \[3, 2\]; an input of this model has 6: \[1, 2, 3\]"),
        ((2, 3, 2), np.float32, r"12 values of shape \[2, 3, 2\]"),
        ((2, 3), np.uint8, "uint8 values are neither this model's int8 nor real ones"),
        ((2, 3), np.int64, "int64 values are neither"),
    ],
)
def test_values_that_lie_otherwise_or_are_of_another_type_are_refused(
    shape: tuple[int, ...], kind: type, said: str, tmp_path: Path
) -> None:
    """As many of them are no reason: turned around, or pixels that are no units of the model."""
    np.save(tmp_path / "x.npy", np.zeros(shape, kind))
    with pytest.raises(DatasetError, match=said):
        read_inputs(tmp_path / "x.npy", MODEL)


@pytest.mark.parametrize("shape", [(6,), (1, 6), (2, 3), (1, 2, 3, 1), (2, 6), (2, 1, 2, 3)])
def test_values_may_lie_flat_or_as_the_input_does(shape: tuple[int, ...], tmp_path: Path) -> None:
    """One input, or two along a first axis; sizes of one count for nothing."""
    np.save(tmp_path / "x.npy", np.zeros(shape, np.int8))
    assert len(read_inputs(tmp_path / "x.npy", MODEL).inputs) == np.prod(shape) // 6


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("x.bin", b"12345", "5 bytes; an input of this model has 6"),
        ("x.bin", b"", "0 bytes"),
        ("x.csv", b"1,2,3\n", "3 values"),
        ("x.csv", b"1,2,3,4,5,nan\n", "not finite"),
        ("x.csv", b"1,2\n1,2,3\n", "line 2 has 3 values, the first 2"),
        ("x.csv", b"one,2\n", "lines of numbers"),
        ("x.csv", b"\xff\xfe\x00", "lines of numbers"),
        ("x.npy", b"\x93NUMPY\x01\x00", "no .npy of numbers"),
        ("x.npy", b"", "no .npy of numbers"),
        ("x.ogg", b"RIFF", "inputs are .bin, .npy, .csv, .png, .wav"),
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


@pytest.mark.parametrize("name", ["GATHER", "GATHER_ND", "EMBEDDING_LOOKUP"])
def test_seeded_ids_are_among_those_that_a_table_has(tmp_path: Path, name: str) -> None:
    """Whichever operator takes them, and however they are turned before; of any type."""
    path = tmp_path / "tokens.tflite"
    path.write_bytes(write(tokens(np.random.default_rng(0), name)))
    for found in (anatomy(path, ("plain",)), ends_of(path)):
        (end,) = found.inputs
        assert (end.type, end.places) == ("INT32", 7)
        for kind in ("INT8", "INT32", "FLOAT32"):
            model = replace(found, inputs=[replace(end, type=kind)])
            drawn = b"".join(data for _, data in seeded(model, 20, 1).inputs)
            assert set(np.frombuffer(drawn, TYPES[kind]).tolist()) == set(range(7))


def test_seeded_values_are_of_the_whole_type() -> None:
    """A word is four bytes, and each of them is drawn; those of int8 are as they ever were."""
    words = replace(MODEL, inputs=[replace(END, type="INT32")])
    (_, data), *_ = seeded(words, 1, 1).inputs
    assert len(data) == 24
    assert (abs(np.frombuffer(data, "<i4")) > 1 << 20).any()
    assert _values(seeded(MODEL, 1, 1).inputs[0][1]) == [-1, -28, 34, 121, -13, -67]


def _header(shape: tuple[int, ...]) -> bytes:
    """Return an .npy that claims a shape and holds nothing of it."""
    out = io.BytesIO()
    claim = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(out, claim)
    return out.getvalue()


@pytest.mark.parametrize("shape", [(1 << 44,), (1 << 70,), (6,)])
def test_a_header_that_claims_more_than_is_there_is_refused(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    """More than memory holds, more than a number holds, or only more than the file."""
    (tmp_path / "x.npy").write_bytes(_header(shape))
    with pytest.raises(DatasetError, match=r"x\.npy: no \.npy of numbers"):
        read_inputs(tmp_path / "x.npy", MODEL)


def test_an_archive_called_npy_is_refused(tmp_path: Path) -> None:
    """Whole, and cut off."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a", "b")
    for data in (out.getvalue(), out.getvalue()[:20]):
        (tmp_path / "x.npy").write_bytes(data)
        with pytest.raises(DatasetError, match=r"x\.npy"):
            read_inputs(tmp_path / "x.npy", MODEL)


def test_lines_of_another_length_are_not_joined_to_an_input(tmp_path: Path) -> None:
    """A line is an input, even if two short ones would make one."""
    (tmp_path / "x.csv").write_text("1,2,3\n4,5,6\n")
    with pytest.raises(DatasetError, match="lines of 3 values; a line is an input"):
        read_inputs(tmp_path / "x.csv", MODEL)


def test_floats_of_a_float_model_are_finite(tmp_path: Path) -> None:
    """NaN is refused in the model's own type as in another; what is too large is cut off."""
    ends = [replace(END, type="FLOAT32", scale=None, zero_point=None)]
    model = replace(MODEL, inputs=ends, input_b=24)
    for dtype in ("<f4", "<f8"):
        np.save(tmp_path / "x.npy", np.full(6, np.nan, dtype))
        with pytest.raises(DatasetError, match="not finite"):
            read_inputs(tmp_path / "x.npy", model)
    np.save(tmp_path / "x.npy", np.full(6, 1e300))
    ((_, data),) = read_inputs(tmp_path / "x.npy", model).inputs
    assert np.isfinite(np.frombuffer(data, "<f4")).all()


def test_values_of_a_model_without_a_scale_are_cut_off(tmp_path: Path) -> None:
    """They do not wrap around."""
    model = replace(MODEL, inputs=[replace(END, scale=None, zero_point=None)])
    np.save(tmp_path / "x.npy", np.array([300, -300, 1, 2, 3, 4]))
    ((_, data),) = read_inputs(tmp_path / "x.npy", model).inputs
    assert _values(data) == [127, -128, 1, 2, 3, 4]


def test_inputs_that_are_not_there_are_said_so(tmp_path: Path) -> None:
    """Whatever they are called."""
    with pytest.raises(DatasetError, match="no such file or folder"):
        read_inputs(tmp_path / "gone.npy", MODEL)


def test_more_outputs_than_a_line_holds_are_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    """With their number."""
    model = replace(MODEL, outputs=[replace(END, shape=[1, 200, 200, 3])])
    with pytest.raises(DatasetError, match=r"m\.tflite: 120000 output values"):
        own_task(tmp_path / "m.tflite", model, seeded(MODEL, 5, 1), tmp_path / "task")
    assert not (tmp_path / "task").exists()


def test_arrays_of_another_shape_are_no_inputs(tmp_path: Path) -> None:
    """Even where their number of values would do."""
    np.save(tmp_path / "x.npy", np.zeros((4, 3), np.int8))
    with pytest.raises(DatasetError, match=r"12 values of shape \[4, 3\]"):
        read_inputs(tmp_path / "x.npy", MODEL)


def test_bytes_of_a_float_model_are_finite_numbers(tmp_path: Path) -> None:
    """As those of its other files; a whole number of inputs."""
    model = replace(MODEL, inputs=[replace(END, type="FLOAT32", scale=None)], input_b=24)
    (tmp_path / "x.bin").write_bytes(np.array([0, 1, 2, 3, np.nan, 5], "<f4").tobytes())
    with pytest.raises(DatasetError, match=r"x\.bin: a value is not finite"):
        read_inputs(tmp_path / "x.bin", model)
