"""An emulated board's time beside its emulator's count: what the counts of a transcript tell."""

import pytest

from tinybench.runner.results.counted import (
    PER_ANSWERED,
    PER_BYTE,
    PER_LAP,
    clock,
    stretches,
    windows,
)
from tinybench.runner.results.transcript import Lap

NS = 32
INFERENCE_US = 100_000
LINE_B = 500
SAID = b"%d instructions of %d ns for %d"
Said = list[Lap | tuple[str, bytes]]


def _session(ratio: float, late: bool = False, again: bool = False) -> Said:
    """Return a session whose timer is `ratio` times the count: four times inference and window."""
    said: Said = []
    count, told = 0, b""
    for number, (iterations, warmup) in enumerate([(1, 0), (100, 1)] * 4, start=1):
        said.append(("dut", b"x" * LINE_B))
        if told:
            said.append(("emulator", told))
        count += LINE_B * PER_BYTE // 4 + (iterations + warmup) * INFERENCE_US * 1000 // NS
        us = round(iterations * INFERENCE_US * ratio)
        asked_s = None if again and number == 3 else 1.0
        said.append(Lap(iterations, us, "0", None, 2.0, asked_s, warmup, 0))
        said.append(("emulator", b"asked %d" % number))
        told = SAID % (count, NS, number)
        if not late:
            said.append(("emulator", told))
            told = b""
        count += PER_LAP // 4
    return said


@pytest.mark.parametrize("ratio", [0.5, 0.8, 1.0, 1.25, 2.0])
@pytest.mark.parametrize("late", [False, True])
def test_the_count_tells_how_fast_the_timer_goes(ratio: float, late: bool) -> None:
    """Over the whole session, and in each window, within what the count may be more."""
    (stretch,) = stretches(_session(ratio, late))
    found = clock(stretch)
    assert found is not None
    assert found.witness == "emulator"
    assert abs(found.ratio / ratio - 1) <= found.uncertainty < 0.03
    counted = list(windows(stretch))
    assert len(counted) == (2 if late else 7)
    for (_, us, _), counted_s, unsure_s in counted:
        assert abs(us * 1e-6 / ratio - counted_s) <= unsure_s < 0.5


def test_what_a_slow_core_takes_to_print_its_results_is_not_held_against_its_timer() -> None:
    """Forty floats of a Cortex-M0+, 11,000 instructions each, after windows of two seconds."""
    printed = 40 * 8
    said: Said = []
    count = 0
    for number in range(1, 4):
        count += 2_000_000_000 // 64
        said.append(Lap(100, 2_000_000, "0", None, 2.0, 1.0, 0, 0))
        said.append(("host", b"x" * printed))
        said.append(("emulator", b"asked %d" % number))
        count += 40 * 11_000
        said.append(("emulator", b"%d instructions of 64 ns for %d" % (count, number)))
    (stretch,) = stretches(said)
    for _, counted_s, unsure_s in windows(stretch):
        assert 0.028 < counted_s - 2.0 <= unsure_s < 0.04
    assert PER_ANSWERED * 8 > 11_000


def test_an_inference_that_was_asked_for_twice_tells_nothing() -> None:
    """It may have been done twice."""
    (stretch,) = stretches(_session(1.0, again=True))
    assert clock(stretch) is None
    assert len(list(windows(stretch))) == 6


@pytest.mark.parametrize(
    "said",
    [b"", b"asked", b"asked x", b"-1 instructions of 32 ns for 1", b"9 instructions of 32 ns for 7",
     b"9" * 30 + b" instructions of 32 ns for 1", b"\xff"],
)  # fmt: skip
def test_what_is_no_count_is_none(said: bytes) -> None:
    """A transcript that others wrote may say anything."""
    (stretch,) = stretches([("emulator", b"asked 1"), ("emulator", said)])
    assert clock(stretch) is None
