"""QEMU's own count of instructions beside the timer of the board that it emulates."""

import re
import shutil
from pathlib import Path

import pytest

from tests import ROOT
from tests.runner.rules.a_run import PROFILE
from tinybench.runner.compare.change import measured
from tinybench.runner.report.terminal.text import facts
from tinybench.runner.results.names import CYCLES_FILE
from tinybench.runner.results.request import Request
from tinybench.runner.rules import check_folder
from tinybench.runner.rules.judge import Outcome
from tinybench.runner.session.run import run
from tinybench.track import silent
from tinybench.uncertain import bounded

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
    _assert_estimated(found)


def _assert_estimated(found: Outcome) -> None:
    """The cycles of a run: of the instructions that its timer counted, and no others' to change."""
    cycles, performance = found.result.cycles, found.result.performance
    assert cycles is not None
    assert performance is not None
    assert performance.instructions_per_inference is not None
    assert 0 <= performance.instructions_per_inference - cycles.instructions < 100
    assert cycles.low < cycles.usual < cycles.high
    (compared,) = measured(found.folder).values()
    assert compared.metrics["cycles"].value == cycles.usual
    shown = facts(found.result)
    said = "; ".join(value for name, value in shown if name == "time")
    low, usual, high = bounded(*(bound_s * 1e3 for bound_s in cycles.bounds_s))
    assert said.startswith(f"estimated {usual} ms ({low} to {high})")
    assert f" {cycles.usual:,} cycles ({cycles.low:,} to {cycles.high:,})" in said
    assert "not a measurement" in said
    assert not {"throughput", "latency"} & {name for name, _ in shown}
    counted = found.folder / CYCLES_FILE
    counted.write_bytes(re.sub(rb"total [0-9]+", b"total 1", counted.read_bytes()))
    broken = check_folder(found.result, found.folder)
    assert any("cycles.usual" in one.found for one in broken)
    counted.write_bytes(b"no counts\n")
    broken = check_folder(found.result, found.folder)
    assert any("line 1 of what the plugin" in one.found for one in broken)


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
