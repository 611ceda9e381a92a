"""Plots of learning: curves with their bands, who did what when, and a map of choices."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from ...learning.curve import Band
from ..page.axes import HEIGHT, LEFT, RIGHT, Axes, ticks
from ..page.parts import WIDTH, Picture, text

INKS = ("#2563b0", "#c4281b", "#1a7f37", "#8250df", "#9a6700", "#57606a")
CALM = ("#2563b0", "#1a7f37", "#8250df", "#9a6700", "#57606a")
"""Without red, in which faults are."""
LINE = 13
ROW, NAMES, NAME_MOST = 14, 104, 16
"""Height of a client's row, and width of their names, also in characters."""
LEGEND, LABEL = 72, 16
"""Width of a word of a legend, and of a number above a column."""


class Line(NamedTuple):
    """A curve of a plot."""

    name: str
    points: Sequence[Band]


class Bar(NamedTuple):
    """A client's part of a round: from `start`, so long computing, so long on the link."""

    row: int
    """Of the client: its number."""
    name: str
    origin: str
    """What its time is, such as "measured"."""
    start: float
    compute: float
    link: float
    lost: str
    """Why nothing came of it; empty where something did."""


def curves(lines: Sequence[Line], x_label: str, target: float, y_label: str = "top-1") -> Picture:
    """Return up to six curves with their bands, and a line at the target."""
    lines = [one for one in lines if one.points][: len(INKS)]
    most = max((one.points[-1].at for one in lines), default=1.0) or 1.0
    low = min([target, *(band.low for one in lines for band in one.points)])
    axes = Axes(0.0, most * 1.02, min(math.floor(low * 10) / 10, 0.9), 1.0)
    y = axes.y(target)
    parts = [
        axes.frame(x_label, y_label),
        f'<line class="middle" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>',
    ]
    for ink, one in zip(INKS, lines, strict=False):
        there = " ".join(f"{axes.x(b.at)},{axes.y(b.high)}" for b in one.points)
        back = " ".join(f"{axes.x(b.at)},{axes.y(b.low)}" for b in reversed(one.points))
        mean = " ".join(f"{axes.x(b.at)},{axes.y(b.mean)}" for b in one.points)
        tip = f"{one.name}: {one.points[-1].mean:.3f} at {one.points[-1].at:.4g}"
        parts.append(
            f'<g class="mark" data-tip="{text(tip)}">'
            f'<polygon style="fill:{ink};fill-opacity:.15" points="{there} {back}"/>'
            f'<polyline style="fill:none;stroke:{ink};stroke-width:1.6" points="{mean}"/></g>'
        )
    for number, (ink, one) in enumerate(zip(INKS, lines, strict=False)):
        y = HEIGHT + LINE * (number + 1)
        parts.append(
            f'<line style="stroke:{ink};stroke-width:2" x1="{LEFT}" x2="{LEFT + 18}" y1="{y - 4}" '
            f'y2="{y - 4}"/><text x="{LEFT + 24}" y="{y}">{text(one.name[:48])}</text>'
        )
    return Picture("".join(parts), HEIGHT + LINE * len(lines) + 6)


def gantt(bars: Sequence[Bar], ends: Sequence[float]) -> Picture:
    """Return a row a client: computing, on its link, or lost; `ends` of the rounds are lines.

    What a client's time is, is the ink of its bars.
    """
    rows = list(dict.fromkeys(bar.row for bar in bars))
    names = {bar.row: bar.name for bar in bars}
    inks = dict(zip(dict.fromkeys(bar.origin for bar in bars), CALM, strict=False))
    most = max([*ends, *(bar.start + bar.compute + bar.link for bar in bars)], default=1.0) or 1.0
    height = ROW * len(rows)
    room = WIDTH - NAMES - RIGHT

    def x(at: float) -> float:
        return round(NAMES + at / most * room, 1)

    parts = [
        f'<text class="name" x="{NAMES - 4}" y="{ROW * at + 11}">{text(_short(names[row]))}</text>'
        for at, row in enumerate(rows)
    ]
    parts += [f'<line class="grid" x1="{x(at)}" x2="{x(at)}" y1="0" y2="{height}"/>' for at in ends]
    for bar in bars:
        y = ROW * rows.index(bar.row) + 2
        left, middle = x(bar.start), x(bar.start + bar.compute)
        right = x(bar.start + bar.compute + bar.link)
        ink = inks[bar.origin]
        shape = (
            f'<rect style="fill:{ink}" x="{left}" y="{y}" width="{max(0.8, middle - left):.1f}" '
            f'height="10"/><rect style="fill:{ink};fill-opacity:.35" x="{middle}" y="{y}" '
            f'width="{max(0.4, right - middle):.1f}" height="10"/>'
        )
        if bar.lost:
            shape += f'<text class="fault" x="{right}" y="{y + 11}">×</text>'
        tip = (
            f"{bar.name}: from {bar.start:.4g} s, {bar.compute:.4g} s computing ({bar.origin}), "
            f"{bar.link:.4g} s on its link{', ' + bar.lost if bar.lost else ''}"
        )
        parts.append(f'<g class="mark" data-tip="{text(tip)}">{shape}</g>')
    for at, words in ticks(0.0, most):
        parts.append(f'<text class="count" x="{x(at)}" y="{height + 14}">{words}</text>')
    said = "s, simulated clock; light: on the link; ×: nothing came of it"
    parts.append(f'<text class="count" x="{WIDTH / 2}" y="{height + 28}">{said}</text>')
    for at, (origin, ink) in enumerate(inks.items()):
        left = NAMES + at * LEGEND
        parts.append(
            f'<rect style="fill:{ink}" x="{left}" y="{height + 36}" width="9" height="9"/>'
            f'<text x="{left + 13}" y="{height + 44}">{text(origin)}</text>'
        )
    return Picture("".join(parts), height + 52)


def _short(name: str) -> str:
    """Return a name that fits beside its row; of a long one the end, by which clients differ."""
    return name if len(name) <= NAME_MOST else "..." + name[3 - NAME_MOST :]


class Choice(NamedTuple):
    """A cell of a map: how dear it is, of the cheapest 1."""

    ratio: float
    tip: str
    tried: bool


def choices(
    cells: Sequence[Sequence[Choice]], down: Sequence[str], across: Sequence[str], labels: str
) -> Picture:
    """Return a map of choices, the darker the cheaper; the cheapest is red, what was tried has a
    frame. `labels`: of the axes, beside each other."""
    left, top = 40, 30
    wide = min(46.0, (WIDTH - left - RIGHT) / max(1, len(across)))
    high = 18
    parts = [f'<text x="{left}" y="11">{text(labels)}</text>']
    each = math.ceil(LABEL / wide)  # where columns are narrow, not all are named
    parts += [
        f'<text class="count" x="{left + (n + 0.5) * wide:.1f}" y="{top - 5}">{text(one)}</text>'
        for n, one in enumerate(across)
        if n % each == 0
    ]
    small = wide < 24
    for row, (name, line) in enumerate(zip(down, cells, strict=True)):
        y = top + row * high
        parts.append(f'<text class="name" x="{left - 4}" y="{y + 13}">{text(name)}</text>')
        for column, one in enumerate(line):
            x = left + column * wide
            shade = max(0.05, 1 - math.log2(max(1.0, one.ratio)) / 4)
            kind = "wrong" if one.ratio <= 1 else "right"
            frame = ' style="stroke:currentColor;stroke-width:1.4"' if one.tried else ""
            shape = (
                f'<rect class="cell {kind}" x="{x:.1f}" y="{y}" width="{wide - 1.5:.1f}" '
                f'height="{high - 1.5}" fill-opacity="{shade:.2f}"{frame}/>'
            )
            if not small:
                strong = " strong" if shade > 0.55 else ""
                said = f"{one.ratio:.2f}" if one.ratio < 10 else f"{min(one.ratio, 9999):.0f}"
                shape += (
                    f'<text class="count{strong}" x="{x + wide / 2:.1f}" y="{y + 13}">{said}</text>'
                )
            parts.append(f'<g class="mark" data-tip="{text(one.tip)}">{shape}</g>')
    bottom = top + len(down) * high
    said = "cost; that of the cheapest, red, is 1; framed: by runs"
    parts.append(f'<text x="{left}" y="{bottom + 14}">{said}</text>')
    return Picture("".join(parts), bottom + 20)
