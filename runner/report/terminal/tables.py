"""Tables in a terminal: folded between words, and no word cut."""

from collections.abc import Iterator

from rich.cells import cell_len
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


def as_lines(what: RenderableType) -> str | None:
    """Return a table as wide as it needs, just as rich prints it; None where that is not so plain.

    Of thousands of rows rich takes seconds.
    """
    if not isinstance(what, Table) or what.box is not None or what.title or what.caption:
        return None
    top, right, bottom, left = what.padding
    if top or bottom or left or what.show_footer or not what.show_header or what.collapse_padding:
        return None
    cells = [[column.header, *column.cells] for column in what.columns]
    if not all(isinstance(cell, str) and cell.isprintable() for rows in cells for cell in rows):
        return None
    if any(column.justify not in ("left", "right") for column in what.columns):
        return None
    shown = list[list[str]]()
    for column, rows in zip(what.columns, cells, strict=True):
        widest = max(cell_len(str(cell)) for cell in rows)
        texts = [str(cell).rstrip() for cell in rows]  # blanks in front are kept
        pads = [" " * (widest - cell_len(text)) for text in texts]
        right_justified = column.justify == "right"
        shown.append(
            [
                pad + text if right_justified else text + pad
                for pad, text in zip(pads, texts, strict=True)
            ]
        )
    gap = " " * right
    return "".join(gap.join(row).rstrip() + "\n" for row in zip(*shown, strict=True))


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
