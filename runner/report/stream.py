"""What a board heard of a stream, in lines: words and alarms, how busy it was, what it drew."""

from tinybench.plural import counted

from ..results import score
from ..results.result import Result
from ..results.stream import PERIOD_S, Busy, Stream

SHOWN = 12
"""Times that a line lists."""


def said(found: Stream, result: Result) -> list[tuple[str, str]]:
    """Return what is said of a stream, as names with values."""
    way = "whole inferences" if found.whole else "frame by frame"
    macs, computed = result.model.macs, result.model.computed_macs
    if macs is not None and computed not in (None, macs):
        way += f", {computed:,} of {macs:,} MACs each"
    first = found.first
    lines = [
        (
            "stream",
            f"{found.recording}, {found.length_s:g} s with {counted(len(found.words_s), 'word')}: "
            f"{found.heard:,} of {found.expected:,} frames heard, {way}",
        ),
        (
            "words",
            f"{first.found} found, {first.missed} missed, {first.false} false alarms, F1 "
            f"{first.f1:.3f}: a frame above {found.threshold} counts until {first.tail_s:g} s "
            "after a word",
        ),
    ]
    drift = [f"{ppm:+.0f} ppm by {name}" for name, ppm in found.score.drift_ppm.items() if ppm]
    if drift:
        lines.append(("drift", ", ".join(drift)))
    for name, times_s in (("missed at", found.score.missed_s), ("alarms at", found.score.false_s)):
        if times_s:
            more = f" and {len(times_s) - SHOWN} more" if len(times_s) > SHOWN else ""
            lines.append((name, ", ".join(f"{at_s:.1f}" for at_s in times_s[:SHOWN]) + f" s{more}"))
    half_s, most_s = found.score.latency_s(0.5), found.score.latency_s(0.9)
    if half_s is not None and most_s is not None:
        lines.append(
            (
                "latency",
                f"{half_s:+.3f} s from the end of a word to its first frame (median), "
                f"{most_s:+.3f} (nine of ten), {found.score.latencies_s[0]:+.3f} to "
                f"{found.score.latencies_s[-1]:+.3f}",
            )
        )
    if found.outside:
        done = "went around, as in the reference" if found.wraps else "were saturated"
        lines.append(("features", f"{found.outside:,} beyond int8 {done}"))
    if found.begun > 1:
        lines.append(("", f"the stream was begun {found.begun} times: the line was disturbed"))
    return lines + _times(found, result)


def _times(found: Stream, result: Result) -> list[tuple[str, str]]:
    instruction_ns = score.instruction_ns(result.time_base)
    lines = []
    if instruction_ns:
        counts = [
            round(value * 1e9 / instruction_ns)
            for value in (found.busy.p50_s, found.busy.p90_s, found.busy.max_s)
        ]
        p50, p90, most = (f"{count:,}" for count in counts)
        lines.append(("a frame", f"{p50} instructions (p50), {p90} (p90), {most} (most), emulated"))
    times = found.in_time(emulated=result.emulated)
    label = "estimated " * result.emulated
    if times is not None:
        lines += [
            ("a frame" if not lines else "", f"{label}{_spread(times)}"),
            ("duty cycle", f"{label}{duty(times)}"),
        ]
    if found.power_w is not None:
        lines.append(("mean power", f"modelled {found.power_w * 1e3:.3f} mW, not a measurement"))
    elif result.cycles is not None and result.cycles.energy is not None:
        busy_w = result.cycles.energy.usual_j / PERIOD_S
        lines.append(
            (
                "mean power",
                f"estimated {busy_w * 1e3:.3f} mW for the frames alone; what the board draws while "
                "it waits is not declared",
            )
        )
    elif result.emulated:
        lines.append(("mean power", "not modelled: what the board draws is not declared"))
    return lines


def _spread(times: Busy) -> str:
    p50, p90, most = (f"{one * 1e3:.3f}" for one in (times.p50_s, times.p90_s, times.max_s))
    return f"{p50} ms (p50), {p90} (p90), {most} (most)"


def duty(times: Busy) -> str:
    """Return the share of its time that a board works, and what came too late."""
    said = f"{times.duty:.4f} of {PERIOD_S * 1e3:g} ms, {times.missed:,} deadlines missed"
    return said + (
        f", {counted(times.overruns, 'frame')} of audio would be lost" if times.overruns else ""
    )
