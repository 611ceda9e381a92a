"""`--no-prune`: what is left out of a model is said, and computed where that is asked for."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models import planted
from tests.models import tflite_builder as build
from tests.program import tinybench
from tinybench.errors import UsageError
from tinybench.runner import api

KWS_SHAPE = (49, 10, 1)


@pytest.fixture
def tflite(tmp_path: Path) -> str:
    """A model of the keyword task's ends, half of whose first channels are constants."""
    rng = np.random.default_rng(0)
    net = planted.Net()
    net.put(build.activation(rng, (1, *KWS_SHAPE)))
    first = build.convolution(rng, KWS_SHAPE, 4, (10, 4), (2, 2), relu=build.RELU)
    at = net.layer(planted.dead(first, [1, 2], -planted.HUGE, planted.HUGE), 0)
    scores = net.layer(build.fully_connected(rng, 25 * 5 * 4, 12), at)
    path = tmp_path / "half.tflite"
    path.write_bytes(build.write(net.model(scores)))
    return str(path)


def test_a_compiled_model_says_what_was_left_out_and_why(tflite: str, tmp_path: Path) -> None:
    """Layer by layer, with the number of products; nothing of it where it was not to be."""
    done = tinybench("compile", tflite, "-o", str(tmp_path / "c"))
    assert "13,000 of 26,000 MACs" in " ".join(done.stdout.split())
    assert "channels left out, of all: 0 CONV_2D: 2/4" in done.stdout
    assert "every output is the same to the bit" in " ".join(done.stdout.split())
    done = tinybench("compile", tflite, "-o", str(tmp_path / "c"), "--no-prune", "--to", "json")
    manifest = json.loads(done.stdout)
    assert (manifest["removed"], manifest["computed_macs"]) == ([], 26_000)


def test_what_a_model_is_and_where_it_fits_is_of_what_is_computed(tflite: str) -> None:
    """As it would be built, or with all channels."""
    done = tinybench("model", tflite, "--board", "stm32-h405", "--check", "--to", "json")
    less = json.loads(done.stdout)
    assert (less["macs"], less["computed_macs"]) == (26_000, 13_000)
    assert [one["channels"] for one in less["removed"]] == [4]
    given = api.model(tflite, board="stm32-h405", check=True, prune=False)
    assert given.anatomy.computed_macs == given.anatomy.macs
    assert less["needs"]["dsp"]["weights_b"] < given.anatomy.needs["dsp"].weights_b
    assert less["boards"][0]["flash_b"][0] < given.boards[0].flash_b[0]


@pytest.mark.parametrize("prune", [True, False])
def test_a_result_says_whether_channels_were_left_out(
    prune: bool, tflite: str, tmp_path: Path
) -> None:
    """The model's products stay those of VOPS; a check of the folder finds the same."""
    out = tmp_path / "run"
    outcome = api.run(board="host", task="kws", model=tflite, division="open", profile="quick",
                      mode="accuracy", limit=2, prune=prune, out=out)  # fmt: skip
    model = outcome.result.model
    assert (model.macs, model.pruned) == (26_000, prune)
    assert model.computed_macs == (13_000 if prune else 26_000)
    broken = [violation.rule for violation in api.check(out).violations]
    assert broken == [violation.rule for violation in outcome.violations]


def test_it_is_refused_where_nothing_is_compiled(tmp_path: Path) -> None:
    """An engine brings its own model, an image is built already, a board may hold its own."""
    done = tinybench("--board", "host", "--task", "kws", "--engine", str(tmp_path), "--no-prune")
    assert done.returncode == 2
    assert "--engine brings its own firmware; leave --no-prune out" in done.stderr
    done = tinybench("flash", "--image", "x.bin", "--flasher", "st-flash", "--no-prune")
    assert done.returncode == 2
    assert "--image is built already" in done.stderr
    words: dict[str, Any] = {"task": "kws", "no_prune": True}
    with pytest.raises(UsageError, match="say prune=False"):
        api.run(**words)
