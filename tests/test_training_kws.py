"""The training of the embedded keyword model: a short run from nothing, and what stops it early."""

import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from importlib.resources import files
from pathlib import Path

import pytest

from tinybench.models.training import kws


@pytest.mark.training
def test_short_training_makes_set_and_model(tmp_path: Path) -> None:
    """A short run makes a set and an int8 model of the reference form, and reports the accuracy."""
    if importlib.util.find_spec("tensorflow") is None:
        if "CI" in os.environ:
            pytest.fail("TensorFlow is not installed: run `make setup-train` first")
        pytest.skip("TensorFlow is not installed (`make setup-train`)")
    before = package_files()
    run = subprocess.run(
        [sys.executable, "-m", "tinybench.models.training.kws", "--short", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert run.returncode == 0, run.stderr
    assert re.search(r"top-1 on held-out voices after quantisation: \d+ of 60", run.stdout)
    kws.check_form((tmp_path / "kws01.tflite").read_bytes())
    with zipfile.ZipFile(tmp_path / "kws01.zip") as archive:
        assert len(archive.namelist()) == 61
    assert package_files() == before


def package_files() -> dict[str, int]:
    """Return when each embedded file of the package was last changed."""
    packages = ("tinybench.datasets", "tinybench.models")
    folders = [Path(str(files(name))) / "embedded" for name in packages]
    return {str(path): path.stat().st_mtime_ns for folder in folders for path in folder.glob("*")}


def test_missing_tensorflow_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without TensorFlow the command says what to install and exits with 2, without a traceback."""
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    assert kws.main(["--short"]) == 2
    assert "pip install 'tinybench-mcu[train]'" in capsys.readouterr().err
