"""Figures of energy: each window with its uncertainty, and its power over time from the trace."""

import math
from dataclasses import dataclass
from pathlib import Path

from tinybench.energy.pictures import AROUND, envelope
from tinybench.energy.trace import open_trace
from tinybench.energy.view import shape
from tinybench.errors import TinybenchError
from tinybench.uncertain import uncertain

from ...results.names import TRACE_FILE
from ...results.result import Energy
from . import plots
from .parts import Behind, card, figure, note

ROWS = 24
"""Of the table behind the power over time."""
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


def energies(energy: Energy, folder: Path, stamp: str) -> list[str]:
    """Return the energy of each window, and its power where the trace is at hand."""
    stamp = "modelled" if energy.modelled else stamp
    found, why = powers(folder, energy)
    cards = [_windows(energy, stamp)]
    if why:
        cards.append(card("Power over time", note(why)))
    cards += [_over_time(one, energy, stamp) for one in found]
    return [*cards, *_shapes(folder, energy, stamp)] if found else cards


def _shapes(folder: Path, energy: Energy, stamp: str) -> list[str]:
    """Return the inferences of the first window laid over each other, and the levels of all."""
    window = next(one for one in energy.windows if one.start_s is not None)
    assert window.start_s is not None  # noqa: S101
    assert window.stop_s is not None  # noqa: S101
    unit = "modelled mW" if energy.modelled else "mW"
    cards = []
    try:
        with open_trace(folder / TRACE_FILE, links=False) as trace:
            levels = shape.levels(trace, 0.0, trace.count / trace.head.rate_hz)
            folded = shape.fold(trace, window.start_s, window.stop_s, window.iterations)
    except (TinybenchError, OSError, ValueError):
        return []  # what is wrong with the trace is said beside the power over time
    if folded is not None:
        columns = zip(folded.low, folded.mean, folded.high, strict=True)
        step_s = folded.period_s / len(folded.mean)
        points = [_point((n + 0.5) * step_s, *watts) for n, watts in enumerate(columns)]
        step = max(1, math.ceil(len(points) / ROWS))
        rows = [tuple("-" if v is None else f"{v:g}" for v in one) for one in points[::step]]
        said = (
            f"{folded.count} of {window.iterations} inferences of one window; grey: lowest to "
            f"highest; they deviate by at most {max(folded.deviation) * 1e3:.2g} {unit}"
        )
        cards.append(
            figure(
                "One inference on the next",
                plots.band(points, folded.period_s, unit, "s since it began"),
                Behind(("s", f"lowest, {unit}", "mean", "highest"), rows),
                stamp,
                note=said,
            )
        )
    if levels.counts:
        edges_mw = [edge * 1e3 for edge in levels.edges_w]
        bars = [b for b in zip(edges_mw, edges_mw[1:], levels.counts, strict=False) if b[2]]
        rows = [(f"{low:.4g}", f"{high:.4g}", count) for low, high, count in bars]
        cards.append(
            figure(
                "Levels of power",
                plots.levels(bars, unit),
                Behind((f"from, {unit}", f"to, {unit}", "samples"), rows),
                stamp,
                note="how often which power was drawn, the whole trace: sleep and work are hills",
            )
        )
    return cards


def _windows(energy: Energy, stamp: str) -> str:
    label = "modelled " * energy.modelled
    unit = f"{label}uJ/inference"
    each_uj: list[float | None] = []
    spreads_uj: list[float | None] = []
    tips, rows = [], []
    for number, w in enumerate(energy.windows, start=1):
        known = w.energy_j is not None and w.iterations > 0
        uj = (w.energy_j or 0.0) / w.iterations * 1e6 if known else None
        spread = (w.uncertainty_j or 0.0) / w.iterations * 1e6 if known else None
        each_uj.append(uj)
        spreads_uj.append(spread)
        value = "no energy" if uj is None else f"{uncertain(uj, spread or 0.0)} {unit} (k = 2)"
        power = "" if w.power_w is None else f"{label}{w.power_w * 1e3:.4g} mW"
        length = "" if w.monitor_s is None else f"{w.monitor_s:.4f} s"
        said = ", ".join(filter(None, (f"window {number}: {value}", power, length)))
        tips.append("\n".join((said, w.input, *w.faults, *w.warnings)))
        rows.append((number, w.input, w.iterations, value, power, length))
    about = f"{energy.monitor}; whiskers: k = 2; ×: a window that cannot be trusted"
    if energy.not_stated:
        about += f". The uncertainty is incomplete: {', '.join(energy.not_stated)} unknown"
    if energy.modelled:
        about = "A model's figures, not a measurement. " + about
    head = ("window", "input", "inferences", "energy", "power", "lasts")
    picture = plots.whiskers(each_uj, spreads_uj, tips, unit)
    return figure("Energy of each window", picture, Behind(head, rows), stamp, note=about)


def _over_time(one: "Power", energy: Energy, stamp: str) -> str:
    """Return the power of a window over time, from the trace."""
    unit = "modelled mW" if energy.modelled else "mW"
    slider = (
        f'<input class="when control" type="range" min="0" max="{max(len(one.points) - 1, 0)}" '
        f'value="{len(one.points) // 2}" aria-label="time in window {one.number}">'
        '<p class="note at"></p>'
    )
    said = "line: the mean; grey: lowest to highest; shaded: the window, which sets the scale"
    step = max(1, math.ceil(len(one.points) / ROWS))
    rows = [tuple("-" if v is None else f"{v:g}" for v in point) for point in one.points[::step]]
    return figure(
        f"{'modelled ' * energy.modelled}power in window {one.number}".capitalize(),
        plots.band(one.points, one.lasts_s, unit),
        Behind(("s", f"lowest, {unit}", "mean", "highest"), rows),
        stamp,
        note=said,
        more=slider,
        data={"power": one.points, "unit": unit},
    )


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
