"""Rules on time itself: the DUT's clock beside the host's, and one inference beside many."""

import statistics
from collections.abc import Iterator

from ..results.result import Performance, Result
from .rule import README, RULES, Rule, Ruling

CLOCK = Rule("clock", README + ", the DUT's timer measures")
SINGLE = Rule("single-latency", RULES + ", no caching between inputs")

OSCILLATORS = 0.005
"""What two sound clocks may differ by: oscillators inside a chip are trimmed no better."""
TIMED_ALIKE = 0.25
"""What an inference by itself and one of a window may differ by: caches are cold, work jitters."""
COMPUTER_ALIKE = 4.0
"""... on a computer, which also does other things."""
TIMER_US = 1000
"""Of a timer that counts milliseconds."""


def rulings(result: Result) -> Iterator[Ruling]:
    """Yield what these rules say; nothing of emulated time, which is an instruction count."""
    if result.emulated:
        return
    windows = result.performance.windows if result.performance else []
    timed = bool(windows or (result.accuracy and result.accuracy.answers))
    if timed:
        yield from _clock(result)
    if result.performance is not None and windows:
        yield _single(result, result.performance)


def _clock(result: Result) -> Iterator[Ruling]:
    """Judge the clock over the whole run, and in each window."""
    wanted = f"a clock of the DUT within {OSCILLATORS:.1%} of this computer's"
    windows = result.performance.windows if result.performance else []
    if not result.clocks and all(window.host_s is None for window in windows):
        if windows:  # without any, no time is claimed that a short run could not judge
            yield CLOCK.not_judged(wanted, "the result does not hold the host's time")
        return
    broken = False
    for clock in result.clocks:
        beside = abs(clock.ratio - 1)
        if beside > OSCILLATORS + clock.uncertainty:
            broken = True
            yield CLOCK.broken(
                wanted,
                f"{_ratio(clock.ratio, clock.uncertainty)} times this computer's, over "
                f"{clock.span_s:.0f} s",
                "every time of this result is wrong by that: look at the prescaler of the DUT's "
                "timer and at its clock's source",
            )
    for number, window in enumerate(windows, start=1):
        if window.host_s is None:
            continue
        dut_s = window.elapsed_us * 1e-6
        if abs(dut_s - window.host_s) > OSCILLATORS * dut_s + (window.host_uncertainty_s or 0.0):
            broken = True
            yield CLOCK.broken(
                wanted,
                f"window {number} took {dut_s:.3f} s by the DUT's clock, {window.host_s:.3f} s by "
                "this computer's",
                "the time of this window is wrong: look at the DUT's timer, or whether it answers "
                "without inferring",
            )
    if not broken:
        said = [_ratio(clock.ratio, clock.uncertainty) for clock in result.clocks]
        yield CLOCK.kept(wanted, f"{', '.join(said) or 'as fast'} in every window")


def _single(result: Result, performance: Performance) -> Ruling:
    """Judge that an inference takes as long by itself as in a window, which repeats one input."""
    wanted = "an inference by itself that takes as long as one of a window"
    single_us = [window.single_us for window in performance.windows if window.single_us is not None]
    if not single_us and result.accuracy:
        single_us = [us for answer in result.accuracy.answers for us in answer.elapsed_us]
    if not single_us:
        return SINGLE.not_judged(wanted, "no single inference was timed")
    single_s, window_s = statistics.median(single_us) * 1e-6, performance.latency_s
    alike = COMPUTER_ALIKE if result.core == "host" else 1 + TIMED_ALIKE
    timer_s = TIMER_US * 1e-6
    return SINGLE.judged(
        single_s <= window_s * alike + timer_s and window_s <= single_s * alike + timer_s,
        wanted,
        f"{single_s * 1e3:.3f} ms by itself, {window_s * 1e3:.3f} ms in a window",
        "the DUT answers a repeated input otherwise than a new one, as from a cache: every "
        "inference must be computed",
    )


def _ratio(ratio: float, uncertainty: float) -> str:
    return f"{ratio:.5f} ± {uncertainty:.1g}"
