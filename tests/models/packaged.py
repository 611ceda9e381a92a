"""What the tests of embedded sets and models share: reading them, and a short training."""

import hashlib
import importlib.util
import subprocess
import sys
import zipfile
from importlib.resources import files
from pathlib import Path

import pytest

SETS = Path(str(files("tinybench.datasets"))) / "embedded"
MODELS = Path(str(files("tinybench.models"))) / "embedded"


def read_set(name: str) -> tuple[list[list[str]], list[bytes]]:
    """Return the fields of each label line and each input of a packaged set, in their order."""
    with zipfile.ZipFile(SETS / f"{name}.zip") as archive:
        text = archive.read(f"{name}/y_labels.csv").decode()
        lines = [line.split(",") for line in text.splitlines()]
        wanted = {f"{name}/y_labels.csv", *(f"{name}/{line[0]}" for line in lines)}
        assert set(archive.namelist()) == wanted
        return lines, [archive.read(f"{name}/{line[0]}") for line in lines]


def unnamed_in_card(model: str, dataset: str) -> list[str]:
    """Return which of both files the model's card does not name by SHA-256."""
    card = (MODELS / f"{model}.md").read_text(encoding="utf-8")
    paths = (MODELS / f"{model}.tflite", SETS / f"{dataset}.zip")
    return [
        path.name for path in paths if hashlib.sha256(path.read_bytes()).hexdigest() not in card
    ]


def train_short(task: str, out: Path) -> str:
    """Run a training command's smoke run into `out`, the package untouched; returns its output."""
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed (`make setup-train`)")
    before = _changed_ns()
    run = subprocess.run(
        [sys.executable, "-m", f"tinybench.models.training.{task}", "--short", "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert run.returncode == 0, run.stderr
    assert _changed_ns() == before
    return run.stdout


def _changed_ns() -> dict[str, int]:
    """Return when each embedded file of the package was last changed."""
    paths = (path for folder in (SETS, MODELS) for path in folder.glob("*"))
    return {str(path): path.stat().st_mtime_ns for path in paths}
