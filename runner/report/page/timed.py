"""Figures of times: windows, the latencies of a scenario, the frames of a stream."""

from collections.abc import Sequence

from tinybench.plural import counted
from tinybench.uncertain import uncertain

from ...results import score
from ...results.result import Performance, Result
from ...results.scenario import Scenario
from ...results.score import percentile
from ...results.stream import Stream
from ...streaming.timeline import WIDTH, drawn
from . import plots
from .parts import Behind, Picture, card, figure, note, table

COUNTED = "instructions (emulated)"
MOST = 16
"""Thresholds of a curve that are shown, the highest."""


def latency(found: Performance, result: Result, stamp: str) -> str:
    """Return the windows: instructions where time is a count of them, else ms."""
    instruction_ns = score.instruction_ns(result.time_base)
    unit = COUNTED if instruction_ns else "ms"
    seconds = "emulated s" if instruction_ns else "s"
    each = [
        scaled(w.elapsed_us / w.iterations, instruction_ns) if w.iterations else None
        for w in found.windows
    ]
    rows = [
        (n, w.input, w.iterations, f"{w.elapsed_us * 1e-6:.6f}", f"{0 if v is None else v:.7g}")
        for n, (w, v) in enumerate(zip(found.windows, each, strict=True), start=1)
    ]
    tips = [
        f"window {number}: {value} {unit} an inference\n{counted(count, 'inference')} on {name}, "
        f"{lasted} {seconds}"
        for number, name, count, lasted, value in rows
    ]
    median = scaled(found.latency_s * 1e6, instruction_ns)
    said = f"dashed: the median, which is the result: {median:,.7g} {unit}"
    if found.latency_uncertainty_s is not None and not instruction_ns:
        unsure_ms = found.latency_uncertainty_s * 1e3
        said = f"dashed: the median, which is the result: {uncertain(median, unsure_ms)} ms (k = 2)"
    said += f"; windows differ by {score.spread(found.windows):.2g} of it"
    return figure(
        "Instructions in each window" if instruction_ns else "Latency of each window",
        plots.dots(each, tips, unit, median),
        Behind(("window", "input", "inferences", seconds, f"{unit} an inference"), rows),
        stamp,
        note=said,
    )


def scaled(elapsed_us: float, instruction_ns: int) -> float:
    """Return a time in ms, or in instructions where time is a count of them."""
    return elapsed_us * 1e3 / instruction_ns if instruction_ns else elapsed_us * 1e-3


def percentiles(values: Sequence[float], unit: str) -> Behind:
    """Return the table behind a distribution."""
    rows: list[tuple[str, str]] = [("count", f"{len(values):,}"), ("least", f"{min(values):.7g}")]
    rows += [(f"p{p:g}", f"{percentile(values, p):.7g}") for p in (50, 90, 99, 99.9)]
    return Behind(("of all", unit), [*rows, ("most", f"{max(values):.7g}")])


def distribution(title: str, values: Sequence[float], unit: str, stamp: str, said: str) -> str:
    """Return a histogram, with what lies in each of its bars."""
    rows = [(f"{a:.6g}", f"{b:.6g}", count) for a, b, count in plots.bins(values) if count]
    behind = Behind((f"from, {unit}", f"to, {unit}", "inferences"), rows)
    return figure(title, plots.histogram(values, unit), behind, stamp, note=said)


def scenario(found: Scenario, stamp: str) -> list[str]:
    """Return the latencies of a scenario: how they lie, their tail, and their order."""
    unit = "emulated ms" if stamp == "emulated" else "ms"
    each_ms = [us * 1e-3 for us in found.device_us]
    count = f"{counted(len(each_ms), 'inference')} of {found.count:,} queries, by the DUT's clock"
    behind = percentiles(each_ms, unit)
    return [
        distribution("Latencies", each_ms, unit, stamp, count),
        figure("Tail", plots.tail(each_ms, unit), behind, stamp,
               note="-2: one inference of 100 takes longer"),
        figure("Latencies in order", plots.over_time(each_ms, unit), behind, stamp,
               note="outliers stand out"),
    ]  # fmt: skip


def stream(found: Stream, result: Result, stamp: str) -> list[str]:
    """Return the time line of a stream, its readings, and the times of its frames."""
    instruction_ns = score.instruction_ns(result.time_base)
    said = (
        "grey: the sound; green: a word, red: one that was missed; blue: the model's output, with "
        "the threshold; ticks: detections, red where a false alarm begins"
    )
    missed = set(found.told.missed_s)
    words = [
        (n, f"{begin_s:.2f}", f"{end_s:.2f}", "missed" if begin_s in missed else "found")
        for n, (begin_s, end_s) in enumerate(found.told.windows_s, start=1)
    ]
    line = Picture(*drawn(found.told), WIDTH, "timeline")
    heard = Behind(("word", "from, s", "to, s", "detection"), words)
    cards = [figure("Time line", line, heard, stamp, note=said, kind="wide")]
    rows = [
        (
            f"{one.tail_s:g} s" + (f", without {one.without_ppm:+.0f} ppm" * bool(one.without_ppm)),
            *map(str, (one.found, one.missed, one.false)),
            f"{one.f1:.3f}",
            "kept" if one.passes else "broken",
        )
        for one in found.score.readings
    ]
    readings = table(("until", "found", "missed", "false", "F1", "limits"), rows)
    about = found.score.disagreement or "until so long after its word a detection counts"
    cards.append(card("Words", readings + note(about)))
    if found.score.curve:
        curve = found.score.curve
        ways = [(p.threshold, p.missed, p.false) for p in curve[-MOST:]]
        cards.append(
            figure(
                "Misses against false alarms",
                plots.trade([(float(p.false), float(p.missed)) for p in curve],
                            "false alarms", "words missed"),
                Behind(("threshold", "missed", "false"), ways),
                stamp,
                note="each step: another threshold",
            )
        )  # fmt: skip
    unit = COUNTED if instruction_ns else "ms"
    each = [scaled(us, instruction_ns) for us in found.device_us]
    cards.append(
        figure("Frames in order", plots.over_time(each, unit), percentiles(each, unit), stamp,
               note="the time of each")
    )  # fmt: skip
    if found.score.latencies_s:
        late_ms = [late_s * 1e3 for late_s in found.score.latencies_s]
        what = "from a word's end to its first detection"
        cards.append(distribution("Latency of detection", late_ms, "ms", stamp, what))
    return cards
