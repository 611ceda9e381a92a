"""Boards whose time is wrong, or that answer from a cache: found; and no other is blamed."""

import os
from pathlib import Path

import pytest

from tests import soak
from tests.faults.clocks.boards import (
    JITTER,
    KINDS,
    MODES,
    TIME,
    build_board,
    cases,
    judge,
    judged,
    load,
)
from tests.faults.verdict import Case

HONEST = 100
"""Seeds, in each mode: 200 sessions."""


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The board."""
    return build_board(tmp_path_factory.mktemp("board"))


@pytest.mark.parametrize("mode", MODES)
def test_a_board_that_jitters_by_a_tenth_is_sound(board: Path, mode: str) -> None:
    """Its inferences differ by as much, and its clock is right."""
    verdict = judge(board, Case(TIME, JITTER, mode, 0))
    assert verdict.word == "same", verdict.said


@pytest.mark.parametrize("number", range(len(KINDS)))
def test_each_kind_of_wrong_time_is_found(board: Path, number: int) -> None:
    """A clock of another speed, one that drifts, a cache, a repeat that costs less."""
    mode = "performance" if number % 2 else "all"
    verdict = judge(board, Case(TIME, list(KINDS)[number], mode, number))
    assert verdict.word == "refused", verdict.said


@pytest.mark.parametrize("mode", MODES)
def test_a_cache_is_found_in_either_mode(board: Path, mode: str) -> None:
    """Also where the inputs of the windows were answered before, in the accuracy mode."""
    verdict = judge(board, Case(TIME, "cache", mode, 0))
    assert verdict.word == "refused"
    assert "single-latency" in verdict.said


@pytest.mark.soak
def test_no_sound_board_is_blamed_under_full_load() -> None:
    """200 sessions beside twice as many busy programs as there are processors."""
    with load(2 * (os.cpu_count() or 1)):
        verdicts = list(judged(cases([JITTER], range(HONEST))))
    alarms = [verdict for verdict in verdicts if verdict.word != "same"]
    print(f"clock.sessions {len(verdicts)}\nclock.false_alarms {len(alarms)}")
    soak.record("clock.sessions", len(verdicts), 200, better="higher")
    soak.record("clock.false_alarms", len(alarms), 0, better="lower")
    assert [(alarm.case, alarm.said) for alarm in alarms] == []
