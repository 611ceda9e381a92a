"""QEMU's own count of instructions beside the timer of the board that it emulates."""

import shutil
from pathlib import Path

import pytest

from tests import ROOT
from tests.runner.rules.a_run import PROFILE
from tinybench.runner.results.request import Request
from tinybench.runner.rules import check_folder
from tinybench.runner.rules.judge import Outcome
from tinybench.runner.session.run import run
from tinybench.track import silent

BOARDS = ROOT / "firmware" / "boards"
RIGHT = "mps2-fpgaio.prescale-clk=25000000"


def _outcome(folder: Path, board: str) -> Outcome:
    if shutil.which("qemu-system-arm") is None:
        pytest.skip("qemu-system-arm is not installed")
    profile = folder / "moment.toml"
    profile.write_text(PROFILE.format(seconds=2))
    request = Request(
        board=board, task="kws", mode="performance", profile=str(profile), out=folder / "run"
    )
    return run(request, silent, lambda _: None)


def test_the_timer_of_an_emulated_board_agrees_with_the_emulators_count(tmp_path: Path) -> None:
    """Over the whole run; the folder agrees with itself."""
    found = _outcome(tmp_path, "mps2-an386")
    assert found.violations == []
    (clock,) = found.result.clocks
    assert clock.witness == "emulator"
    assert abs(clock.ratio - 1) <= clock.uncertainty < 0.1
    assert found.result.performance is not None
    assert found.result.performance.latency_uncertainty_s is None
    assert any(window.counted_s is not None for window in found.result.performance.windows)
    assert check_folder(found.result, found.folder) == []


def test_an_emulated_timer_with_another_prescaler_is_found(tmp_path: Path) -> None:
    """As of QEMU's own AN505, whose timer has 20 MHz where the port wants 25."""
    declared = (BOARDS / "mps2-an505.toml").read_text()
    assert RIGHT in declared
    board = tmp_path / "mps2-an505.toml"
    board.write_text(declared.replace(RIGHT, RIGHT.replace("25", "20")))
    found = _outcome(tmp_path, str(board))
    assert {broken.rule for broken in found.violations} >= {"clock"}
    (clock,) = found.result.clocks
    assert abs(clock.ratio / 0.8 - 1) <= clock.uncertainty
