"""The training of the embedded visual wake words model: a short run from nothing."""

import re
from pathlib import Path

import pytest

from tests.models.packaged import train_short
from tinybench.models.training import vww
from tinybench.models.training.quantise import check_form


@pytest.mark.training
def test_short_training_makes_set_and_model(tmp_path: Path) -> None:
    """A short run makes a set and an int8 model of the reference form, and reports the accuracy."""
    printed = train_short("vww", tmp_path)
    assert re.search(r"top-1 on held-out scenes after quantisation: \d+ of 20", printed)
    check_form((tmp_path / "vww01.tflite").read_bytes(), vww.FORM)
    assert (tmp_path / "vww01.zip").is_file()
