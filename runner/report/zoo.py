"""The models of the zoo on boards, as a table for a terminal, in Markdown and in CSV."""

import csv
import io
from collections.abc import Sequence

import msgspec
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tinybench.printable import all_printable, one_line
from tinybench.uncertain import uncertain

from ..session.zoo import Row
from .markdown import rows
from .table import cell

HEADER = ("model", "board", "instructions", "ms", "flash kB", "RAM kB", "exact?", "verdict")
REASON_MOST = 120


def cells(row: Row) -> tuple[str, ...]:
    """Return what a person reads of one model on one board."""
    why = row.refused or row.failed
    if why is not None:
        word = "refused" if row.refused else "failed"
        text = one_line(f"{word}: {' '.join(why.partition('; supported: ')[0].split())}")
        short = text if len(text) <= REASON_MOST else text[: REASON_MOST - 1] + "…"
        return (row.model, row.board, "-", "-", "-", "-", "-", short)
    return (
        row.model,
        row.board,
        "-" if row.instructions is None else f"{row.instructions:,}",
        _milliseconds(row),
        _kb(row.flash_b),
        _kb(row.ram_b),
        _exact(row),
        "valid" if row.valid else "not valid: " + ", ".join(row.broken_rules),
    )


def terminal(found: Sequence[Row]) -> RenderableType:
    """Return a line a model."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in HEADER:
        right = name in ("instructions", "ms", "flash kB", "RAM kB")
        table.add_column(name, justify="right" if right else "left", no_wrap=name == "model")
    for row in found:
        *first, verdict = cells(row)
        style = "green" if row.valid and row.exact is not False else "yellow"
        style = "red" if row.failed or row.valid is False or row.exact is False else style
        table.add_row(*map(Text, first), Text(verdict, style))
    return table


def markdown(found: Sequence[Row]) -> str:
    """Return the table as Markdown."""
    return rows(HEADER, map(cells, found))


def as_csv(found: Sequence[Row]) -> str:
    """Return one line a model, under the names of `Row`; what was not measured is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Row.__struct_fields__)
    for row in found:
        writer.writerow(map(cell, msgspec.structs.astuple(all_printable(row))))
    return text.getvalue()


def _milliseconds(row: Row) -> str:
    if row.latency_s is None:
        return "-"
    if row.emulated or row.latency_uncertainty_s is None:
        return f"{row.latency_s * 1e3:.3f}" + " emulated" * bool(row.emulated)
    return uncertain(row.latency_s * 1e3, row.latency_uncertainty_s * 1e3)


def _exact(row: Row) -> str:
    if row.exact is None:
        return "not judged"
    how = "to the bit" if row.to_the_bit else "to the last digit"
    few = ", one answer to all" if row.distinct == 1 else ""
    return (how if row.exact else "no") + few


def _kb(size_b: int | None) -> str:
    return "-" if size_b is None else f"{size_b / 1000:,.1f}"
