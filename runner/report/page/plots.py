"""Plots as SVG text, drawn for a phone's width; each mark says its figures when it is touched."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

from tinybench.plural import counted
from tinybench.uncertain import bounded

from ...results.score import percentile
from .axes import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, Axes, around, numbered
from .parts import WIDTH, Picture, text

BINS = 24
NEAR = 9.0
"""Marks that lie so close have their names in one text."""


def dots(values: Sequence[float | None], tips: Sequence[str], unit: str, middle: float) -> Picture:
    """Return one dot a window, the first at the left, and a line at `middle`; None is a cross."""
    known = [value for value in values if value is not None]
    low, high = around([*known, middle])
    axes = Axes(0.5, len(values) + 0.5, low, high)
    parts = [axes.frame("window", unit, numbered(len(values)))]
    y = axes.y(middle)
    parts.append(f'<line class="middle" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
    for number, (value, tip) in enumerate(zip(values, tips, strict=True), start=1):
        if value is None:
            parts.append(
                _mark(f'<text class="fault" x="{axes.x(number)}" y="{TOP + 12}">×</text>', tip)
            )
        else:
            parts.append(
                _mark(
                    f'<circle class="dot" cx="{axes.x(number)}" cy="{axes.y(value)}" r="5"/>', tip
                )
            )
    return Picture("".join(parts))


def whiskers(
    values: Sequence[float | None], spreads: Sequence[float | None], tips: Sequence[str], unit: str
) -> Picture:
    """Return a bar a window from 0, with its uncertainty; None is a cross."""
    tops = [v + (s or 0) for v, s in zip(values, spreads, strict=True) if v is not None]
    axes = Axes(0.5, len(values) + 0.5, 0.0, max([*tops, 0.0]) * 1.08 or 1.0)
    parts = [axes.frame("window", unit, numbered(len(values)))]
    half = min(18.0, (axes.x(2) - axes.x(1)) * 0.35)
    for number, (value, spread, tip) in enumerate(zip(values, spreads, tips, strict=True), start=1):
        x = axes.x(number)
        if value is None:
            parts.append(
                _mark(f'<text class="fault" x="{x}" y="{HEIGHT - BOTTOM - 6}">×</text>', tip)
            )
            continue
        y, zero = axes.y(value), axes.y(0)
        bar = (
            f'<rect class="bar" x="{x - half:.1f}" y="{y}" width="{2 * half:.1f}" '
            f'height="{max(0.5, zero - y):.1f}"/>'
        )
        if spread:
            up, down = axes.y(value + spread), axes.y(max(0.0, value - spread))
            bar += f'<path class="whisker" d="M{x - 5} {up}h10M{x} {up}V{down}M{x - 5} {down}h10"/>'
        parts.append(_mark(bar, tip))
    return Picture("".join(parts))


def bins(values: Sequence[float]) -> list[tuple[float, float, int]]:
    """Return (from, to, count) of each bar of a histogram; the last has all that is larger, too."""
    low, high = around([min(values), percentile(values, 99)])
    width = (high - low) / BINS
    counts = [0] * BINS
    for value in values:
        counts[min(BINS - 1, int((value - low) / width))] += 1
    return [(low + n * width, low + (n + 1) * width, count) for n, count in enumerate(counts)]


def histogram(values: Sequence[float], unit: str) -> Picture:
    """Return how many values lie where; the last bar has the largest hundredth too."""
    bars = bins(values)
    low, high = bars[0][0], bars[-1][1]
    axes = Axes(low, high, 0.0, max(count for *_, count in bars) * 1.05)
    parts = [axes.frame(unit, "inferences")]
    for index, (start, stop, count) in enumerate(bars):
        if not count:
            continue
        left, right, y = axes.x(start), axes.x(stop), axes.y(count)
        end = "more" if index == BINS - 1 else f"{stop:.6g}"
        parts.append(
            _mark(
                f'<rect class="bar" x="{left}" y="{y}" width="{max(1.0, right - left - 0.5):.1f}" '
                f'height="{axes.y(0) - y:.1f}"/>',
                f"{start:.6g} to {end} {unit}: {count}",
            )
        )
    return Picture("".join(parts))


def tail(values: Sequence[float], unit: str) -> Picture:
    """Return the share of values that are larger, on a log scale, against the value."""
    ordered = sorted(values)
    low, high = around([ordered[0], ordered[-1]])
    decades = max(1, math.ceil(math.log10(len(ordered))))
    axes = Axes(low, high, float(-decades), 0.0)
    points: list[tuple[float, float]] = []  # at each value the share falls by those that have it
    for rank, value in enumerate(ordered):
        if rank == 0 or value != ordered[rank - 1]:
            above = math.log10(1 - rank / len(ordered))
            points += [(points[-1][0], above)] if points else []
            points.append((value, above))
    points.append((ordered[-1], float(-decades)))
    path = " ".join(f"{axes.x(value)},{axes.y(share)}" for value, share in _thinned(points))
    shown = axes.frame(unit, "log10 of the share above")
    return Picture(f'{shown}<polyline class="curve" points="{path}"/>')


def over_time(values: Sequence[float], unit: str) -> Picture:
    """Return values in the order in which they came, the largest of each step of the picture."""
    low, high = around([min(values), max(values)])
    axes = Axes(0.0, float(max(1, len(values) - 1)), low, high)
    step = max(1, len(values) // (WIDTH - LEFT - RIGHT))
    starts = range(0, len(values), step)
    path = " ".join(
        f"{axes.x(start)},{axes.y(max(values[start : start + step]))}" for start in starts
    )
    return Picture(f'{axes.frame("inference", unit)}<polyline class="curve" points="{path}"/>')


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """Return as many points as a picture can show, the last ones all: they are the tail."""
    step = max(1, len(points) // WIDTH)
    return [*points[: -step or None : step], *points[-step:]]


def layers(
    names: Sequence[str], values: Sequence[float], tips: Sequence[str], unit: str
) -> Picture:
    """Return a bar a layer, the first at the top, with its share of all."""
    high, total = max([*values, 0.0]) or 1.0, sum(values) or 1.0
    left, row = 146, 18
    parts = []
    for index, (name, value, tip) in enumerate(zip(names, values, tips, strict=True)):
        y = index * row
        width = (WIDTH - left - 50) * value / high
        bar = (
            f'<text class="name" x="{left - 4}" y="{y + 13}">{text(name[:22])}</text>'
            f'<rect class="bar" x="{left}" y="{y + 3}" width="{max(0.5, width):.1f}" height="13"/>'
            f'<text x="{left + width + 4:.1f}" y="{y + 13}">{value / total:.1%}</text>'
        )
        parts.append(_mark(bar, tip))
    caption = f'<text x="{left}" y="{len(names) * row + 13}">share of {text(unit)}</text>'
    return Picture("".join(parts) + caption, len(names) * row + 20)


def ranges(
    names: Sequence[str],
    values: Sequence[tuple[float, float, float]],
    tips: Sequence[str],
    unit: str,
    data: Sequence[str],
) -> Picture:
    """Return a bar a row from 0 to the middle of (low, usual, high), with a whisker of the rest.

    `data`: more attributes of each, as HTML.
    """
    most, left, row = max([high for *_, high in values] or [0.0]) or 1.0, 146, 18
    parts = []
    for index, (name, (low, usual, high), tip, more) in enumerate(
        zip(names, values, tips, data, strict=True)
    ):
        y, room = index * row, WIDTH - left - 60
        shown = bounded(low, usual, high)[1]
        bar = (
            f'<text class="name" x="{left - 4}" y="{y + 13}">{text(name[:22])}</text>'
            f'<rect class="bar" x="{left}" y="{y + 3}" width="{max(0.5, usual / most * room):.1f}" '
            f'height="13"/><path class="whisker" d="M{left + low / most * room:.1f} {y + 6}v7m0-3.5'
            f'H{left + high / most * room:.1f}m0-3.5v7"/>'
            f'<text x="{left + high / most * room + 4:.1f}" y="{y + 13}">{shown}</text>'
        )
        parts.append(_mark(bar, tip, more))
    caption = f'<text x="{left}" y="{len(names) * row + 13}">{text(unit)}</text>'
    return Picture("".join(parts) + caption, len(names) * row + 20)


def confusion(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> Picture:
    """Return the matrix, true class down, answered class across; a cell knows its two numbers."""
    left, top = 64, 64
    cell = min(40.0, (WIDTH - left - 36) / len(classes))
    parts = []
    for index, name in enumerate(classes):
        at = (index + 0.5) * cell + 4
        short = text(name[:10])
        parts.append(f'<text class="name" x="{left - 4}" y="{top + at}">{short}</text>')
        across = left + at
        parts.append(
            f'<text x="{across:.1f}" y="{top - 5}" transform="rotate(-60 {across:.1f} {top - 5})">'
            f"{short}</text>"
        )
    for truth, row in enumerate(counts):
        total = sum(row)
        for answer, count in enumerate(row):
            kind = "right" if truth == answer else "wrong"
            share = count / total if total else 0.0
            x, y = left + answer * cell, top + truth * cell
            shade = 0.0 if not count else 0.15 + 0.85 * share
            square = (
                f'<rect class="cell {kind}" x="{x:.1f}" y="{y:.1f}" width="{cell - 1:.1f}" '
                f'height="{cell - 1:.1f}" fill-opacity="{shade:.2f}"/>'
            )
            if count:
                strong = " strong" if shade > 0.55 else ""
                square += (
                    f'<text class="count{strong}" x="{x + cell / 2:.1f}" '
                    f'y="{y + cell / 2 + 4:.1f}">{count}</text>'
                )
            tip = f"{classes[truth]} answered as {classes[answer]}: {count} of {total}"
            parts.append(_mark(square, tip, f' data-cell="{truth},{answer}"'))
    return Picture("".join(parts), top + len(classes) * cell + 4)


def roc(points: Sequence[tuple[float, float, float]], area: float | None) -> Picture:
    """Return the curve of (threshold, false, true positive rate), and a dot for a slider."""
    axes = Axes(0.0, 1.0, 0.0, 1.0)
    x0, y0, x1, y1 = axes.x(0), axes.y(0), axes.x(1), axes.y(1)
    line = " ".join(f"{axes.x(false)},{axes.y(true)}" for _, false, true in points)
    parts = [
        axes.frame("false positive rate", "true positive rate"),
        f'<line class="middle" x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}"/>',
        f'<polyline class="curve" points="{line}"/>',
        f'<circle class="dot moved" cx="{x0}" cy="{y0}" r="5"/>',
    ]
    if area is not None:
        parts.append(f'<text x="{WIDTH - 110}" y="{HEIGHT - BOTTOM - 12}">AUC {area:.3f}</text>')
    return Picture("".join(parts))


class Mark(NamedTuple):
    """A point of a scatter plot."""

    x: float
    y: float
    tip: str
    name: str = ""
    """Beside it, a few characters."""
    kind: str = ""
    """Class of its dot."""
    data: str = ""
    """More attributes, as HTML."""


class Moment(NamedTuple):
    """A value with its uncertainty, at a moment."""

    value: float
    spread: float
    tip: str


def course(
    moments: Sequence[Moment],
    steps: Sequence[tuple[int, int, float]],
    noise: float,
    unit: str,
) -> Picture:
    """Return values in their order, with the level of each stretch (from, to, level) and its noise.

    `noise` is a standard deviation; the band is twice as wide on either side.
    """
    edges = [m.value - m.spread for m in moments] + [m.value + m.spread for m in moments]
    low, high = around([*edges, *(level + 2 * noise for *_, level in steps)])
    axes = Axes(-0.5, max(0.5, len(moments) - 0.5), low, high)
    parts = [axes.frame("point", unit)]
    for start, stop, level in steps:
        left, right = axes.x(start - 0.5), axes.x(stop - 0.5)
        top, bottom = axes.y(level + 2 * noise), axes.y(max(low, level - 2 * noise))
        parts.append(
            f'<rect class="spread" x="{left}" y="{top}" width="{right - left:.1f}" '
            f'height="{max(0.0, bottom - top):.1f}"/>'
            f'<line class="middle" x1="{left}" x2="{right}" y1="{axes.y(level)}" '
            f'y2="{axes.y(level)}"/>'
        )
        if start:
            parts.append(
                f'<line class="moment" x1="{left}" x2="{left}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
            )
    for number, moment in enumerate(moments):
        x, y = axes.x(number), axes.y(moment.value)
        shape = f'<circle class="dot" cx="{x}" cy="{y}" r="3"/>'
        if moment.spread:
            up, down = axes.y(moment.value + moment.spread), axes.y(moment.value - moment.spread)
            shape += f'<path class="whisker" d="M{x} {up}V{down}"/>'
        parts.append(_mark(shape, moment.tip))
    return Picture("".join(parts))


def levels(bars: Sequence[tuple[float, float, int]], unit: str) -> Picture:
    """Return a bar for each (from, to, count) on a logarithmic scale."""
    low, high = math.log10(bars[0][0]), math.log10(bars[-1][1])
    axes = Axes(low, high, 0.0, max(count for *_, count in bars) * 1.05)
    parts = [axes.frame(unit, "samples", axes.decades(vertical=False))]
    for start, stop, count in bars:
        left, right, y = axes.x(math.log10(start)), axes.x(math.log10(stop)), axes.y(count)
        parts.append(
            _mark(
                f'<rect class="bar" x="{left}" y="{y}" width="{max(1.0, right - left - 0.5):.1f}" '
                f'height="{axes.y(0) - y:.1f}"/>',
                f"{start:.4g} to {stop:.4g} {unit}: {counted(count, 'sample')}",
            )
        )
    return Picture("".join(parts))


def scatter(
    marks: Sequence[Mark],
    x_label: str,
    y_label: str,
    *,
    level: float | None = None,
    front: Sequence[tuple[float, float]] = (),
    log: bool = True,
) -> Picture:
    """Return points, both axes logarithmic unless `log` is false, then only the horizontal one.

    `level`: a dashed line across. `front`: corners of a line through the best of them.
    """
    up = math.log10 if log else float
    xs, ys = [math.log10(m.x) for m in marks], [up(m.y) for m in marks]
    lows = [*ys, *([] if level is None else [up(level)])]
    axes = Axes(*around(xs), *around(lows))
    y_ticks = axes.decades(vertical=True) if log else ()
    parts = [axes.frame(x_label, y_label, axes.decades(vertical=False), y_ticks)]
    if level is not None:
        y = axes.y(up(level))
        parts.append(f'<line class="middle" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
    if front:
        line = " ".join(f"{axes.x(math.log10(x))},{axes.y(up(y))}" for x, y in front)
        parts.append(f'<polyline class="front" points="{line}"/>')
    named: list[tuple[float, float, list[str]]] = []  # those of one place have one text
    for mark, at_x, at_y in zip(marks, xs, ys, strict=True):
        x, y = axes.x(at_x), axes.y(at_y)
        kind = f"dot {mark.kind}".strip()
        parts.append(
            _mark(f'<circle class="{kind}" cx="{x}" cy="{y}" r="4"/>', mark.tip, mark.data)
        )
        if mark.name:
            near = next((o for o in named if math.dist(o[:2], (x, y)) < NEAR), (x, y, []))
            named += [] if near[2] else [near]
            near[2].append(mark.name)
    for x, y, names in named:
        kind, at = (' class="name"', x - 6) if x > (LEFT + WIDTH) / 2 else ("", x + 6)
        parts.append(f'<text{kind} x="{at:g}" y="{y - 6:g}">{text(", ".join(names))}</text>')
    return Picture("".join(parts))


def det(points: Sequence[tuple[float, float]], least: float) -> Picture:
    """Return the curve of (false positive, false negative rate) on axes by the normal quantile.

    Rates below `least` are drawn there. Ref: A. Martin et al., The DET Curve, Eurospeech 1997.
    """
    quantile = NormalDist().inv_cdf
    low, high = quantile(least), quantile(0.999)
    axes = Axes(low, high, low, high)
    ticks = [(quantile(rate), f"{rate * 100:g}") for rate in (0.001, 0.01, 0.05, 0.2, 0.5, 0.8)]
    places = [tuple(quantile(min(0.999, max(least, rate))) for rate in point) for point in points]
    line = " ".join(f"{axes.x(false)},{axes.y(missed)}" for false, missed in places)
    x0, y0, x1, y1 = axes.x(low), axes.y(low), axes.x(high), axes.y(high)
    frame = axes.frame("false positives, %", "false negatives, %", ticks, ticks)
    return Picture(
        f'{frame}<line class="middle" x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}"/>'
        f'<polyline class="curve" points="{line}"/>'
    )


def trade(points: Sequence[tuple[float, float]], x_label: str, y_label: str) -> Picture:
    """Return a curve through points from 0 on, in the order of their x."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    axes = Axes(0.0, max(xs) * 1.05 or 1.0, 0.0, max(ys) * 1.05 or 1.0)
    line = " ".join(
        f"{axes.x(x)},{axes.y(y)}" for x, y in sorted(points, key=lambda p: (p[0], -p[1]))
    )
    return Picture(f'{axes.frame(x_label, y_label)}<polyline class="curve" points="{line}"/>')


def band(
    points: Sequence[tuple[float, float | None, float | None, float | None]],
    lasts: float,
    unit: str,
    x_label: str = "s since the first edge",
) -> Picture:
    """Return the mean of (time, lowest, mean, highest) over its range, and a line for a slider.

    What lies in the window, from 0 to `lasts`, is shaded, and sets the scale: higher peaks before
    and after it are cut off. A None leaves a hole.
    """
    inside = [p for p in points if 0 <= p[0] <= lasts] or points
    highs = [high for *_, high in inside if high is not None]
    left, right = min([0.0, *(p[0] for p in points)]), max([lasts, *(p[0] for p in points)])
    axes = Axes(left, right, 0.0, max([*highs, 0.0]) * 1.08 or 1.0)
    parts = [axes.frame(x_label, unit)]
    x0, x1, top = axes.x(0.0), axes.x(lasts), axes.y(axes.high)
    parts.append(
        f'<rect class="window" x="{x0}" y="{top}" width="{x1 - x0:.1f}" '
        f'height="{axes.y(0.0) - top:.1f}"/>'
    )
    for run in _unbroken(points):
        there = " ".join(f"{axes.x(at)},{max(top, axes.y(high))}" for at, _, _, high in run)
        back = " ".join(f"{axes.x(at)},{max(top, axes.y(low))}" for at, low, _, _ in reversed(run))
        mean = " ".join(f"{axes.x(at)},{max(top, axes.y(mean))}" for at, _, mean, _ in run)
        parts.append(f'<polygon class="spread" points="{there} {back}"/>')
        parts.append(f'<polyline class="curve thin" points="{mean}"/>')
    parts.append(
        f'<line class="moment" x1="{x0}" x2="{x0}" y1="{top}" y2="{axes.y(0.0)}" '
        f'data-left="{axes.x(left)}" data-right="{axes.x(right)}"/>'
    )
    return Picture("".join(parts))


def _unbroken(
    points: Sequence[tuple[float, float | None, float | None, float | None]],
) -> list[list[tuple[float, float, float, float]]]:
    """Return the pieces of the points between the holes."""
    pieces: list[list[tuple[float, float, float, float]]] = [[]]
    for at, low, mean, high in points:
        if low is None or mean is None or high is None:
            pieces.append([])
        else:
            pieces[-1].append((at, low, mean, high))
    return [piece for piece in pieces if piece]


def _mark(shape: str, tip: str, more: str = "") -> str:
    """Return a shape with words beside it, in lines."""
    said = "\n".join(map(text, tip.split("\n")))
    return f'<g class="mark" data-tip="{said}"{more}>{shape}</g>'
