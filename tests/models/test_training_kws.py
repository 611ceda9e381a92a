"""The training of the embedded keyword model: a short run from nothing."""

import re
import zipfile
from pathlib import Path

import pytest

from tests.models.packaged import train_short
from tinybench.models.training import kws
from tinybench.models.training.quantise import check_form


@pytest.mark.training
def test_short_training_makes_set_and_model(tmp_path: Path) -> None:
    """A short run makes a set and an int8 model of the reference form, and reports the accuracy."""
    printed = train_short("kws", tmp_path)
    assert re.search(r"top-1 on held-out voices after quantisation: \d+ of 60", printed)
    check_form((tmp_path / "kws01.tflite").read_bytes(), kws.FORM)
    with zipfile.ZipFile(tmp_path / "kws01.zip") as archive:
        assert len(archive.namelist()) == 61
