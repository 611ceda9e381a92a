"""What is known of a model's inputs: classes or outputs, read, or refused by name."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from tinybench.datasets.declaration import load_dataset
from tinybench.datasets.reader import read_samples
from tinybench.errors import DatasetError, UsageError
from tinybench.models.compiler.anatomy import Anatomy, End
from tinybench.runner.build.own_task import own_task, seeded, told, with_windows
from tinybench.runner.build.task import load_task
from tinybench.runner.build.truth import Told, read_truth

END = End(name="x", type="INT8", shape=[1, 6], scale=0.5, zero_point=-1)
MODEL = Anatomy(
    file="m.tflite",
    sha256="",
    size_b=0,
    inputs=[END],
    outputs=[replace(END, shape=[1, 3])],
    input_b=6,
    operators={},
    macs=0,
    computed_macs=0,
    removed=[],
    needs={},
)
SCORE = replace(MODEL, outputs=[replace(END, shape=[1, 1])])
MASK = replace(MODEL, outputs=[replace(END, shape=[1, 2, 2, 3])])
FLOAT = replace(
    MODEL, outputs=[End(name="y", type="FLOAT32", shape=[3], scale=None, zero_point=None)]
)
NAMES = ["a.bin", "b.bin"]


def test_classes_are_read_in_order_or_by_name(tmp_path: Path) -> None:
    """With a head or without, numbers or names; a single score is ranked."""
    for text in ("2\n0\n", "b,0\na.npy,2\n", "name,label\na,2\r\n\nb,0\n", "\ufeff2\n0"):
        (tmp_path / "y.csv").write_text(text, encoding="utf-8")
        truth = read_truth(Told(labels=tmp_path / "y.csv"), MODEL, NAMES)
        assert (truth.metric, truth.labels, truth.class_count) == ("top1", (2, 0), 3)
    (tmp_path / "y.csv").write_text("no\nyes\n", encoding="utf-8")
    said = Told(labels=tmp_path / "y.csv", classes=("yes", "no", "else"))
    assert read_truth(said, MODEL, NAMES).labels == (1, 0)
    (tmp_path / "y.csv").write_text("1\n0\n", encoding="utf-8")
    assert read_truth(Told(labels=tmp_path / "y.csv"), SCORE, NAMES).metric == "auc"


def test_outputs_are_read_in_real_units_from_every_form(tmp_path: Path) -> None:
    """The model's own bytes, real values, lines with names, a folder; half a step may differ."""
    steps = np.array([[-1, 1, 3], [-2, 0, 5]], np.int8)
    real = (steps + 1.0) * 0.5
    (tmp_path / "y.bin").write_bytes(steps.tobytes())
    np.save(tmp_path / "y.npy", steps)
    np.save(tmp_path / "real.npy", real)
    np.savetxt(tmp_path / "y.csv", real, delimiter=",")
    (tmp_path / "named.csv").write_text(
        "".join(
            f"{n},{','.join(map(str, row))}\n" for n, row in zip("ba", real[::-1], strict=True)
        ),
        encoding="utf-8",
    )
    (tmp_path / "folder").mkdir()
    for name, row in zip("ab", steps, strict=True):
        np.save(tmp_path / "folder" / f"{name}.npy", row)
    for file in ("y.bin", "y.npy", "real.npy", "y.csv", "named.csv", "folder"):
        truth = read_truth(Told(expect=tmp_path / file), MODEL, NAMES)
        assert truth.expected == tuple(map(tuple, real.tolist())), file
        assert (truth.metric, truth.tolerance) == ("exact", 0.25)
    np.save(tmp_path / "float.npy", np.array([[1, 200, 3], [4, 5, 6]], np.float32))
    assert read_truth(Told(expect=tmp_path / "float.npy"), FLOAT, NAMES).tolerance == 2e-3
    masks = np.array([[[0, 1], [2, 2]]] * 2)
    np.save(tmp_path / "masks.npy", masks)
    truth = read_truth(Told(expect=tmp_path / "masks.npy", metric="iou"), MASK, NAMES)
    assert truth.channels == 3
    assert np.reshape(truth.expected[0], (2, 2, 3)).argmax(2).tolist() == masks[0].tolist()


@pytest.mark.parametrize(
    ("model", "words", "text", "said"),
    [
        (MODEL, {"labels": "y.csv"}, "3\n0\n", "'3' is no class: wanted 0 to 2"),
        (MODEL, {"labels": "y.csv"}, "1.5\n0\n", "given by --expect"),
        (MODEL, {"labels": "y.csv"}, "1\n", "1 lines; wanted one for each of 2 inputs"),
        (MODEL, {"labels": "y.csv"}, "", "0 lines"),
        (MODEL, {"labels": "y.csv"}, "a,1\nc,1\n", "'c' is no input"),
        (MODEL, {"labels": "y.csv"}, "a,1\n", "nothing of input 'b'"),
        (MODEL, {"labels": "y.csv"}, "a,1\na,2\n", "'a' is there twice"),
        (MODEL, {"labels": "gone.csv"}, "", "gone.csv: cannot be read"),
        (MODEL, {"labels": "y.csv", "classes": ("a",)}, "0\n0\n", "1 names, for 3 classes"),
        (MODEL, {"labels": "y.csv", "metric": "auc"}, "0\n0\n", "answers 3 values"),
        (SCORE, {"labels": "y.csv", "metric": "top1"}, "0\n0\n", "a value for each class"),
        (MASK, {"labels": "y.csv"}, "0\n0\n", "this model answers 1x2x2x3"),
        (MODEL, {"labels": "y.csv", "metric": "iou"}, "0\n0\n", "--metric iou needs --expect"),
        (MODEL, {"labels": "y.csv", "expect": "y.csv"}, "0\n0\n", "exclude each other"),
        (MODEL, {"labels": "y.csv", "tolerance": 1.0}, "0\n0\n", "--tolerance is of --expect"),
        (MODEL, {"metric": "top1"}, "", "--metric needs --labels or --expect"),
        (MODEL, {"expect": "y.csv"}, "1,2\n1,2\n", "another model"),
        (MODEL, {"expect": "y.csv"}, "1,2,nan\n1,2,3\n", "not finite"),
        (MODEL, {"expect": "y.csv"}, "1,2,x\n1,2,3\n", "lines of numbers"),
        (MODEL, {"expect": "y.csv"}, "1,2,3\n", "1 lines"),
        (MODEL, {"expect": "y.bin"}, "12345", "5 bytes; the outputs of this model have 3"),
        (MODEL, {"expect": "y.bin"}, "123456789", "3 outputs for 2 inputs"),
        (MODEL, {"expect": "y.txt"}, "", "outputs are .npy, .csv, .bin"),
        (MODEL, {"expect": "gone"}, "", "no such file or folder"),
        (MODEL, {"expect": "y.bin", "metric": "iou"}, "123456", "of one mask"),
        (MASK, {"expect": "y.csv", "metric": "iou"}, "0,1,2,3\n0,0,0,0\n", "0 to 2 in it"),
    ],
)
def test_what_cannot_be_is_refused_with_what_was_wanted(
    tmp_path: Path, model: Anatomy, words: dict[str, Any], text: str, said: str
) -> None:
    """Files of another model or of other inputs, and words that cannot be together."""
    for name in ("y.csv", "y.bin", "y.txt"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    words = words | {k: tmp_path / words[k] for k in ("labels", "expect") if k in words}
    with pytest.raises((DatasetError, UsageError)) as refused:
        read_truth(Told(**words), model, NAMES)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.zeros((2, 4), np.int8), "8 values of shape [2, 4]; an output of this model has 3"),
        (np.zeros((6, 1), np.int8), "shape [6, 1]"),
        (np.zeros((2, 3), np.uint8), "uint8 values are neither this model's int8 nor real"),
        (np.zeros((2, 3), np.int64), "int64 values"),
    ],
)
def test_arrays_of_another_model_are_refused(
    tmp_path: Path, values: np.ndarray[Any, Any], said: str
) -> None:
    """Of another shape or type."""
    np.save(tmp_path / "y.npy", values)
    with pytest.raises(DatasetError) as refused:
        read_truth(Told(expect=tmp_path / "y.npy"), MODEL, NAMES)
    assert said in str(refused.value)
    assert "another model" in str(refused.value)


def test_a_task_holds_what_is_known_and_seeded_inputs_behind_have_none(tmp_path: Path) -> None:
    """Written, and read as any task is; other outputs make another set."""
    (tmp_path / "m.tflite").write_bytes(b"a model")
    digests = set()
    for number, last in enumerate((3.0, 4.0)):
        np.save(tmp_path / "y.npy", np.array([[1.0, 2.0, last]] * 2))
        given = told(seeded(MODEL, 2, 1), MODEL, Told(expect=tmp_path / "y.npy"))
        folder = tmp_path / str(number)
        task = load_task(
            str(own_task(tmp_path / "m.tflite", MODEL, with_windows(given, MODEL, 9), folder))
        )
        assert (task.metric, task.result_count, task.tolerance) == ("exact", 3, 0.25)
        samples = read_samples(zipfile.Path(folder / "inputs.zip"), load_dataset(task.dataset))
        assert [one.expected for one in samples.samples] == [(1.0, 2.0, last)] * 2 + [()] * 3
        digests.add(samples.sha256)
    assert len(digests) == 2


def test_too_few_classed_inputs_are_not_filled_up(tmp_path: Path) -> None:
    """Random ones have no class."""
    (tmp_path / "y.csv").write_text("0\n1\n", encoding="utf-8")
    given = told(seeded(MODEL, 2, 1), MODEL, Told(labels=tmp_path / "y.csv"))
    with pytest.raises(DatasetError, match="give 3 more"):
        with_windows(given, MODEL, 1)
