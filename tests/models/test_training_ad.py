"""The training of the embedded anomaly detection model: a short run from nothing."""

import re
from pathlib import Path

import pytest

from tests.models.packaged import train_short
from tinybench.models.training import ad
from tinybench.models.training.quantise import check_form


@pytest.mark.training
def test_short_training_makes_set_and_model(tmp_path: Path) -> None:
    """A short run makes a set and an int8 model of the reference form, and reports the AUC."""
    printed = train_short("ad", tmp_path)
    assert re.search(r"AUC on held-out sounds after quantisation: [01]\.\d+ of 16", printed)
    check_form((tmp_path / "ad01.tflite").read_bytes(), ad.FORM)
    assert (tmp_path / "ad01.zip").is_file()
