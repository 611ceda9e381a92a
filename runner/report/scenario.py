"""What a scenario found, in lines: its figure, the tail, a histogram, the audits."""

import math
from collections.abc import Sequence

from tinybench.plural import counted

from ..results.scenario import Asked, LoadGen, Scenario, Tail
from ..results.scenario.words import figure

BARS = 8
"""Lines of the histogram."""
WIDTH = 40
"""Characters of its longest bar."""


def said(found: Scenario, emulated: bool) -> list[tuple[str, str]]:
    """Return what is said of a scenario, as names with values."""
    asked = found.asked
    unit = "emulated ms" if emulated else "ms"
    streams = f" of {asked.streams} inputs" if asked.name == "multi-stream" else ""
    count = (
        f"{counted(found.count, 'query', 'queries')}{streams} over "
        f"{found.duration_s:.3f} s of the DUT's clock"
    )
    by = asked.interference
    lines = [] if by is None else [("interference", f"injected: {by.words}")]
    lines += [
        ("scenario", f"{asked.name}, seed {asked.seed}: {count}"),
        ("figure", figure(found, emulated=emulated)),
    ]
    lines.append(("latency", f"{_percentiles(found.latency)} {unit}{_waiting(found)}"))
    if asked.name == "server":
        lines.append(("late", f"{found.over} of {found.count:,} after the deadline"))
    elif found.estimate_s is not None:
        lines.append(
            (
                "early stopping",
                f"p{asked.share * 100:g} at most {found.estimate_s * 1e3:.3f} {unit}, 99 % sure; "
                f"that leaves {found.discarded} slower",
            )
        )
    if found.end_to_end is not None:
        lines.append(
            ("end to end", f"{_percentiles(found.end_to_end)} ms, by this computer's clock")
        )
    if found.link_s is not None:
        lines.append(("line", f"{found.link_s * 1e3:.3f} ms of a query, the median"))
    if found.loadgen is not None:
        lines += _loadgen(found.loadgen, asked)
    if found.right is not None:
        asked_for = len(found.samples)
        lines.append(
            (
                "answers",
                f"{found.right:,} of {asked_for:,} right, of {found.inputs:,} different inputs",
            )
        )
    return lines


def histogram(found: Scenario, emulated: bool, width: int = WIDTH) -> list[str]:
    """Return the latencies of single inferences as a histogram, a line each: equal steps in log."""
    times_us = [us for us in found.device_us if us > 0]
    if not times_us:
        return []
    low, high = math.log(min(times_us)), math.log(max(times_us))
    step = (high - low) / BARS
    counts = [0] * (BARS if step else 1)
    for us in times_us:
        counts[min(int((math.log(us) - low) / step), BARS - 1) if step else 0] += 1
    most = max(counts)
    edges_ms = [math.exp(low + step * number) * 1e-3 for number in range(len(counts) + 1)]
    unit = "emulated ms" if emulated else "ms"
    shown = [f"{edge:.3f}" for edge in edges_ms]
    wide = max(map(len, shown))
    return [
        f"{shown[number]:>{wide}} to {shown[number + 1]:>{wide}} {unit} {count:>8,}  "
        + "#" * math.ceil(count / most * width)
        for number, count in enumerate(counts)
    ]


def _loadgen(told: LoadGen, asked: Asked) -> list[tuple[str, str]]:
    """Return what the genuine LoadGen says; its clock is another one than that of the figure."""
    values = (
        ("p50", told.p50_ns), ("p90", told.p90_ns), ("p97", told.p97_ns), ("p99", told.p99_ns),
        ("p99.9", told.p99_9_ns),
    )  # fmt: skip
    by = {"server": "which sent them, its queue real", "offline": "since the batch was sent"}
    said = f"{'VALID' if told.valid else 'INVALID'}, by LoadGen {told.version}"
    ms = ", ".join(f"{name} {ns * 1e-6:.3f}" for name, ns in values)
    lines = [("LoadGen", said + (f": {told.advice}" if told.advice else ""))]
    more = f"; {by[asked.name]}" if asked.name in by else ""
    lines.append(("", f"{ms} ms by this computer's clock, the line included{more}"))
    for name, ns in told.estimates_ns.items():
        lines.append(("", f"early stopping {name} at most {ns * 1e-6:.3f} ms, by the same"))
    return lines


def _waiting(found: Scenario) -> str:
    return ", its wait in the queue included" if found.asked.name == "server" else ""


def _percentiles(tail: Tail) -> str:
    values: Sequence[tuple[str, float]] = (
        ("p50", tail.p50_s), ("p90", tail.p90_s), ("p97", tail.p97_s), ("p99", tail.p99_s),
        ("p99.9", tail.p99_9_s),
    )  # fmt: skip
    return ", ".join(f"{name} {value_s * 1e3:.3f}" for name, value_s in values)
