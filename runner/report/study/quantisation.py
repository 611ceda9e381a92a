"""A study of quantisation as tables for a terminal, in Markdown and in CSV, and as a picture."""

import math
from typing import Any

import msgspec
from rich.console import RenderableType

from tinybench.plural import counted
from tinybench.printable import one_line

from ...study.quantisation.quantisation import QuantisationStudy, Row
from .frame import (
    EMULATED,
    METRIC,
    SAID,
    below,
    columns,
    count,
    in_csv,
    in_markdown,
    micro,
    name_point,
    picture,
    reason,
    time_name,
)

COLUMNS = Row.__struct_fields__
SHARES = ("top1", "agreement", "unchanged")
"""Scores that are shares of the inputs."""
HALF = 0.5
"""Largest standard deviation of what is right or wrong."""
ROOM = 0.05
"""Above and below the scores of a picture."""


def header(found: QuantisationStudy) -> tuple[str, ...]:
    """Return the heads of the columns."""
    return (
        *("scheme", METRIC[found.metric], "points lost"),
        *(("same class",) if _classes(found) else ()),
        "rows equal",
        "instructions" if found.emulated else "measured us",
        *("est. cycles", "weights B", "flash B", "tensors B", "RAM B", "uJ"),
    )


def _classes(found: QuantisationStudy) -> bool:
    """Return whether the models tell classes apart."""
    return any(row.same_class is not None for row in found.rows)


def cells(row: Row, found: QuantisationStudy) -> tuple[str, ...]:
    """Return what a person reads of one row."""
    ends = [row.scheme, f"{row.score:.4f}", f"{row.lost * 100:z.1f}"]
    if _classes(found):
        ends.append("-" if row.same_class is None else f"{row.same_class:.1%}")
    if row.refused is not None:
        return (*ends, "refused", *["-"] * 7)
    time = count(row.instructions) if found.emulated else micro(row.latency_s)
    modelled = " modelled" if row.energy_modelled else ""
    figures = (row.cycles, row.weights_b, row.flash_b, row.tensor_ram_b, row.ram_b)
    energy = "-" if row.energy_j is None else f"{row.energy_j * 1e6:.3g}{modelled}"
    return (*ends, f"{row.rows_equal} of {row.rows}", time, *map(count, figures), energy)


def title(found: QuantisationStudy) -> str:
    """Return what was quantised, and where it was run."""
    asked = found.asked
    tested = f"{asked.test} others tested"
    if found.words is not None:
        tested = f"{asked.test} s behind them with {found.words} words tested"
    return one_line(
        f"quantised: {found.origin}, task {asked.task} on {asked.board}: ranges by "
        f"{counted(asked.calibrate, 'input')} of {found.dataset} ({found.dataset_origin}), {tested}"
    )


def said(found: QuantisationStudy) -> list[str]:
    """Return in sentences what the columns mean here."""
    lines = [
        f"{one_line(row.scheme)} refused: {reason(row.refused)}"
        for row in found.rows
        if row.refused is not None
    ]
    lines += [
        f"{METRIC[found.metric]}: of all tested inputs, by the model's C on this computer; "
        + ("same class: as the float model says; " if _classes(found) else "")
        + "rows equal: inputs to which the board answers as that C does",
        "tensors B: activations, inputs and outputs; RAM B: of the whole image",
    ]
    lines.append(_coarse(found))
    if found.by_floats:
        lines.append(
            "nothing says what should come out: answers are held against the float model's, "
            + ("each by its largest output" if found.metric == "agreement" else "all outputs by R2")
        )
    elif found.metric in SAID:
        lines.append(SAID[found.metric])
    if found.words is not None:
        lines.append(
            "a board is given whole histories, one after the other: frame by frame, as a run of "
            "the task does it, takes less"
        )
    return [*lines, EMULATED] if found.emulated else lines


def _coarse(found: QuantisationStudy) -> str:
    """Return how far a score of so many inputs, or seconds, may be off, in words."""
    name, many = METRIC[found.metric], found.asked.test
    if found.metric not in SHARES:
        of = f"{many} inputs" if found.words is None else f"{found.words} words"
        return f"{name}: of {of}; how far that of all others may be from it is not known"
    points = 100 * HALF / math.sqrt(many)
    return (
        f"{name}: of {many} inputs, a standard error of up to {points:.1f} points; all rows are of "
        "the same ones, and two of them differ by less chance"
    )


def terminal(found: QuantisationStudy) -> RenderableType:
    """Return a line a scheme, and what the columns mean."""
    heads = header(found)
    lines = [cells(row, found) for row in found.rows]
    table = columns(heads, lines, wraps=heads.index("rows equal"))
    return below(title(found), table, said(found))


def markdown(found: QuantisationStudy) -> str:
    """Return the table as Markdown."""
    lines = [cells(row, found) for row in found.rows]
    return in_markdown(title(found), header(found), lines, said(found))


def as_csv(found: QuantisationStudy) -> str:
    """Return one line a scheme, under the names of `Row`; what was not measured is empty."""
    ends = (found.asked.task, found.origin, found.asked.board, found.metric)
    lines = [(*ends, *msgspec.structs.astuple(row)) for row in found.rows]
    return in_csv(("task", "float_model", "board", "metric", *COLUMNS), lines)


def as_png(found: QuantisationStudy) -> bytes:
    """Return the picture: score against time, flash and RAM of tensors, a point a scheme.

    Raises ToolMissingError without matplotlib.
    """
    return picture(title(found), 3, lambda panels: _draw(panels, found), sharey=True)


def _draw(panels: Any, found: QuantisationStudy) -> None:
    fields = (
        ("instructions" if found.emulated else "latency_s", time_name(emulated=found.emulated)),
        ("flash_b", "flash of the whole image, bytes"),
        ("tensor_ram_b", "RAM of tensors, bytes"),
    )
    for axes, (field, label) in zip(panels, fields, strict=True):
        for row in found.rows:
            at = getattr(row, field)
            if not at:
                continue
            axes.plot([at], [row.score], "o", color="tab:blue")
            name_point(axes, (at, row.score), row.scheme)
        axes.set_xscale("log")
        axes.margins(x=0.25)
        axes.set_xlabel(label)
        axes.grid(visible=True, alpha=0.3)
    panels[0].set_ylabel(METRIC[found.metric])
    scores = [row.score for row in found.rows]
    panels[0].set_ylim(max(0.0, min(scores) - ROOM), min(1.0, max(scores) + ROOM))
