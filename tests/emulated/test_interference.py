"""Interference that is built into emulated firmware: it takes what it says, when it says."""

from pathlib import Path
from typing import Any

import pytest

from tests.program import tinybench
from tinybench.errors import UsageError
from tinybench.runner.build.board import load_board
from tinybench.runner.results.result import read_result
from tinybench.runner.results.words import request_of
from tinybench.runner.rules import check_folder

PROFILE = """\
name = "moment"
title = "A moment"
source = "a test"
scenario_queries = 64
scenario_min_s = 1
"""
INSTRUCTIONS = 500_000


@pytest.mark.parametrize(
    ("board", "kind"),
    [
        ("mps2-an386", "interrupt"),
        ("mps2-an385", "flash"),
        *(
            pytest.param(board, "flash", marks=pytest.mark.soak)
            for board in ("mps3-an547", "mps2-an500", "mps2-an505")
        ),
    ],
)
def test_the_tail_has_its_reason(tmp_path: Path, board: str, kind: str) -> None:
    """Most queries take what they take without it, others as much longer as it keeps the core."""
    (tmp_path / "moment.toml").write_text(PROFILE)
    instruction_s = load_board(board).instruction_ns * 1e-9
    words = ["--board", board, "--task", "kws", "--scenario", "single-stream"]
    words += ["--min-queries", "250", "--interference", f"{kind}:450ms:{INSTRUCTIONS}"]
    out = tmp_path / "run"
    done = tinybench(*words, "--profile", str(tmp_path / "moment.toml"), "-o", str(out))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "interference    injected: " in done.stdout
    assert "interference was injected" in done.stdout
    assert "time            not known: interference" in done.stdout
    result = read_result(out)
    assert check_folder(result, out) == []
    found = result.scenario
    assert found is not None
    usual_s = found.latency.p50_s
    kept_s = INSTRUCTIONS * instruction_s
    times = [(us * 1e-6 - usual_s) / kept_s for us in found.device_us]
    assert all(abs(one - round(one)) < 0.01 for one in times)
    struck = sum(map(round, times))
    expected = found.duration_s / (0.45 + kept_s)
    assert 0.4 * expected < struck < 1.7 * expected
    assert found.latency.p99_s >= usual_s + 0.99 * kept_s
    listed = tinybench("results", str(tmp_path))
    assert "(interference injected)" in listed.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("interrupt", "is none: give interrupt or flash"),
        ("timer:1s:100", "is none"),
        ("interrupt:1us:100", "interference: interrupt:1us:100"),
        ("flash:1s:5", "interference: flash:1s:5"),
        ("flash:1s:99999999999", "is none"),
        ("interrupt:5h:100", "is none"),
        ("", "is none"),
    ],
)
def test_words_that_ask_for_none_are_refused(text: str, said: str) -> None:
    """With what was said, and how it is said."""
    with pytest.raises(UsageError, match=said):
        request_of(task="kws", scenario="single-stream", interference=text)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"board": "qemu-riscv32"}, "it can into that of mps2-an385"),
        ({"board": "host"}, "cannot be built into the firmware of board host"),
        ({"board": "mps2-an386", "interference": "interrupt:1ms:20000"}, "at most 15,625"),
    ],
)
def test_a_board_that_cannot_is_named(words: dict[str, Any], said: str) -> None:
    """One without a free timer, one that is measured, and one that would do nothing else."""
    asked = {"interference": "interrupt:1s:1000"} | words
    done = tinybench(
        "--task", "kws", "--scenario", "offline", "--board", asked["board"],
        "--interference", asked["interference"],
    )  # fmt: skip
    assert done.returncode == 2
    assert said in done.stderr
