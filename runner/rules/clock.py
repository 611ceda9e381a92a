"""Rules on time itself: the DUT's clock beside the host's, and one inference beside many."""

import statistics
from collections.abc import Iterator, Sequence

from tinybench.uncertain import uncertain

from ..results import score
from ..results.result import Performance, Result, Window
from ..results.stream import Stream
from .rule import README, RULES, Rule, Ruling

CLOCK = Rule("clock", README + ", the DUT's timer measures")
SINGLE = Rule("single-latency", RULES + ", no caching between inputs")

AROUND = 1000
"""Instructions between an inference and the two time stamps around it, at most."""
OSCILLATORS = 0.005
"""What two sound clocks may differ by: oscillators inside a chip are trimmed no better."""
VERY_LATE_S = 1.0
"""By which no computer hears late of a window, but one that should measure nothing."""
TIMED_ALIKE = 0.25
"""What an inference by itself and one of a window may differ by: caches are cold, work jitters."""
COMPUTER_ALIKE = 4.0
"""... on a computer, which also does other things."""
SLACK_S = 1e-4
"""... of a short one: the first reads of flash and cache ..."""
COMPUTER_SLACK_S = 20e-3
"""... or a few turns of other programs, where there are more of them than cores."""


def rulings(result: Result) -> Iterator[Ruling]:
    """Yield what these rules say."""
    windows = result.performance.windows if result.performance else []
    answers = result.accuracy.answers if result.accuracy else []
    timed = bool(windows or answers or result.stream)
    if result.stream is not None and result.emulated:
        yield _of_frames(result, result.stream)
    elif timed and result.emulated:
        yield from _counted(result, windows)
    elif timed:
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
                f"{uncertain(clock.ratio, clock.uncertainty)} times this computer's, over "
                f"{clock.span_s:.0f} s",
                "every time of this result is wrong by that: look at the prescaler of the DUT's "
                "timer and at its clock's source",
            )
    for number, window in _wrong(windows):
        broken = True
        yield CLOCK.broken(
            wanted,
            f"window {number} took {window.elapsed_us * 1e-6:.3f} s by the DUT's clock, "
            f"{window.host_s:.3f} s by this computer's",
            "the time of this window is wrong: look at the DUT's timer, or whether it answers "
            "without inferring",
        )
    if not broken:
        said = [uncertain(clock.ratio, clock.uncertainty) for clock in result.clocks]
        yield CLOCK.kept(wanted, f"{', '.join(said) or 'as fast'} in every window")


def _of_frames(result: Result, stream: Stream) -> Ruling:
    """Judge emulated time of frames by one of them, whose instructions a plugin has counted."""
    wanted = f"frames whose time is within {OSCILLATORS:.1%} of a plugin's count of instructions"
    each_ns = score.instruction_ns(result.time_base)
    if result.cycles is None or not each_ns:
        return CLOCK.not_judged(wanted, "emulated time: no second witness")
    counted, timed = result.cycles.instructions, stream.busy.p50_s * 1e9 / each_ns
    return CLOCK.judged(
        abs(timed - counted) <= OSCILLATORS * counted + AROUND,
        wanted,
        f"{counted:,} counted of a frame, {timed:,.0f} by the timer of the emulated board (median)",
        "look at the prescaler and clock of the emulated timer, and at instruction_ns",
    )


def _counted(result: Result, windows: Sequence[Window]) -> Iterator[Ruling]:
    """Judge emulated time by the emulator's own count of instructions."""
    wanted = f"a timer of the emulated board within {OSCILLATORS:.1%} of its emulator's count"
    if not result.clocks and all(window.counted_s is None for window in windows):
        yield CLOCK.not_judged(wanted, "emulated time: no second witness")
        return
    wrong = [
        f"{uncertain(clock.ratio, clock.uncertainty)} times the emulator's count, over "
        f"{clock.span_s:.0f} emulated s"
        for clock in result.clocks
        if abs(clock.ratio - 1) > OSCILLATORS + clock.uncertainty
    ]
    for number, window in enumerate(windows, start=1):
        dut_s, counted_s = window.elapsed_us * 1e-6, window.counted_s
        unsure_s = OSCILLATORS * dut_s + (window.counted_uncertainty_s or 0.0)
        if counted_s is not None and abs(dut_s - counted_s) > unsure_s:
            wrong.append(
                f"window {number} took {dut_s:.3f} s by the DUT's timer, {counted_s:.3f} s by the "
                "emulator's count"
            )
    for found in wrong:
        yield CLOCK.broken(
            wanted,
            found,
            "look at the prescaler and clock of the emulated timer, and at instruction_ns",
        )
    if not wrong:
        said = [uncertain(clock.ratio, clock.uncertainty) for clock in result.clocks]
        yield CLOCK.kept(wanted, f"{', '.join(said) or 'as fast'} times its emulator's count")


def _wrong(windows: Sequence[Window]) -> list[tuple[int, Window]]:
    """Return the windows that took another time for the host, with their numbers.

    A host that is busy beyond measure hears late, never early. So one window that it heard late of
    stands, as the result is the median over windows: unless most are late, or it is very late.
    """
    heard, late = [], []
    for number, window in enumerate(windows, start=1):
        if window.host_s is None:
            continue
        dut_s = window.elapsed_us * 1e-6
        unsure_s = OSCILLATORS * dut_s + (window.host_uncertainty_s or 0.0)
        heard.append((number, window))
        if window.host_s - dut_s > unsure_s:
            late.append((number, window, window.host_s - dut_s - unsure_s > VERY_LATE_S))
        elif dut_s - window.host_s > unsure_s:
            late.append((number, window, True))
    most = 2 * len(late) >= len(heard)
    return [(number, window) for number, window, sure in late if sure or most]


def _single(result: Result, performance: Performance) -> Ruling:
    """Judge that an inference takes as long by itself as in a window, which repeats one input.

    By itself is just before a window, and in the accuracy mode: a cache may know the first.
    """
    wanted = "an inference by itself that takes as long as one of a window"
    before_us = [window.single_us for window in performance.windows if window.single_us is not None]
    answers = result.accuracy.answers if result.accuracy else []
    in_accuracy_us = [us for answer in answers for us in answer.elapsed_us]
    singles_us = [found for found in (before_us, in_accuracy_us) if found]
    if not singles_us:
        return SINGLE.not_judged(wanted, "no single inference was timed")
    window_s = performance.latency_s
    computer = result.core == "host"
    alike = COMPUTER_ALIKE if computer else 1 + TIMED_ALIKE
    stamps_us = [window.elapsed_us for window in performance.windows]
    timer_s = score.timer_us([*stamps_us, *before_us, *in_accuracy_us]) * 1e-6
    slack_s = timer_s + (COMPUTER_SLACK_S if computer else SLACK_S)
    singles_s = [statistics.median(found) * 1e-6 for found in singles_us]
    kept = all(
        single_s <= window_s * alike + slack_s and window_s <= single_s * alike + slack_s
        for single_s in singles_s
    )
    by_itself = " and ".join(f"{single_s * 1e3:.3f} ms" for single_s in singles_s)
    return SINGLE.judged(
        kept,
        wanted,
        f"{by_itself} by itself, {window_s * 1e3:.3f} ms in a window",
        "the DUT answers a repeated input otherwise than a new one, as from a cache: every "
        "inference must be computed",
    )
