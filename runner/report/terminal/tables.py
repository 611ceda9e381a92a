"""Tables in a terminal: folded between words, and no word cut."""

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table

ENDLESS = 100_000
"""Columns enough for any line."""


def parts(what: RenderableType) -> Iterator[RenderableType]:
    """Yield what stands below each other, one by one."""
    if isinstance(what, Group):
        for one in what.renderables:
            yield from parts(one)
    else:
        yield what


def least_width(what: RenderableType, console: Console, columns: int) -> int:
    """Return the columns without which a word would be cut; fits a table into `columns` before."""
    options = console.options.update_width(ENDLESS)
    if not isinstance(what, Table):
        return Measurement.get(console, options, what).minimum
    least, most = [], []
    for column in what.columns:
        cells = (column.header, *column.cells)
        sizes = [Measurement.get(console, options, cell) for cell in cells]
        most.append(max(size.maximum for size in sizes))
        least.append(max(size.maximum if column.no_wrap else size.minimum for size in sizes))
    borders = Measurement.get(console, options, what).maximum - sum(most)
    widths = shared(columns - borders, least, most)
    for column, width in zip(what.columns, widths, strict=True):
        column.width = width
    return borders + sum(widths)


def shared(width: int, least: list[int], most: list[int]) -> list[int]:
    """Return widths between least and most of each column that add up to `width` or less.

    The widest give way first. Where even the least is too much, that is returned.
    """
    level = max(most, default=0)
    while level > 0:
        widths = [max(low, min(high, level)) for low, high in zip(least, most, strict=True)]
        if sum(widths) <= width:
            return widths
        level -= 1
    return list(least)
