"""Pictures of a trace: each window with its edges and its energy shaded, and all side by side."""

import itertools
import math
from collections.abc import Iterator
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


def draw(trace: Trace, found: Analysis, folder: Path) -> list[Path]:
    """Draw every window that has edges, and all of them side by side; return the files.

    Raises ToolMissingError without matplotlib, TraceError when the folder cannot be written.
    """
    windows = [window for window in found.windows if window.start_s is not None]
    if not windows:
        return []
    figure_type = _figure_type()
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for window in windows:
            figure = figure_type(figsize=(10, 4), layout="constrained")
            _draw_window(figure.subplots(), trace, window, found.modelled)
            paths.append(folder / NAME.format(window.number - 1))
            figure.savefig(paths[-1], dpi=110)
        figure = figure_type(figsize=(3.2 * len(windows), 4), layout="constrained")
        panels = np.atleast_1d(figure.subplots(1, len(windows), sharey=True))
        panels[0].set_ylabel("mW")
        for axes, window in zip(panels, windows, strict=True):
            _draw_window(axes, trace, window, found.modelled, short=True)
        if found.median_j is not None and found.uncertainty_j is not None:
            per = "inference" if found.per_inference else "window"
            figure.suptitle(
                f"median {uncertain(found.median_j * 1e6, found.uncertainty_j * 1e6)} uJ/{per} "
                "(k = 2"
                + (f"; {', '.join(found.not_stated)} unknown" if found.not_stated else "")
                + (", modelled)" if found.modelled else ")")
            )
        paths.append(folder / ALL)
        figure.savefig(paths[-1], dpi=110)
    except OSError as error:
        raise TraceError(f"cannot write pictures into {folder}: {error}") from error
    return paths


def _figure_type() -> Any:
    try:
        from matplotlib.figure import Figure  # drawn without pyplot: no global state, no display
    except ImportError as error:
        raise ToolMissingError(
            extras.missing("drawing pictures", "matplotlib", "energy")
        ) from error
    return Figure


def _draw_window(
    axes: Any, trace: Trace, window: Window, modelled: bool, *, short: bool = False
) -> None:
    assert window.start_s is not None  # noqa: S101
    assert window.stop_s is not None  # noqa: S101
    lasts_s = window.stop_s - window.start_s
    start_s, stop_s = window.start_s - AROUND * lasts_s, window.stop_s + AROUND * lasts_s
    times_s, low, mean, high = envelope(trace, start_s, stop_s)
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
    axes.set_title(_title(window, modelled, trace.windows_by, short=short), fontsize=9)
    if not short:
        axes.set_ylabel("mW")
        axes.legend(loc="upper right", fontsize=8)


def _title(window: Window, modelled: bool, by: str, *, short: bool) -> str:
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


Columns = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


def envelope(trace: Trace, start_s: float, stop_s: float, most: int = POINTS) -> Columns:
    """Return time in s and lowest, mean and highest power in W, of at most `most` columns."""
    rate_hz = trace.head.rate_hz
    first = max(math.floor(start_s * rate_hz), 0)
    last = min(math.ceil(stop_s * rate_hz), trace.count)
    size = max(math.ceil((last - first) / most), 1)
    rows = list(_reduced(trace, first, last, size))
    if not rows:
        nothing = np.empty(0)
        return nothing, nothing, nothing, nothing
    times_s, low, mean, high = np.array(rows).T
    return times_s, low, mean, high


def _reduced(
    trace: Trace, first: int, last: int, size: int
) -> Iterator[tuple[float, float, float, float]]:
    """Yield (time, lowest, mean, highest) of `size` samples each; lost ones leave a hole."""
    for start in range(first, last, size):
        stop = min(start + size, last)
        low, high, total, count = math.inf, -math.inf, 0.0, 0
        for piece in range(start, stop, CHUNK):
            power_w = powers_w(trace, piece, min(piece + CHUNK, stop))
            power_w = power_w[np.isfinite(power_w)]
            if len(power_w):
                low, high = min(low, float(power_w.min())), max(high, float(power_w.max()))
                total, count = total + float(power_w.sum()), count + len(power_w)
        at_s = (start + stop) / 2 / trace.head.rate_hz
        yield (at_s, low, total / count, high) if count else (at_s, math.nan, math.nan, math.nan)
