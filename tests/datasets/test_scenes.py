"""The embedded scenes and the model for them: what is in the package, and how they are drawn."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.models.packaged import MODELS, read_set, unnamed_in_card
from tinybench.datasets import scenes
from tinybench.models.training import vww
from tinybench.models.training.quantise import check_form, confusion


def test_packaged_set_is_balanced_and_whole() -> None:
    """It has 180 different scenes of 27648 bytes, half of them with a person."""
    lines, inputs = read_set("vww01")
    assert Counter(int(line[2]) for line in lines) == {0: 90, 1: 90}
    assert {line[1] for line in lines} == {"2"}
    assert {len(data) for data in inputs} == {scenes.INPUT_B}
    assert len(set(inputs)) == len(inputs)


def test_packaged_set_is_drawn_again() -> None:
    """The generator gives the packaged scenes; another processor may round a few values."""
    lines, inputs = read_set("vww01")
    for index in range(0, 180, 7):
        image, label, _ = scenes.scene("test", index, seed=1)
        packaged = np.frombuffer(inputs[index], np.uint8).reshape(image.shape)
        assert lines[index] == [f"{index:012d}.bin", "2", str(label)]
        assert np.mean(image != packaged) < 0.01


def test_packaged_model_passes_the_threshold() -> None:
    """Top-1 on the packaged set by TFLM's kernels is above 80 %."""
    pytest.importorskip("tflite_micro")
    lines, inputs = read_set("vww01")
    images = np.frombuffer(b"".join(inputs), np.uint8).reshape(-1, 96, 96, 3)
    labels = np.array([line[2] for line in lines], np.uint8)
    matrix = confusion((MODELS / "vww01.tflite").read_bytes(), images, labels, 2)
    assert matrix.trace() > 0.80 * matrix.sum()


def test_packaged_model_has_the_form_of_the_reference() -> None:
    """Operators, shapes and quantisation are the reference model's; the card names both files."""
    check_form((MODELS / "vww01.tflite").read_bytes(), vww.FORM)
    assert not unnamed_in_card("vww01", "vww01")


def test_a_person_can_be_seen() -> None:
    """A person covers at least 1 % of its scene; a scene without has none."""
    for index in range(60):
        _, label, parts = scenes.scene("train", index, seed=3)
        assert parts.shape == (scenes.PARTS, scenes.PARTS)
        assert parts.mean() > 0.01 if label == scenes.PERSON else not parts.any()


def test_splits_and_seeds_differ(tmp_path: Path) -> None:
    """The same arguments give the same bytes; another seed or split gives other scenes."""
    wanted: dict[str, tuple[scenes.Split, int]] = {
        "a": ("test", 7),
        "b": ("test", 7),
        "c": ("train", 7),
        "d": ("test", 8),
    }
    for name, (split, seed) in wanted.items():
        scenes.write_dataset(tmp_path / name, *scenes.scenes(split, 4, seed))
    written = [(tmp_path / name).read_bytes() for name in "abcd"]
    assert written[0] == written[1]
    assert len(set(written)) == 3
