"""Every fault of every simulated monitor: a right, flagged or refused window, never a wrong one."""

import pytest

from tests.faults.monitors import CASES
from tests.soak import record

SAMPLE = (
    "lpm01a htc refused once",
    "lpm01a calibration lines",
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


@pytest.mark.parametrize("case", SAMPLE)
def test_a_fault_never_gives_a_wrong_number(case: str) -> None:
    """What is not right is flagged or refused, and the supply is off afterwards."""
    assert CASES[case]().verdict != "WRONG"


@pytest.mark.soak
def test_no_fault_of_any_monitor_gives_a_wrong_number() -> None:
    """The whole matrix."""
    outcomes = {name: run() for name, run in CASES.items()}
    wrong = {name: outcome.why for name, outcome in outcomes.items() if outcome.verdict == "WRONG"}
    record("energy.fault_cases", len(outcomes), len(CASES), better="higher")
    record("energy.fault_wrong", len(wrong), 0, better="lower")
    assert not wrong
