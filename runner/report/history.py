"""The history of figures, for a terminal."""

from collections.abc import Sequence

from tinybench.plural import counted
from tinybench.printable import one_line
from tinybench.uncertain import uncertain

from ..compare.history import Point, Series

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 60
"""Characters of a line of bars."""
UNITS = {"latency": ("ms", 1e3), "energy": ("uJ", 1e6), "accuracy": ("%", 100.0),
         "flash": ("B", 1.0), "ram": ("B", 1.0)}  # fmt: skip


def told(found: Sequence[Series]) -> str:
    """Return a paragraph a series: its course, its noise, and each change."""
    return "\n".join(map(_one, found))


def title(one: Series) -> str:
    """Return which figure of what it is."""
    kind = " (emulated)" if one.emulated else ""
    return one_line(f"{one.task} on {one.board}{kind}: {one.metric}")


def value(one: Series, figure: float, uncertainty: float | None = None) -> str:
    """Return a figure in the unit that reports use."""
    unit, scale = UNITS.get(one.metric, ("", 1.0))
    shown = f"{figure * scale:,.6g}"
    if uncertainty:
        shown = uncertain(figure * scale, uncertainty * scale)
    return f"{shown} {unit}".rstrip()


def place(point: Point) -> str:
    """Return when a point is, and of which commit."""
    return " ".join(filter(None, (point.at[:16].replace("T", " "), point.commit[:12])))


def sentences(one: Series) -> list[str]:
    """Return what is said of a series: noise, trend, changes."""
    level = one.points[-1].value
    said = []
    if one.noise and level:
        said.append(f"noise {one.noise / abs(level):.2g} of it, from one to the next (k = 1)")
    if one.trend is not None and one.noise:
        said.append(f"trend {one.trend:+.2%} a point since the last change")
    for change in one.changes:
        by = f" ({change.after / change.before - 1:+.2%})" if change.before else ""
        said.append(
            f"{place(one.points[change.point])}: {value(one, change.before)} -> "
            f"{value(one, change.after)}{by}"
        )
    return said or ["no change"]


def _one(one: Series) -> str:
    values = [point.value for point in one.points][-WIDTH:]
    low, high = min(values), max(values)
    bars = "".join(BARS[round((v - low) / (high - low) * 7) if high > low else 3] for v in values)
    last = one.points[-1]
    head = (
        f"{title(one)}, {counted(len(one.points), 'point')}, now "
        f"{value(one, last.value, last.uncertainty)}"
    )
    return "\n".join([head, f"  {bars}", *(f"  {words}" for words in sentences(one))]) + "\n"
