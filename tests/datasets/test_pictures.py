"""The embedded pictures and the models for them: what is in the package, and how they are drawn."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.models.packaged import MODELS, read_set, unnamed_in_card
from tinybench.datasets import pictures
from tinybench.models.training import ic
from tinybench.models.training.quantise import check_form, confusion


def test_packaged_set_is_balanced_and_whole() -> None:
    """It has 200 different pictures of 3072 bytes, 20 of a class; five in a row differ in class."""
    lines, inputs = read_set("ic01")
    assert Counter(int(line[2]) for line in lines) == dict.fromkeys(range(10), 20)
    assert {line[1] for line in lines} == {"10"}
    assert len({line[2] for line in lines[:5]}) == 5
    assert {len(data) for data in inputs} == {pictures.INPUT_B}
    assert len(set(inputs)) == len(inputs)


def test_packaged_set_is_drawn_again() -> None:
    """The generator gives the packaged pictures; another processor may round a few values."""
    lines, inputs = read_set("ic01")
    for index in range(0, 200, 7):
        image, label = pictures.picture("test", index, seed=1)
        packaged = np.frombuffer(inputs[index], np.uint8).reshape(image.shape)
        assert label == int(lines[index][2])
        assert lines[index][0] == f"{pictures.CLASSES[label]}_{index:06d}.bin"
        assert np.mean(image != packaged) < 0.01


@pytest.mark.parametrize(
    ("model", "threshold"),
    [("ic01", 0.85), pytest.param("ic02", 0.91, marks=pytest.mark.soak)],
)
def test_packaged_models_pass_the_threshold(model: str, threshold: float) -> None:
    """Top-1 on the packaged set by TFLM's kernels is above the closed division's threshold."""
    pytest.importorskip("tflite_micro")
    lines, inputs = read_set("ic01")
    images = np.frombuffer(b"".join(inputs), np.uint8).reshape(-1, 32, 32, 3)
    labels = np.array([line[2] for line in lines], np.uint8)
    tflite_model = (MODELS / f"{model}.tflite").read_bytes()
    matrix = confusion(tflite_model, images, labels, len(pictures.CLASSES))
    assert matrix.trace() > threshold * matrix.sum()


@pytest.mark.parametrize("model", ["ic01", "ic02"])
def test_packaged_models_have_the_form_of_the_reference(model: str) -> None:
    """Operators, shapes and quantisation are the reference model's; the card names both files."""
    check_form((MODELS / f"{model}.tflite").read_bytes(), ic.FORM)
    assert not unnamed_in_card(model, "ic01")


def test_splits_and_seeds_differ(tmp_path: Path) -> None:
    """The same arguments give the same bytes; another seed or split gives other pictures."""
    wanted: dict[str, tuple[pictures.Split, int]] = {
        "a": ("test", 7),
        "b": ("test", 7),
        "c": ("train", 7),
        "d": ("test", 8),
    }
    for name, (split, seed) in wanted.items():
        pictures.write_dataset(tmp_path / name, *pictures.pictures(split, 10, seed))
    written = [(tmp_path / name).read_bytes() for name in "abcd"]
    assert written[0] == written[1]
    assert len(set(written)) == 3
