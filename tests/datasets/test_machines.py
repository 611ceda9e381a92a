"""The embedded machine sounds and their model: what is in the package, and how it is made."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.models.packaged import MODELS, read_set, unnamed_in_card
from tinybench.datasets import machines
from tinybench.models.training import ad
from tinybench.models.training.quantise import check_form


def packaged() -> tuple[list[np.ndarray], np.ndarray]:
    """Return features (frames, 128) and labels of the packaged set."""
    lines, inputs = read_set("ad01")
    features = [np.frombuffer(data, "<f4").reshape(-1, 128) for data in inputs]
    return features, np.array([line[2] for line in lines], np.uint8)


def test_packaged_set_is_balanced_and_whole() -> None:
    """It has 80 different sounds of two seconds (61 frames), half of them anomalies."""
    lines, inputs = read_set("ad01")
    assert Counter(int(line[2]) for line in lines) == {0: 40, 1: 40}
    assert {(line[1], *line[3:]) for line in lines} == {("2", "2560", "512")}
    assert {len(data) for data in inputs} == {61 * 512}
    assert len(set(inputs)) == len(inputs)
    for line in lines:
        assert line[0].startswith("anomaly" if line[2] == "1" else "normal")


def test_packaged_set_is_made_again() -> None:
    """The generator gives the packaged features; another processor may round a few values."""
    made, labels = machines.machine_set(80, seed=1)
    features, packaged_labels = packaged()
    assert labels.tolist() == packaged_labels.tolist()
    assert np.mean(np.array(made) != np.array(features)) < 0.01
    assert np.array(made) == pytest.approx(np.array(features), abs=0.02)


def test_packaged_model_passes_the_threshold() -> None:
    """The AUC on the packaged set by TFLM's kernels is above 0.85."""
    pytest.importorskip("tflite_micro")
    tflite_model = (MODELS / "ad01.tflite").read_bytes()
    features, labels = packaged()
    scores = np.array([ad.score(tflite_model, frames) for frames in features])
    assert ad.auc(scores, labels) > 0.85


def test_packaged_model_has_the_form_of_the_reference() -> None:
    """Ten dense layers, 640 int8 in and out; the card names both files."""
    check_form((MODELS / "ad01.tflite").read_bytes(), ad.FORM)
    assert not unnamed_in_card("ad01", "ad01")


def test_auc_counts_pairs() -> None:
    """Pairs in the right order count one, ties a half."""
    scores, labels = np.array([1.0, 2, 2, 3]), np.array([0, 0, 1, 1])
    assert ad.auc(scores, labels) == (1 + 0.5 + 1 + 1) / 4


@pytest.mark.parametrize("fault", [None, *machines.FAULTS])
def test_sounds_are_within_full_scale(fault: str | None) -> None:
    """Two seconds at 16 kHz, neither silent nor clipped, the same for the same seed."""
    sound = machines.sound("test", 3, 5, fault)
    assert sound.shape == (32_000,)
    assert 0.02 < np.abs(sound).max() <= 1
    assert np.mean(np.abs(sound) == 1) < 0.001
    assert np.array_equal(sound, machines.sound("test", 3, 5, fault))
    assert not np.array_equal(sound, machines.sound("train", 3, 5, fault))


def test_set_is_the_same_file_for_the_same_seed(tmp_path: Path) -> None:
    """Another seed gives another file."""
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        machines.write_dataset(tmp_path / name, *machines.machine_set(8, seed))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()
