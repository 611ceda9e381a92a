"""Forged traces: a right number, a fault or a refusal, never a wrong one; no false alarm."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.faults.traces import (
    KINDS,
    Outcome,
    honest,
    judge,
    other_iterations,
    run_cut,
    run_forged,
    run_live,
)
from tests.soak import record

EACH = 100
"""Traces of each kind in the long test, and ten times as many cut and live ones."""
HONEST = 200
NEVER_RIGHT = {
    "one false edge",
    "two false edges",
    "three false edges",
    "all negative",
    "nan in the edges",
    "a time of inf",
    "a jump in time",
    "current without a unit",
    "millivolts called volts",
    "doubled rows",
    "slower from a row on",
}
"""Kinds that leave nothing to be right about."""


@pytest.mark.parametrize("kind", KINDS)
def test_a_forged_trace_never_gives_a_wrong_number(kind: str, tmp_path: Path) -> None:
    """Of every kind a few."""
    outcomes = [run_forged(kind, seed, tmp_path / "a.csv") for seed in range(6)]
    assert not [one for one in outcomes if one.verdict == "WRONG"]
    if kind in NEVER_RIGHT:
        assert not [one for one in outcomes if one.verdict == "right"]


def test_a_cut_file_and_edges_of_a_run_never_give_a_wrong_number(tmp_path: Path) -> None:
    """Wherever it is cut, and whichever edges are false or missing."""
    outcomes = [run_cut(seed, tmp_path / "a.csv") for seed in range(20)]
    outcomes += [run_live(seed) for seed in range(100)]
    assert not [one for one in outcomes if one.verdict == "WRONG"]


def _honest(seed: int, path: Path) -> Outcome:
    rng = np.random.default_rng(seed)
    table = other_iterations(rng) if seed % 2 else honest(rng, 0.1)
    return judge(table, path)


def test_an_honest_trace_is_sound(tmp_path: Path) -> None:
    """Windows that differ by a tenth either way, or in iterations: no false alarm."""
    outcomes = [_honest(seed, tmp_path / "a.csv") for seed in range(20)]
    assert not [one for one in outcomes if one.verdict != "right"]


@pytest.mark.soak
def test_thousands_of_forged_traces(tmp_path: Path) -> None:
    """Each right within its uncertainty, or refused, or not sound; honest ones stay sound."""
    path = tmp_path / "a.csv"
    outcomes = {
        f"{kind} {seed}": run_forged(kind, seed, path) for kind in KINDS for seed in range(EACH)
    }
    outcomes |= {f"cut {seed}": run_cut(seed, path) for seed in range(10 * EACH)}
    outcomes |= {f"live {seed}": run_live(seed) for seed in range(10 * EACH)}
    wrong = {name: one.why for name, one in outcomes.items() if one.verdict == "WRONG"}
    alarms = {
        seed: one.why for seed in range(HONEST) if (one := _honest(seed, path)).verdict != "right"
    }
    record("trace.cases", len(outcomes), 2000, better="higher")
    record("trace.wrong", len(wrong), 0, better="lower")
    record("trace.honest", HONEST, HONEST, better="higher")
    record("trace.false_alarms", len(alarms), 0, better="lower")
    print(f"\ntrace.cases {len(outcomes)}\ntrace.wrong {len(wrong)}")
    print(f"trace.honest {HONEST}\ntrace.false_alarms {len(alarms)}")
    print(Counter(one.verdict for one in outcomes.values()))
    assert not wrong
    assert not alarms
