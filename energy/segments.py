"""Windows where the current is above a threshold, for a trace without a timing pin.

Means of SPAN_S are compared, not samples: within an inference the current may fall for a moment.
"""

import math
import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tinybench.errors import TraceError, UsageError

from .trace import CHUNK, Edge, Trace

SPAN_S = 1e-3
SPANS_MAX = 10_000_000
SHORTEST_S = 10e-3
"""Shorter ones, and shorter pauses, are none."""
SEGMENTS_MAX = 10_000
APART = 1.2
"""Share by which the two levels differ at least where nobody states a threshold."""
CLEAR = 0.8
"""Share of the variance that two levels explain. Ref: Otsu 1979; 0.64 of normal noise, 0.75 of a
ramp."""
MARGIN = 0.1
"""Share of the step by which the current goes beyond the threshold before it counts."""
_LEVEL = re.compile(r"(\d{1,12}(?:\.\d{0,12})?(?:e-?\d{1,2})?)\s*([num]?)([AW]?)")
SCALES = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Level:
    """A threshold, in SI."""

    value: float
    unit: str = ""
    """"A", "W", or empty: that of the trace."""


def parse_level(text: str) -> Level:
    """Return a threshold such as "8.5mA" or "20mW". Raises UsageError."""
    found = _LEVEL.fullmatch(text.strip().replace("µ", "u"))
    value = float(found[1]) * SCALES[found[2]] if found else 0.0
    if found is None or not 0 < value < math.inf:
        raise UsageError(
            f"--threshold {text[:40]}: give a current above 0, such as 8.5mA, or a power, as 20mW"
        )
    return Level(value, found[3])


def segmented(trace: Trace, level: Level | None = None, *, cut: bool = False) -> Trace:
    """Return the trace with a window wherever its current, or power, is above a threshold.

    Without a `level` it is halfway between the two that the trace shows. A segment that the
    recording cuts off is none; with `cut` it is, where only its end is missing. Raises
    UsageError for a level of another kind, TraceError where there are no two levels, or no segment.
    """
    unit = "A" if trace.head.unit == "A" else "W"
    if level is not None and level.unit not in ("", unit):
        raise UsageError(
            f"--threshold in {level.unit}: {trace.name or 'the trace'} has samples of "
            f"{'current' if unit == 'A' else 'power'}; give it in {unit}"
        )
    size, means = _means(trace)
    low, high = _two_levels(trace, means) if level is None else (level.value, level.value)
    threshold = (low + high) / 2
    margin = MARGIN * (high - low)
    shortest = max(round(SHORTEST_S / size * trace.head.rate_hz), 1)
    bounds = _bounds(means, threshold, margin, shortest, cut=cut)
    if not bounds:
        raise TraceError(
            f"{trace.name}: no segment above {threshold:.4g} {unit} for {SHORTEST_S * 1e3:g} ms "
            f"lies whole within it; its means of {size / trace.head.rate_hz:.3g} s are "
            f"{np.nanmin(means):.4g} to {np.nanmax(means):.4g} {unit}"
        )
    if len(bounds) > SEGMENTS_MAX:
        raise TraceError(
            f"{trace.name}: {len(bounds)} segments above {threshold:.4g} {unit}: the current "
            "crosses it all the time; give another --threshold"
        )
    return replace(
        trace,
        windows=[
            (
                _crossing(trace, first, size, threshold, rises=True),
                _crossing(trace, last, size, threshold, rises=False),
            )
            for first, last in bounds
        ],
        windows_by="threshold",
        threshold=threshold,
    )


def _means(trace: Trace) -> tuple[int, Floats]:
    """Return samples a mean, and the means in A or W; NaN where no sample is there."""
    head = trace.head
    size = max(round(head.rate_hz * SPAN_S), math.ceil(trace.count / SPANS_MAX), 1)
    scale = {"J": head.rate_hz, "uJ": head.rate_hz * 1e-6}.get(head.unit, 1.0)
    found = []
    for chunk in trace.chunks(size=max(CHUNK // size, 1) * size):
        values = np.asarray(chunk.samples, np.float64)
        values = np.pad(values, (0, -len(values) % size), constant_values=np.nan)
        rows = values.reshape(-1, size)
        there = np.isfinite(rows)
        with np.errstate(invalid="ignore"):
            found.append(np.where(there, rows, 0.0).sum(1) / there.sum(1) * scale)
    if not found or not np.isfinite(np.concatenate(found)).any():
        raise TraceError(f"{trace.name}: no sample is there")
    return size, np.concatenate(found)


def _two_levels(trace: Trace, means: Floats) -> tuple[float, float]:
    """Return the two levels between which the current goes. Raises TraceError without them."""
    values = np.sort(means[np.isfinite(means)])
    count = np.arange(1, len(values))
    sums = np.cumsum(values)
    below = sums[:-1] / count
    above = (sums[-1] - sums[:-1]) / (len(values) - count)
    between = count * (len(values) - count) * (above - below) ** 2 / len(values) ** 2
    at = int(np.argmax(between)) if len(between) else 0
    variance = float(values.var())
    low, high = (
        float(np.median(values[: at + 1])),
        float(np.median(values[at + 1 :]) if len(between) else values[0]),
    )
    if not variance or between[at] < CLEAR * variance or high < APART * low:
        raise TraceError(
            f"{trace.name}: the current shows no two levels ({values[0]:.4g} to "
            f"{values[-1]:.4g}); give what parts them with --threshold, or the windows by hand "
            "with --window"
        )
    return low, high


def _bounds(
    means: Floats, threshold: float, margin: float, shortest: int, *, cut: bool
) -> list[tuple[int, int]]:
    """Return the first mean of each segment and the first after it; none that is cut off."""
    state = np.where(means > threshold + margin, 1, np.where(means < threshold - margin, 0, -1))
    state[~np.isfinite(means)] = -1
    known = np.flatnonzero(state >= 0)
    if not len(known):
        return []
    place = np.searchsorted(known, np.arange(len(state)), side="right") - 1
    high = state[known[np.maximum(place, 0)]] == 1
    for wanted in (False, True):  # short pauses first, then short segments
        starts = np.flatnonzero(np.diff(high, prepend=~high[:1], append=~high[-1:]))
        for first, last in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            inner = first > 0 and last < len(high)
            if high[first] == wanted and last - first < shortest and inner:
                high[first:last] = not wanted
    changes = np.flatnonzero(np.diff(high)) + 1
    rises = [int(at) for at in changes if high[at]]
    falls = [int(at) for at in changes if not high[at]]
    if falls and rises and falls[0] < rises[0]:
        falls = falls[1:]
    elif not rises:
        return []
    if cut and len(falls) < len(rises):
        falls.append(len(high) - 1)
    return list(zip(rises, falls, strict=False))


def _crossing(trace: Trace, span: int, size: int, threshold: float, *, rises: bool) -> Edge:
    """Return where the current crossed about a mean: within it, or the one before."""
    head = trace.head
    first = max((span - 1) * size, 0)
    last = min((span + 1) * size, trace.count)
    scale = {"J": head.rate_hz, "uJ": head.rate_hz * 1e-6}.get(head.unit, 1.0)
    values = np.asarray(trace.read(first, last)[0], np.float64) * scale
    above = np.nan_to_num(values) > threshold
    # The split with the fewest samples on the wrong side of it.
    after = np.concatenate([[0], np.cumsum(above if rises else ~above)])
    wrong = 2 * after - after[-1] + np.arange(len(after))[::-1]
    at = first + int(np.argmin(wrong))
    return Edge(at / head.rate_hz, None, size / head.rate_hz)
