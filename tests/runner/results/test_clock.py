"""The DUT's clock beside the host's: what the time stamps of a run tell, however late they came."""

import random

import pytest

from tests import soak
from tinybench.runner.dut.inference import MICROS_WRAP
from tinybench.runner.results.clock import compare
from tinybench.runner.results.transcript import Lap
from tinybench.runner.rules.clock import OSCILLATORS

MILLISECOND_TIMER = 1000
CASES = 2000


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - test data


def _laps(
    chance: random.Random,
    ratio: float,
    *,
    spans_s: list[float],
    delay_s: float,
    timer_us: int = 1,
    start_us: int = 0,
) -> list[Lap]:
    """Return inferences that last so long, by a DUT's clock of that ratio; each is heard late."""
    now_s = 0.0
    found = []
    for span_s in spans_s:
        asked_s = now_s + chance.expovariate(1 / 0.002)
        done_s = asked_s + span_s
        now_s = done_s + min(chance.expovariate(1 / delay_s), 20 * delay_s)
        end_us = start_us + round(done_s * ratio * 1e6) // timer_us * timer_us
        found.append(
            Lap(1, round(span_s * ratio * 1e6), "0", end_us % MICROS_WRAP, now_s, asked_s, 0, 1)
        )
    return found


def _sessions(chance: random.Random) -> list[float]:
    """Return the lengths of a performance run's inferences, or those of an accuracy run."""
    if chance.random() < 0.5:
        return [span_s for _ in range(5) for span_s in (0.05, 10.2 * chance.uniform(0.9, 1.1))]
    return [0.05 * chance.uniform(0.9, 1.1)] * chance.randint(200, 1000)


@pytest.mark.parametrize("ratio", [0.5, 0.97, 0.99, 1.0, 1.01, 1.03, 1.9987, 10.0])
@pytest.mark.parametrize("delay_s", [0.001, 0.03])
def test_the_ratio_is_within_its_uncertainty(ratio: float, delay_s: float) -> None:
    """A busy host hears of the time stamps late, never early: the least delayed ones tell."""
    chance = _chance(7)
    for _ in range(20):
        found = compare(_laps(chance, ratio, spans_s=_sessions(chance), delay_s=delay_s))
        assert found is not None
        assert abs(found.ratio / ratio - 1) <= found.uncertainty


def test_a_long_run_tells_the_ratio_better_than_a_thousandth() -> None:
    """Five windows of ten seconds are enough."""
    spans_s = [span_s for _ in range(5) for span_s in (0.05, 10.2)]
    found = compare(_laps(_chance(1), 1.0, spans_s=spans_s, delay_s=0.002))
    assert found is not None
    assert found.uncertainty < 1e-3


def test_a_clock_of_32_bits_wraps_unseen() -> None:
    """71.6 minutes are no step back."""
    laps = _laps(_chance(1), 1.0, spans_s=[10.2] * 8, delay_s=0.002, start_us=MICROS_WRAP - 1)
    found = compare(laps)
    assert found is not None
    assert abs(found.ratio - 1) <= found.uncertainty


def test_a_dut_that_was_reset_begins_anew() -> None:
    """The longest span in which its clock ran on is the one that counts."""
    chance = _chance(1)
    before = _laps(chance, 1.0, spans_s=[1.0] * 5, delay_s=0.002, start_us=123_456_789)
    after = [
        Lap(1, lap.elapsed_us, "0", lap.end_us, lap.answered_s + 9, lap.asked_s, 0, 2)
        for lap in _laps(chance, 1.0, spans_s=[1.0] * 20, delay_s=0.002)
    ]
    found = compare([*before, *after])
    assert found is not None
    assert found.stamps == 20
    assert abs(found.ratio - 1) <= found.uncertainty


@pytest.mark.parametrize("laps", [[], [Lap(1, 5, "0", None, 1.0, 0.5, 0, 1)] * 9])
def test_without_time_stamps_there_is_no_ratio(laps: list[Lap]) -> None:
    """Nothing is claimed of a clock that was not read."""
    assert compare(laps) is None


@pytest.mark.soak
def test_no_clock_is_judged_wrongly() -> None:
    """Sound clocks pass under any load and with any timer; one that is off by two percent never."""
    chance = _chance(20)
    wrong = 0
    for _ in range(CASES):
        off = chance.choice([0.0, 0.0, -0.5, -0.02, 0.02, 0.03, 1.0, 9.0])
        found = compare(
            _laps(
                chance,
                1 + off + chance.uniform(-1e-4, 1e-4),
                spans_s=_sessions(chance),
                delay_s=chance.choice([0.001, 0.01, 0.05]),
                timer_us=chance.choice([1, 10, MILLISECOND_TIMER]),
                start_us=chance.randrange(MICROS_WRAP),
            )
        )
        assert found is not None
        passes = abs(found.ratio - 1) <= OSCILLATORS + found.uncertainty
        wrong += passes != (off == 0.0)
    soak.record("clock.cases", CASES, 1000, better="higher")
    soak.record("clock.wrong", wrong, 0, better="lower")
    assert wrong == 0
