"""Every fault of every simulated monitor: a right, flagged or refused window, never a wrong one."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.faults.monitors import CASES, Outcome, run_joulescope, run_lpm01a, run_otii, run_ppk2
from tests.faults.streams import run_damaged
from tests.soak import record
from tinybench.energy.simulated import scene

SAMPLE = (
    "lpm01a lost bytes",
    "lpm01a event lost",
    "lpm01a overflow",
    "lpm01a binary lost bytes",
    "ppk2 lost words",
    "ppk2 corrupt bytes",
    "ppk2 metadata cut",
    "joulescope current lost",
    "joulescope input stops",
    "joulescope restart",
    "otii licence taken",
    "otii samples lost",
    "otii hangs up",
)


DAMAGED = 1000
WHOLE = {
    "lpm01a": partial(run_lpm01a, ""),
    "lpm01a energy": partial(run_lpm01a, "", output="energy"),
    "lpm01a binary": partial(run_lpm01a, "", "binary"),
    "ppk2": partial(run_ppk2, ""),
    "js220": partial(run_joulescope, ""),
    "js110": partial(run_joulescope, "", "js110"),
    "js320": partial(run_joulescope, "", "js320"),
    "otii": partial(run_otii, ""),
}
RECOVERED = (
    "lpm01a residue",
    "lpm01a still streaming",
    "lpm01a htc refused once",
    "lpm01a late ack",
    "lpm01a calibration lines",
    "lpm01a nul",
    "lpm01a stamp lost",
    "ppk2 still streaming",
    "joulescope told twice",
)


@pytest.mark.parametrize("run", WHOLE.values(), ids=WHOLE)
def test_without_a_fault_every_window_is_right(run: Callable[[], Outcome]) -> None:
    """Within a thousandth of the energy that the load had."""
    assert run().verdict == "right"


@pytest.mark.parametrize("monitor", ["lpm01a", "ppk2", "joulescope", "otii"])
def test_a_clock_that_is_off_by_a_little_is_within_the_tolerance(
    monitor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hundred parts in a million: no window is doubted, and none is wrong by more."""
    monkeypatch.setattr(scene, "RATE_ERROR", 200e-6)
    assert CASES[f"{monitor} rate error"]().verdict == "right"


@pytest.mark.parametrize("case", RECOVERED)
def test_what_can_be_put_right_is_put_right(case: str) -> None:
    """A session goes on after old bytes, a first refusal, service lines."""
    assert CASES[case]().verdict == "right"


@pytest.mark.parametrize("case", SAMPLE)
def test_a_fault_never_gives_a_wrong_number(case: str) -> None:
    """What is not right is flagged or refused, and the supply is off afterwards."""
    assert CASES[case]().verdict != "WRONG"


@pytest.mark.parametrize("monitor", ["lpm01a", "ppk2"])
def test_damage_anywhere_in_a_session_never_gives_a_wrong_number(monitor: str) -> None:
    """Bytes lost, changed, repeated and put in, where chance has it."""
    outcomes = [run_damaged(monitor, seed) for seed in range(20)]
    assert {outcome.verdict for outcome in outcomes} <= {"right", "flagged", "refused"}


@pytest.mark.soak
def test_no_fault_of_any_monitor_gives_a_wrong_number() -> None:
    """The whole matrix, and a thousand damaged sessions of each wire format."""
    outcomes = {name: run() for name, run in CASES.items()}
    for monitor in ("lpm01a", "ppk2"):
        outcomes |= {f"{monitor} {seed}": run_damaged(monitor, seed) for seed in range(DAMAGED)}
    wrong = {name: outcome.why for name, outcome in outcomes.items() if outcome.verdict == "WRONG"}
    record("energy.fault_cases", len(outcomes), len(CASES) + 2 * DAMAGED, better="higher")
    record("energy.fault_wrong", len(wrong), 0, better="lower")
    assert not wrong
