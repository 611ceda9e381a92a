"""What is trained, before a board is asked for: inputs, splits, drift, and what lies in flash."""

import dataclasses
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tinybench.datasets.machines import STRANGER, machine_set, write_dataset
from tinybench.errors import UsageError
from tinybench.runner.train.drift import Drift, drift_of
from tinybench.runner.train.given import given, unseen
from tinybench.runner.train.samples import SAMPLES_MOST, insist_few


def test_classes_without_a_sample_are_named() -> None:
    """Their outputs learn to be low; of all inputs there are none."""
    only = given("kws", only="_Yes")
    assert set(unseen(only)) == set(only.task.classes) - {"Yes"}
    assert all("_Yes" in one.of.name for one in only.trained)
    assert unseen(given("kws", limit=60)) == []


def test_a_training_is_of_its_inputs_and_how_they_are_dealt() -> None:
    """As many others of the same data are another training."""
    found = [given("kws", only=name).sha256 for name in ("_Yes", "_No_", "_Yes")]
    assert found[0] == found[2] != found[1]
    assert given("kws", only="_Yes", held_out=0.25).sha256 != found[0]


def test_a_detector_is_trained_on_every_window_of_what_is_normal() -> None:
    """Half of the normal recordings of one machine; all others of it are held out, whole."""
    of = given("ad", only="id_02", init="model")
    assert len(of.trained) == 5 * 57
    assert {one.of.label for one in of.trained} == {0}
    assert [len(group) for group in of.held_out] == [57] * 15
    assert [group[0].of.label for group in of.held_out].count(1) == 10
    assert not {one.of.name for one in of.trained} & {group[0].of.name for group in of.held_out}
    whole = of.trained[0].of.read()
    assert b"".join(one.data() for one in of.trained[:57:5]) in whole


def test_samples_in_flash_are_written_as_they_are_uploaded() -> None:
    """With their labels, and none of the held-out ones; too many are refused with their bytes."""
    of = given("kws", limit=24, samples="flash")
    rows = re.findall(r"^\{([0-9,]+)\}", of.samples, re.MULTILINE)
    assert [bytes(map(int, row.split(","))) for row in rows] == [one.data() for one in of.trained]
    labels = ", ".join(str(one.label) for one in of.trained)
    assert f"train_labels[{len(rows)}] = {{{labels}}};" in of.samples
    assert of.variant.samples == len(rows)
    assert of.variant.ram_b == given("kws", limit=24).variant.ram_b + 2 * len(rows)
    small = dataclasses.replace(of.trained[0].of, window_b=1)
    one = dataclasses.replace(of.trained[0], of=small)
    assert len(insist_few([one] * SAMPLES_MOST)) == SAMPLES_MOST
    with pytest.raises(UsageError, match=r"65536 samples of 65,536 B; at most 65535"):
        insist_few([one] * (SAMPLES_MOST + 1))


def test_a_drift_is_the_same_for_the_same_input_and_stays_in_range() -> None:
    """Ints are rounded and kept within their type, floats are not; nothing declared, no change."""
    data = np.array([-128, -50, 0, 50, 127], np.int8).tobytes()
    assert drift_of("", "int8").of(data, "a") == data
    moved = np.frombuffer(drift_of("gain=1.5,offset=-2", "int8").of(data, "a"), np.int8)
    assert moved.tolist() == [-128, -77, -2, 73, 127]
    noisy = Drift(noise=3.0)
    assert noisy.of(data, "a") == noisy.of(data, "a") != noisy.of(data, "b")
    reals = np.zeros(10_000, "<f4").tobytes()
    found = np.frombuffer(drift_of("noise=2,offset=1", "float32").of(reals, "a"), "<f4")
    assert found.mean() == pytest.approx(1, abs=0.1)
    assert found.std() == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("words", ["gain", "gain=x", "noise=-1", "offset=1e9", "gain=nan", "a=1"])
def test_a_drift_that_is_none_is_refused(words: str) -> None:
    """The message says which words there are."""
    with pytest.raises(UsageError, match="gain, offset, noise"):
        drift_of(words, "int8")


def test_a_stranger_is_none_of_the_machines_that_the_model_knows(tmp_path: Path) -> None:
    """Its sounds are those of another machine, and its files say so."""
    features, labels = machine_set(2, 7, (STRANGER,))
    known, _ = machine_set(1, 7)
    assert labels.tolist() == [0, 1]
    assert np.abs(features[0].mean(axis=0) - known[0].mean(axis=0)).max() > 5
    write_dataset(tmp_path / "a.zip", features, labels, first=5, machines=1)
    with zipfile.ZipFile(tmp_path / "a.zip") as there:
        names = {Path(one).name for one in there.namelist()}
    assert {"normal_id_05_00000000.bin", "anomaly_id_05_00000001.bin"} < names
