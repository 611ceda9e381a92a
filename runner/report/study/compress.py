"""A study of compression as tables for a terminal, in Markdown and in CSV, and as a picture."""

import csv
import io
from itertools import groupby

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tinybench import extras
from tinybench.errors import ToolMissingError
from tinybench.printable import one_line

from ...study.compress import CompressStudy, Row
from ..markdown import rows
from ..table import cell

DPI = 110
COLUMNS = Row.__struct_fields__


def header(found: CompressStudy) -> tuple[str, ...]:
    """Return the heads of the columns."""
    return (
        *("method", "rate", "top-1", "sd", "points lost", "weights B", "smaller", "rows equal"),
        "instructions" if found.emulated else "latency us",
        "est. cycles",
    )


def cells(row: Row, found: CompressStudy) -> tuple[str, ...]:
    """Return what a person reads of one row."""
    time = row.instructions if found.emulated else round(row.latency_s * 1e6, 2)  # type: ignore[operator]
    return (
        row.method,
        f"{row.rate:g}x",
        f"{row.score:.4f}",
        f"{row.deviation:.4f}",
        f"{row.lost * 100:.1f}",
        f"{row.weights_b:,}",
        f"{row.smaller:.2f}x",
        f"{row.rows_equal} of {found.tested}",
        "-" if time is None else f"{time:,}",
        "-" if row.cycles is None else f"{row.cycles:,}",
    )


def title(found: CompressStudy) -> str:
    """Return what was learnt from, and where it was run."""
    asked = found.asked
    return one_line(
        f"compressed nets of {asked.source} on {asked.board}: {found.features} features, "
        f"{asked.hidden} hidden units, {found.classes} classes, learnt from {found.learnt_from} "
        f"rows, tested on {found.tested}, {asked.trials} trials"
    )


def said(found: CompressStudy) -> list[str]:
    """Return in sentences what the columns mean here."""
    lines = [
        "weights B: flash of values, codes, columns and constants; smaller: than one byte a weight",
        "rows equal: answers of this computer's C that are those of the integers in Python, of the "
        "first trial's nets",
        f"the board answered {found.board_rows_equal} of {found.board_rows} rows as the same C "
        f"does here; its image with all nets: {found.image_flash_b:,} B of flash, "
        f"{found.image_ram_b:,} B of RAM",
    ]
    if found.emulated:
        lines.append(
            "emulated: time is an instruction count, cycles are estimated; neither is a measurement"
        )
    return lines


def terminal(found: CompressStudy) -> RenderableType:
    """Return a line a net, and what the columns mean."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for number, name in enumerate(header(found)):
        table.add_column(name, justify="right" if number else "left", no_wrap=True)
    for row in found.rows:
        table.add_row(*map(Text, cells(row, found)))
    return Group(Text(title(found)), "", table, "", *map(Text, said(found)))


def markdown(found: CompressStudy) -> str:
    """Return the table as Markdown."""
    lines = "".join(f"- {line}\n" for line in said(found))
    table = rows(header(found), [cells(row, found) for row in found.rows])
    return f"{title(found)}\n\n{table}\n{lines}"


def as_csv(found: CompressStudy) -> str:
    """Return one line a net, under the names of `Row`; what was not measured is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("source", "board", *COLUMNS))
    for row in found.rows:
        line = (found.asked.source, found.asked.board, *msgspec.structs.astuple(row))
        safe = [one_line(one) if isinstance(one, str) else one for one in line]
        writer.writerow(map(cell, safe))
    return text.getvalue()


def as_png(found: CompressStudy) -> bytes:
    """Return the picture: top-1 against flash of the weights, and against time.

    Raises ToolMissingError without matplotlib.
    """
    try:
        from matplotlib.figure import Figure  # drawn without pyplot: no global state, no display
    except ImportError as error:
        raise ToolMissingError(extras.missing("a picture", "matplotlib", "energy")) from error
    figure = Figure(figsize=(12, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    label = "instructions (emulated, no measurement)" if found.emulated else "latency, s"
    for method, each in groupby(found.rows, lambda row: row.method):
        group = list(each)
        scores, spread = [row.score for row in group], [row.deviation for row in group]
        times = [(row.instructions if found.emulated else row.latency_s) or 1 for row in group]
        for axes, at in ((left, [row.weights_b for row in group]), (right, times)):
            axes.errorbar(at, scores, spread, marker="o", capsize=3, label=method)
        for row in group:
            left.annotate(
                f"{row.rate:g}x", (row.weights_b, row.score), xytext=(5, 5),
                textcoords="offset points", fontsize="x-small",
            )  # fmt: skip
    for axes, words in ((left, "flash of the weights, bytes"), (right, label)):
        axes.set_xscale("log")
        axes.set_xlabel(words)
        axes.grid(visible=True, alpha=0.3)
    left.legend()
    left.set_ylabel("top-1")
    left.set_title(title(found), loc="left", fontsize="small", parse_math=False)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=DPI)
    return data.getvalue()
