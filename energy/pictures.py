"""Pictures of a trace: each window with its edges and its energy shaded, and all side by side."""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinybench import extras
from tinybench.errors import ToolMissingError, TraceError
from tinybench.uncertain import uncertain

from .analysis import Analysis, Window
from .integrate import powers_w
from .trace import CHUNK, Trace

POINTS = 2000
"""Columns of a picture; each shows the lowest, the mean and the highest power of its samples."""
AROUND = 0.15
"""What is shown before and after a window, as a share of it."""
NAME = "energy_inf_{:03d}.png"
"""As the public runner names them, counted from 0."""
ALL = "energy_windows.png"
HIGH_IN, DPI = 4.0, 110
LEFT_IN, RIGHT_IN, BOTTOM_IN, GAP_IN = 0.75, 0.15, 0.5, 0.15
LINE_IN, ABOVE_IN = 0.155, 0.27
"""Of a line of a window's title, and of the line above all windows."""
Columns = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


def draw(trace: Trace, found: Analysis, folder: Path) -> list[Path]:
    """Draw every window that has edges, and all of them side by side; return the files.

    Raises ToolMissingError without matplotlib, TraceError when the folder cannot be written.
    """
    windows = [window for window in found.windows if window.start_s is not None]
    if not windows:
        return []
    figure_of, shown = _figure_type(), [_shown(trace, window) for window in windows]
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for window, columns in zip(windows, shown, strict=True):
            title = _title(window, found.modelled, trace.windows_by)
            figure, (axes,) = _figure(figure_of, 10.0, 1, title)
            _draw_window(axes, trace, window, columns, title)
            axes.set_ylabel("mW")
            axes.legend(loc="upper right", fontsize=8)
            paths.append(folder / NAME.format(window.number - 1))
            figure.canvas.print_png(paths[-1])
        titles = [
            _title(window, found.modelled, trace.windows_by, short=True) for window in windows
        ]
        above = _above(found)
        longest = max(titles, key=lambda title: title.count("\n"))
        figure, panels = _figure(
            figure_of, 3.2 * len(windows), len(windows), longest, above=bool(above)
        )
        panels[0].set_ylabel("mW")
        for axes, window, columns, title in zip(panels, windows, shown, titles, strict=True):
            _draw_window(axes, trace, window, columns, title)
        figure.suptitle(above, y=1 - 0.05 / HIGH_IN)
        paths.append(folder / ALL)
        figure.canvas.print_png(paths[-1])
    except OSError as error:
        raise TraceError(f"cannot write pictures into {folder}: {error}") from error
    return paths


def _above(found: Analysis) -> str:
    """Return what stands above all windows; nothing where no figure comes of them."""
    if found.median_j is None or found.uncertainty_j is None:
        return ""
    per = "inference" if found.per_inference else "window"
    return (
        f"median {uncertain(found.median_j * 1e6, found.uncertainty_j * 1e6)} uJ/{per} (k = 2"
        + (f"; {', '.join(found.not_stated)} unknown" if found.not_stated else "")
        + (", modelled)" if found.modelled else ")")
    )


def _figure(
    figure_of: Any, wide_in: float, panels: int, title: str, *, above: bool = False
) -> tuple[Any, Any]:
    """Return a figure and its panels, below titles of so many lines.

    Its margins are what its words need; a layout engine that finds them out draws all twice.
    """
    figure = figure_of(figsize=(wide_in, HIGH_IN), dpi=DPI)
    top_in = 0.12 + LINE_IN * (title.count("\n") + 1) + (ABOVE_IN if above else 0.0)
    axes = figure.subplots(1, panels, sharey=True, squeeze=False)[0]
    left, right = LEFT_IN / wide_in, 1 - RIGHT_IN / wide_in
    each_in = (right - left) * wide_in / panels
    figure.subplots_adjust(
        left=left,
        right=right,
        bottom=BOTTOM_IN / HIGH_IN,
        top=1 - top_in / HIGH_IN,
        wspace=GAP_IN / max(each_in - GAP_IN, GAP_IN),
    )
    return figure, axes


def _figure_type() -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure  # drawn without pyplot: no global state, no display
    except ImportError as error:
        raise ToolMissingError(
            extras.missing("drawing pictures", "matplotlib", "energy")
        ) from error

    def figure(**said: Any) -> Any:
        made = Figure(**said)
        FigureCanvasAgg(made)
        return made

    return figure


def _shown(trace: Trace, window: Window) -> Columns:
    """Return the columns of a window, and of what is around it."""
    start_s, stop_s = _span(window)
    return envelope(trace, start_s, stop_s)


def _span(window: Window) -> tuple[float, float]:
    assert window.start_s is not None  # noqa: S101
    assert window.stop_s is not None  # noqa: S101
    lasts_s = window.stop_s - window.start_s
    return window.start_s - AROUND * lasts_s, window.stop_s + AROUND * lasts_s


def _draw_window(axes: Any, trace: Trace, window: Window, columns: Columns, title: str) -> None:
    start_s, stop_s = _span(window)
    times_s, low, mean, high = columns
    inside = (times_s >= window.start_s) & (times_s <= window.stop_s)
    axes.fill_between(times_s, low * 1e3, high * 1e3, color="0.8", linewidth=0, label="range")
    axes.plot(times_s, mean * 1e3, color="tab:blue", linewidth=0.8, label="mean")
    axes.fill_between(
        times_s[inside], 0, mean[inside] * 1e3, color="tab:orange", alpha=0.35, label="energy"
    )
    for edge in trace.edges if not trace.windows else itertools.chain(*trace.windows):
        if start_s <= edge.time_s <= stop_s:
            axes.axvline(edge.time_s, color="tab:red", linewidth=1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("s by the monitor's clock")
    axes.set_title(title, fontsize=9)


def _title(window: Window, modelled: bool, by: str, *, short: bool = False) -> str:
    words = [f"window {window.number}"]
    if window.faults:
        words.append("INVALID: " + "; ".join(window.faults))
    elif window.energy_j is not None and window.uncertainty_j is not None:
        words.append(f"{uncertain(window.energy_j * 1e6, window.uncertainty_j * 1e6)} uJ")
        if window.iterations and not short:
            words.append(f"{window.iterations} inferences in {window.monitor_s:.4f} s")
    if modelled:
        words.append("modelled")
    if by != "edges":
        words.append(f"by {by}: no MLPerf result")
    return ("\n" if short else ", ").join(words)


def envelope(trace: Trace, start_s: float, stop_s: float, most: int = POINTS) -> Columns:
    """Return time in s and lowest, mean and highest power in W, of at most `most` columns.

    Lost samples leave a hole.
    """
    rate_hz = trace.head.rate_hz
    first = max(math.floor(start_s * rate_hz), 0)
    last = min(math.ceil(stop_s * rate_hz), trace.count)
    size = max(math.ceil((last - first) / most), 1)
    some = max(CHUNK // size, 1) * size
    pieces = [
        _columns(trace, start, min(start + some, last), size) for start in range(first, last, some)
    ]
    if not pieces:
        nothing = np.empty(0)
        return nothing, nothing, nothing, nothing
    starts = np.arange(first, last, size)
    times_s = (starts + np.minimum(starts + size, last)) / 2 / rate_hz
    low, mean, high = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    return times_s, low, mean, high


def _columns(trace: Trace, start: int, stop: int, size: int) -> list[NDArray[np.float64]]:
    """Return the lowest, the mean and the highest power of every `size` samples, from `start` on.

    Either the samples are CHUNK at most, or there is one column of them, which is read in pieces.
    """
    columns = -(-(stop - start) // size)
    low, high = np.full(columns, np.inf), np.full(columns, -np.inf)
    total, count = np.zeros(columns), np.zeros(columns, int)
    for first in range(start, stop, CHUNK):
        power_w = powers_w(trace, first, min(first + CHUNK, stop))
        if columns > 1:  # the last one may be short
            lacks = columns * size - len(power_w)
            power_w = np.concatenate([power_w, np.full(lacks, np.nan)])
        power_w = power_w.reshape(columns, -1)
        there = np.isfinite(power_w)
        low = np.minimum(low, np.where(there, power_w, np.inf).min(axis=1))
        high = np.maximum(high, np.where(there, power_w, -np.inf).max(axis=1))
        total += np.where(there, power_w, 0.0).sum(axis=1)
        count += there.sum(axis=1)
    hole = np.where(count > 0, 1.0, np.nan)
    return [low * hole, total * hole / np.maximum(count, 1), high * hole]
