"""A study of compression as tables for a terminal, in Markdown and in CSV, and as a picture."""

from itertools import groupby
from typing import Any

import msgspec
from rich.console import RenderableType

from tinybench.plural import counted
from tinybench.printable import one_line

from ...study.compress.asked import BITS, DENSE
from ...study.compress.compress import CompressStudy, Row
from .frame import (
    EMULATED,
    METRIC,
    SAID,
    below,
    code_of,
    columns,
    count,
    in_csv,
    in_markdown,
    name_point,
    of_model,
    picture,
    plain_log,
    time_name,
)

COLUMNS = Row.__struct_fields__
FUNCTIONS = {
    DENSE: ("dot_dense",),
    "robe": ("dot_robe", "robe_row"),
    "palette": ("dot_palette", "palette_row"),
    "prune": ("dot_sparse_rows", "sparse_table_row"),
}
"""Of the C that each method has beside what all have."""
RATE, LOST = 8, 0.015
"""Of a sentence: which ways at this rate lose at most so much of the score."""
TINY = 1e-9
ALIKE = 1.005
"""Times that stand above each other in the picture."""


def header(found: CompressStudy) -> tuple[str, ...]:
    """Return the heads of the columns."""
    tables = ("tables B", "layers B") if found.tables else ()
    spread = () if found.layers else ("sd",)
    return (
        *("method", "rate", METRIC[found.metric], *spread, "points lost"),
        *("weights B", *tables, "smaller"),
        "rows equal",
        "instructions" if found.emulated else "latency us",
        "est. cycles",
    )


def cells(row: Row, found: CompressStudy) -> tuple[str, ...]:
    """Return what a person reads of one row."""
    time = row.instructions if found.emulated else round(row.latency_s * 1e6, 2)  # type: ignore[operator]
    layers_b = row.weights_b - row.tables_b
    return (
        method(row),
        f"{row.rate:g}x",
        f"{row.score:.4f}",
        *(() if found.layers else (f"{row.deviation:.4f}",)),
        f"{row.lost * 100:z.1f}",
        f"{row.weights_b:,}",
        *((f"{row.tables_b:,}", f"{layers_b:,}") if found.tables else ()),
        f"{row.smaller:.2f}x",
        f"{row.rows_equal} of {found.compared}",
        count(time),
        count(row.cycles),
    )


def method(row: Row) -> str:
    """Return what a way is called: of a palette with the bits of its codes."""
    bits = BITS.get(row.rate) if row.method == "palette" else None
    return row.method if bits is None else f"{row.method} {bits}-bit"


def title(found: CompressStudy) -> str:
    """Return what was learnt from, and where it was run."""
    asked = found.asked
    if found.layers:
        what = "frame" if found.metric == "f1" else "input"
        return one_line(
            f"compressed layers of {asked.source} on {asked.board}: {len(found.layers)} fully "
            f"connected, fitted to {counted(found.learnt_from, what)} of {found.dataset}, scored "
            f"by {counted(found.tested, 'other')}"
        )
    tables = ""
    if found.tables:
        tables = f"{counted(len(found.tables), 'embedding table')}, rows of {asked.width}, "
    return one_line(
        f"compressed nets of {asked.source} on {asked.board}: "
        f"{tables}{counted(found.features, 'feature')}, "
        f"{counted(asked.hidden, 'hidden unit')}, "
        f"{counted(found.classes, 'class', 'classes')}, learnt from "
        f"{counted(found.learnt_from, 'row')}, tested on {found.tested}, "
        f"{counted(asked.trials, 'trial')}"
    )


def said(found: CompressStudy) -> list[str]:
    """Return in sentences what the columns mean here."""
    lines = [
        *_verdict(found),
        "weights B: flash of values, codes, columns and constants, without code; smaller: than one "
        "byte a weight",
        *code_of(found.functions_b, FUNCTIONS),
        *_palette(found),
        *(_of_layers(found) if found.layers else _of_tables(found)),
        "rows equal: answers of this computer's C that are those of the integers in Python"
        + ("; random inputs, and sums" if found.layers else ", of the first trial's nets"),
        f"the board answered {found.board_rows_equal} of {found.board_rows} rows as the same C "
        f"does here; its image with all of them: {found.image_flash_b:,} B of flash, "
        f"{found.image_ram_b:,} B of RAM",
    ]
    if found.emulated:
        lines.append(EMULATED)
    return lines


def _verdict(found: CompressStudy) -> list[str]:
    """Return which ways lose little where there are 8 weights for each that is kept."""
    rows = [row for row in found.rows if row.rate == RATE]
    near = [row for row in rows if row.lost <= LOST + TINY]
    told = ", ".join(
        f"{method(row)} ({row.lost * 100:z.1f}; {row.smaller:.2f}x smaller)" for row in near
    )
    what = f"at {RATE}x at most {LOST * 100:g} points lost"
    return [f"{what}: {told or 'none'}"] if rows else []


def _palette(found: CompressStudy) -> list[str]:
    if all(row.method != "palette" for row in found.rows):
        return []
    bits = ", ".join(f"{rate:g}x {bits} bit" for rate, bits in BITS.items())
    return [f"palette: codes that name one of a few int8 values: {bits}, as int4 or int2 take"]


def _of_layers(found: CompressStudy) -> list[str]:
    lines = [
        f"{METRIC[found.metric]}: of the whole model, by its own C on this computer, on inputs "
        "that nothing was fitted to; time: of these layers alone, one after the other, without "
        "biases",
        *([] if found.macs_share is None else [of_model(found.macs_share)]),
        "nothing learns again: ROBE is made for weights that learn in its array, and loses most "
        "here",
    ]
    if found.metric in SAID:
        lines.append(SAID[found.metric])
    return [*lines, *(one_line(f"left as it is: {one}") for one in found.left_out)]


def _of_tables(found: CompressStudy) -> list[str]:
    if not found.tables:
        return []
    each = ", ".join(
        f"{one.column[:40]} {counted(one.rows, 'row')}, {one.unknown} of {found.tested} "
        "tested values in "
        "none of them"
        for one in found.tables
    )
    return [
        "rates are of the tables; layers are a byte a weight in all nets",
        one_line(f"tables, of which row 0 is any value that was not learnt: {each}"),
    ]


def terminal(found: CompressStudy) -> RenderableType:
    """Return a line a net, and what the columns mean."""
    table = columns(header(found), [cells(row, found) for row in found.rows])
    return below(title(found), table, said(found))


def markdown(found: CompressStudy) -> str:
    """Return the table as Markdown."""
    lines = [cells(row, found) for row in found.rows]
    return in_markdown(title(found), header(found), lines, said(found))


def as_csv(found: CompressStudy) -> str:
    """Return one line a net, under the names of `Row`; what was not measured is empty."""
    ends = (found.asked.source, found.asked.board, found.emulated, found.metric)
    lines = [(*ends, *msgspec.structs.astuple(row)) for row in found.rows]
    return in_csv(("source", "board", "emulated", "metric", *COLUMNS), lines)


def as_png(found: CompressStudy) -> bytes:
    """Return the picture: the score against flash of the weights, and against time.

    Raises ToolMissingError without matplotlib.
    """
    return picture(title(found), 2, lambda panels: _draw(panels, found), sharey=True)


def _point(row: Row) -> str:
    """Return what a point of the picture is called."""
    bits = BITS.get(row.rate) if row.method == "palette" else None
    return f"{row.rate:g}x" if bits is None else f"{row.rate:g}x, {bits}-bit"


def _draw(panels: Any, found: CompressStudy) -> None:
    left, right = panels
    for name, each in groupby(found.rows, lambda row: row.method):
        group = list(each)
        scores, spread = [row.score for row in group], [row.deviation for row in group]
        times = [(row.instructions if found.emulated else row.latency_s) or 1 for row in group]
        for axes, at in ((left, [row.weights_b for row in group]), (right, times)):
            line, *_ = axes.errorbar(at, scores, spread, marker="o", capsize=3, label=name)
            named = list(zip(at, group, strict=True)) if name != DENSE else []
            if max(at) < min(at) * ALIKE:  # one above the other: the ends are named
                named = named[:: max(1, len(named) - 1)]
            for at_x, row in named:
                name_point(axes, (at_x, row.score), _point(row), line.get_color())
    label = time_name(emulated=found.emulated)
    for axes, words in ((left, "flash of the weights, bytes"), (right, label)):
        plain_log(axes.xaxis)
        axes.margins(x=0.18, y=0.1)
        axes.set_xlabel(words)
        axes.grid(visible=True, alpha=0.3)
    left.legend()
    left.set_ylabel(METRIC[found.metric] + ("" if found.layers else ", mean and sd of trials"))
