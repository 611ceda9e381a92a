"""`--no-strips`: what is computed strip by strip is said, and whole where that is asked for."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models import tflite_builder as build
from tests.models import wide
from tests.program import tinybench
from tinybench.errors import UsageError
from tinybench.runner import api


@pytest.fixture
def tflite(tmp_path: Path) -> str:
    """A model with one wide tensor."""
    path = tmp_path / "wide.tflite"
    path.write_bytes(build.write(wide.first_stage(np.random.default_rng(5))))
    return str(path)


def test_a_compiled_model_says_what_is_in_strips_and_why(tflite: str, tmp_path: Path) -> None:
    """Which operators, how many strips, what it saves; nothing of it where it was not to be."""
    done = tinybench("compile", tflite, "-o", str(tmp_path / "c"))
    said = " ".join(done.stdout.split())
    assert "strip by strip: operators " in said
    assert "none is computed twice" in said
    assert "so every output is the same to the bit" in said
    done = tinybench("compile", tflite, "-o", str(tmp_path / "c"), "--no-strips", "--to", "json")
    whole = json.loads(done.stdout)
    assert (whole["strips"], whole["layers"]) == ([], [])
    assert f"the arena would take {whole['arena_b']:,} bytes else" in said


def test_what_a_model_is_and_where_it_fits_is_of_its_strips(tflite: str) -> None:
    """As it would be built, or whole."""
    done = tinybench("model", tflite, "--board", "stm32-h405", "--check", "--to", "json")
    less = json.loads(done.stdout)
    whole = api.model(tflite, board="stm32-h405", check=True, strips=False)
    assert less["needs"]["dsp"]["arena_b"] < whole.anatomy.needs["dsp"].arena_b
    assert less["boards"][0]["ram_b"][0] < whole.boards[0].ram_b[0]
    assert "strip by strip" in tinybench("model", tflite).stdout
    assert "strip by strip" not in tinybench("model", tflite, "--no-strips").stdout


def test_a_layer_in_strips_is_timed_as_one(tflite: str, tmp_path: Path) -> None:
    """A line an operator, whose shares are one together; the outputs are the reference's."""
    words = ("--board", "host", "--count", "2", "--to", "json", "-o", str(tmp_path / "r"))
    done = tinybench("model", tflite, *words)
    found = json.loads(done.stdout)
    assert [layer["index"] for layer in found["layers"]] == [0, 1, 2, 3, 4]
    assert sum(layer["share"] for layer in found["layers"]) == pytest.approx(1)
    assert done.returncode == 0


def test_it_is_refused_where_nothing_is_compiled(tmp_path: Path) -> None:
    """An engine brings its own model, an image is built already."""
    done = tinybench("--board", "host", "--task", "kws", "--engine", str(tmp_path), "--no-strips")
    assert done.returncode == 2
    assert "--engine brings its own firmware; leave --no-strips out" in done.stderr
    done = tinybench("flash", "--image", "x.bin", "--flasher", "st-flash", "--no-strips")
    assert done.returncode == 2
    assert "--no-strips is about a task's model" in done.stderr
    words: dict[str, Any] = {"task": "kws", "no_strips": True}
    with pytest.raises(UsageError, match="say strips=False"):
        api.run(**words)
