"""Hold the DUT's clock against the host's: each window, and the whole log."""

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...dut.inference import MICROS_WRAP
from ...rules import README, Violation
from ..evidence import Evidence, Inferred

SHARE_MAX = 0.02
"""By how much the DUT's clock may be off the host's; the worst oscillator in a microcontroller."""
UNIT_OFF_SHARE = 0.1
HOST_MIN_US = 2_000_000
"""A shorter window says nothing of clocks by itself."""
HOST_LATE_US = 100_000
"""By how much the host may note a line late."""
SPAN_MIN_S = 5.0
"""Of a stretch of the log; a host's clock that prints seconds needs stretches as much longer."""
SPAN_MAX_S = 3600.0
"""The DUT's clock wraps around after 4295 s."""
STEPS_MIN = 10.0
"""So many steps of the host's clock make a stretch, so that one is not seen."""
ALIKE_SHARE = 0.8
"""Of the stretches, by time, that must agree: else the clock is one that begins anew."""
RATIO_MIN = 5e-4
"""Of a clock; one that begins anew at each inference hardly moves."""
SPANS_MIN = 3


@dataclass(frozen=True, slots=True)
class Clock:
    """The DUT's clock by the host's, over a whole log."""

    ratio: float
    """What the DUT counts as a second is so many."""
    stamps: int
    span_s: float
    step_s: float
    """Of the host's clock."""

    @property
    def wrong(self) -> bool:
        """Whether it is off by more than an oscillator, and the steps of the host's, can be."""
        return abs(self.ratio - 1) > SHARE_MAX + 1.5 * self.step_s / self.span_s


def judge(evidence: Evidence) -> Iterator[Violation]:
    """Yield a clock that does not count microseconds: of each window, else of the whole log."""
    of_windows = [
        found
        for number, one in enumerate(evidence.inferred, start=1)
        for found in _window(number, one)
    ]
    yield from of_windows
    clock = None if of_windows else whole(evidence)
    if clock is None or not clock.wrong:
        return
    yield _violation(
        1 / clock.ratio,
        f"{clock.span_s:.1f} s by the host's log, over {clock.stamps} time stamps",
        f"{clock.span_s * clock.ratio:.3f} s by the DUT's clock",
    )


def of_accuracy(evidence: Evidence) -> Iterator[Violation]:
    """Yield a wrong clock in accuracy mode, whose figures do not hang on it."""
    for found in list(judge(evidence))[:1]:
        yield Violation("accuracy-clock", found.clause, found.wanted, found.found, found.advice)


def whole(evidence: Evidence) -> Clock | None:
    """Return how the DUT's clock goes; None where the log does not tell, or it begins anew."""
    stamps = evidence.stamps
    if len(stamps) < 2 or not any(us for us, _ in stamps):
        return None
    spans: list[tuple[float, float]] = []  # DUT's and host's seconds
    least_s = max(SPAN_MIN_S, STEPS_MIN * evidence.host_step_s)
    from_us, from_s = stamps[0]
    for at_us, at_s in stamps[1:]:
        lasted_s = at_s - from_s
        if 0 <= lasted_s < least_s:
            continue
        if lasted_s <= SPAN_MAX_S and lasted_s > 0:
            passed_us = at_us - from_us
            if passed_us < 0 and max(at_us, from_us) < MICROS_WRAP:
                passed_us %= MICROS_WRAP
            spans.append((passed_us * 1e-6, lasted_s))
        from_us, from_s = at_us, at_s
    if len(spans) < SPANS_MIN:
        return None
    middle = statistics.median(dut_s / host_s for dut_s, host_s in spans)
    step_s = evidence.host_step_s
    alike = [
        (d, h)
        for d, h in spans
        if abs(d / h - middle) <= (SHARE_MAX + 2 * step_s / h) * abs(middle)
    ]
    span_s = sum(host_s for _, host_s in alike)
    if middle < RATIO_MIN or span_s < ALIKE_SHARE * sum(host_s for _, host_s in spans):
        return None
    ratio = sum(dut_s for dut_s, _ in alike) / span_s
    return Clock(ratio, len(stamps), span_s, step_s)


def corrected_rate(evidence: Evidence) -> float | None:
    """Return the median throughput by the host's clock, in 1/s, where the DUT's is wrong.

    None where no clock is wrong, or the log does not tell.
    """
    windows = evidence.inferred
    timed = [one for one in windows if one.elapsed_us and one.iterations]
    if not timed or not any(True for _ in judge(evidence)):
        return None
    clock = whole(evidence)
    if clock is not None and clock.wrong:
        return clock.ratio * statistics.median(
            one.iterations / ((one.elapsed_us or 1) * 1e-6) for one in timed
        )
    hosts = [(one.iterations, one.host_us) for one in timed]
    if any(host_us is None or host_us < HOST_MIN_US for _, host_us in hosts):
        return None
    return statistics.median(n / ((host_us or 1) * 1e-6) for n, host_us in hosts)


def _window(number: int, one: Inferred) -> Iterator[Violation]:
    if one.elapsed_us is None or one.host_us is None or one.host_us < HOST_MIN_US:
        return
    allowed_us = max(HOST_LATE_US, SHARE_MAX * one.host_us)
    if abs(one.elapsed_us - one.host_us) > allowed_us:
        yield _violation(
            one.host_us / max(one.elapsed_us, 1),
            f"{one.host_us * 1e-6:.3f} s by the host's log",
            f"window {number} lasted {one.elapsed_us * 1e-6:.6f} s by the DUT",
        )


def _violation(ratio: float, wanted: str, found: str) -> Violation:
    power = round(math.log10(ratio) / 3) * 3
    unit = power != 0 and abs(ratio / 10.0**power - 1) < UNIT_OFF_SHARE
    return Violation(
        "unit" if unit else "dut-clock",
        README + ", timestamps in microseconds",
        wanted,
        found + (f", off by 10^{power}" if unit else ""),
        "let the time stamps count microseconds",
    )


def median_s(evidence: Evidence) -> float | None:
    """Return the median time of one inference by the DUT's clock; None where it has none."""
    each_s: Sequence[float] = [
        one.elapsed_us * 1e-6 / one.iterations
        for one in evidence.inferred
        if one.elapsed_us and one.iterations > 0
    ]
    return statistics.median(each_s) if each_s else None
