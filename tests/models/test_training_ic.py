"""The training of the embedded image classification models: a short run from nothing."""

import re
from pathlib import Path

import pytest

from tests.models.packaged import train_short
from tinybench.models.training import ic
from tinybench.models.training.quantise import check_form


@pytest.mark.training
def test_short_training_makes_set_and_models(tmp_path: Path) -> None:
    """A short run makes a set and int8 models of the reference form, and reports accuracies."""
    printed = train_short("ic", tmp_path)
    assert (tmp_path / "ic01.zip").is_file()
    for name in ("ic01", "ic02"):
        assert re.search(
            rf"{name}: top-1 on held-out pictures after quantisation: \d+ of 50", printed
        )
        check_form((tmp_path / f"{name}.tflite").read_bytes(), ic.FORM)
