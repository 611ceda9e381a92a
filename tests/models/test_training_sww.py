"""The training of the embedded wake word model: its streams, and a short run from nothing."""

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.models.packaged import train_short
from tinybench.datasets.wake.made import made
from tinybench.models.training import sww
from tinybench.models.training.quantise import check_form


@pytest.mark.training
def test_short_training_makes_recordings_and_model(tmp_path: Path) -> None:
    """A short run makes the archive and an int8 model of the reference form, and scores it."""
    printed = train_short("sww", tmp_path)
    assert re.search(r"short: TP \d+ FN \d+ FP \d+ of 10 words in 120 s", printed)
    check_form((tmp_path / "sww01.tflite").read_bytes(), sww.FORM)
    with zipfile.ZipFile(tmp_path / "sww01.zip") as archive:
        assert len(archive.namelist()) == 92


def test_a_history_is_of_the_word_once_all_of_it_is_seen() -> None:
    """Its frames lie at the end of a word and after it, one that is cut has no class."""
    clips = {
        f"{{{root}}}/{n}": made("pink", n, count)
        for root, count in (("word", 9_000), ("near", 8_000), ("talk", 40_000))
        for n in range(3)
    }
    ((heard, classes),) = sww.streams(1, 60.0, clips, 5)
    assert len(classes) == len(heard.samples) // 512
    assert {sww.WORD, sww.SILENCE, sww.OTHER, 255} == set(np.unique(classes).tolist())
    ends_s = (np.flatnonzero(classes == sww.WORD) + 1) * 0.032
    nearest = [min(at - end for _, end in heard.windows_s if at - end > -0.03) for at in ends_s]
    assert max(nearest) < 0.45
    again = next(iter(sww.streams(1, 60.0, clips, 5)))
    assert (again[0].samples == heard.samples).all()
