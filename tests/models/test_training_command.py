"""What the training commands share."""

import sys

import numpy as np
import pytest

from tinybench import extras
from tinybench.errors import ModelError
from tinybench.models.training import ad, ic, kws, vww
from tinybench.models.training.command import command
from tinybench.models.training.fit import held_and_used


@pytest.mark.parametrize("module", [kws, vww, ic, ad])
def test_missing_tensorflow_is_said(
    module: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without TensorFlow a command says what to install and exits with 2, without a traceback."""
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    assert getattr(module, "main")(["--short"]) == 2  # noqa: B009
    assert extras.command("train") in capsys.readouterr().err


def test_short_runs_write_nothing_kept() -> None:
    """Without --out a short run works in a folder that is gone afterwards; options are passed."""
    seen = []
    assert command("m", "", lambda *given: seen.append(given), ["--short", "--seed", "5"]) == 0
    data, models, seed, short = seen[0]
    assert (seed, short) == (5, True)
    assert data == models
    assert not data.exists()


def test_an_error_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """An error of tinybench's own sets the exit status and is told without a traceback."""

    def make(*_: object) -> None:
        raise ModelError("no such form")

    assert command("m", "", make, []) == 2
    assert capsys.readouterr().err == "error: no such form\n"


def test_one_input_in_twenty_is_held_out() -> None:
    """Each input validates or is trained on; the same seed gives the same parts."""
    held, used = held_and_used(np.random.default_rng(3), 105)
    assert (len(held), len(used)) == (5, 100)
    assert sorted([*held, *used]) == list(range(105))
    again, _ = held_and_used(np.random.default_rng(3), 105)
    assert (held == again).all()
