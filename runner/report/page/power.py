"""The power of each energy window over time, reduced to what a plot can show."""

import math
from dataclasses import dataclass
from pathlib import Path

from tinybench.energy.pictures import AROUND, envelope
from tinybench.energy.trace import open_trace
from tinybench.errors import TinybenchError

from ...results.names import TRACE_FILE
from ...results.result import Energy

COLUMNS = 240
"""Of a plot; each has the lowest, the mean and the highest power of all its samples."""

Point = tuple[float, float | None, float | None, float | None]
"""Time since the window's first edge in s; lowest, mean and highest power in mW, None if lost."""


@dataclass(frozen=True)
class Power:
    """One window, with some time before and after it."""

    number: int
    lasts_s: float
    points: list[Point]


def powers(folder: Path, energy: Energy) -> tuple[list[Power], str]:
    """Return the windows that have edges, by the trace in a run folder; or why there are none."""
    spans = [
        (number, window.start_s, window.stop_s)
        for number, window in enumerate(energy.windows, start=1)
        if window.start_s is not None and window.stop_s is not None
    ]
    path = folder / TRACE_FILE
    if not spans or not path.is_file():
        return [], "" if not spans else "the trace is not in the run folder"
    found = []
    try:
        with open_trace(path, links=False) as trace:
            for number, start_s, stop_s in spans:
                around_s = AROUND * (stop_s - start_s)
                columns = envelope(trace, start_s - around_s, stop_s + around_s, COLUMNS)
                rows = zip(*(column.tolist() for column in columns), strict=True)
                points = [_point(at_s - start_s, *watts) for at_s, *watts in rows]
                found.append(Power(number, stop_s - start_s, points))
    except (TinybenchError, OSError, ValueError) as error:
        return [], f"the trace cannot be read: {error}"
    return found, ""


def _point(at_s: float, *watts: float) -> Point:
    low, mean, high = (_short(value * 1e3) if math.isfinite(value) else None for value in watts)
    return _short(at_s), low, mean, high


def _short(value: float) -> float:
    """Return a number with as many digits as a plot needs."""
    return float(f"{value:.5g}")
