"""A study of classic models as tables for a terminal, in Markdown and in CSV, and as a picture."""

from typing import Any

import msgspec
from rich.console import RenderableType

from tinybench.plural import counted
from tinybench.printable import one_line

from ...study.classic.classic import ClassicStudy, Row
from ...study.classic.learn import THREADED
from .frame import (
    EMULATED,
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

TIMES = ("on this computer", "threads", "train s", "predict s")
NONE = (None, None)
LEFT_OUT = ("times",)
"""It has columns of its own."""
COLUMNS = tuple(name for name in Row.__struct_fields__ if name not in LEFT_OUT)
SAME_ROWS = 2
"""Format of a study from which on the task's own model answers the rows that the others do."""
WHOLE = 100
"""From here on a rate is shown without decimals."""


def header(found: ClassicStudy) -> tuple[str, ...]:
    """Return the heads of the columns."""
    score = "R2" if found.asked.regression else "top-1"
    emulated = any(row.emulated for row in found.rows)
    return (
        *("model", f"learnt {score}", score, "rows equal"),
        "instructions" if emulated else "measured us",
        *("est. cycles", "flash B", "RAM B", "uJ"),
        *(("est. VIPS", "est. MVOPS") if emulated else ("VIPS", "MVOPS")),
    )


def cells(found: ClassicStudy, row: Row) -> tuple[str, ...]:
    """Return what a person reads of one model."""
    if row.refused is not None:
        return (one_line(row.model), "refused", *["-"] * 9)
    equal = "-" if row.rows_equal is None else f"{row.rows_equal} of {row.rows}"
    emulated = any(one.emulated for one in found.rows)
    time = count(row.instructions) if emulated else micro(row.latency_s)
    vips, vops = (row.estimated_vips, row.estimated_vops) if emulated else (row.vips, row.vops)
    modelled = " modelled" if row.energy_modelled else ""
    return (
        one_line(row.model),
        _score(row.learnt_score),
        _score(row.score),
        equal,
        time,
        count(row.estimated_cycles),
        count(row.flash_b),
        count(row.ram_b),
        "-" if row.energy_j is None else f"{row.energy_j * 1e6:.3g}{modelled}",
        _rate(vips),
        _rate(None if vops is None else vops * 1e-6),
    )


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _rate(value: float | None) -> str:
    if value is None:
        return "-"
    digits = f"{value:.3g}"  # a time, and so a rate, has no more
    return f"{float(digits):,.0f}" if value >= WHOLE else digits


def said(found: ClassicStudy) -> list[str]:
    """Return in sentences what the columns mean here."""
    lines = [
        f"{one_line(row.model)} refused: {reason(row.refused)}"
        for row in found.rows
        if row.refused is not None
    ]
    lines.append("rows equal: answers of the board that are those of the same C on this computer")
    if found.asked.regression:
        lines.append("VIPS, MVOPS: of classes alone: a real value is not right or wrong")
    else:
        lines.append(
            "MVOPS: of trees and neighbours no multiplications are counted: they mean nothing there"
        )
    single = [row.model for row in found.rows if row.times and row.model not in THREADED]
    if single and max(found.asked.threads) > 1:
        lines.append(f"{', '.join(single)}: scikit-learn learns these with one thread alone")
    if found.unit != 1:
        lines.append(f"real values are learnt and answered in units of {found.unit:g}")
    if any(row.emulated for row in found.rows):
        lines.append(EMULATED)
        if not found.asked.regression:
            lines.append("est. VIPS, est. MVOPS: by the estimated cycles, as in a run's report")
    if any(row.model.startswith("neural") for row in found.rows):
        first = found.asked.format < SAME_ROWS
        which = "as many inputs, the first of its set" if first else "the same tested rows"
        lines.append(f"neural: the task's own model, on {which}")
    return lines


def title(found: ClassicStudy) -> str:
    """Return what was learnt from, and where it was run."""
    return one_line(
        f"classic models of {found.source} on {found.asked.board}: "
        f"{counted(found.features, 'feature')}, "
        f"learnt from {counted(found.learnt_from, 'row')}, tested on {found.tested}"
    )


def terminal(found: ClassicStudy) -> RenderableType:
    """Return a line a model, what the columns mean, and the times by threads."""
    table = columns(header(found), [cells(found, row) for row in found.rows], wraps=1)
    more = ("", columns(TIMES, times(found))) if times(found) else ()
    return below(title(found), table, said(found), *more)


def times(found: ClassicStudy) -> list[tuple[str, ...]]:
    """Return a line a model and number of threads: how long it took on this computer."""
    return [
        (one_line(row.model), str(one.threads), f"{one.train_s:.4f}", f"{one.predict_s:.4f}")
        for row in found.rows
        for one in row.times
    ]


def markdown(found: ClassicStudy) -> str:
    """Return both tables as Markdown."""
    lines = [cells(found, row) for row in found.rows]
    told = in_markdown("", TIMES, times(found), []) if times(found) else ""
    return in_markdown(title(found), header(found), lines, said(found)) + told


def as_csv(found: ClassicStudy) -> str:
    """Return one line a model, under the names of `Row`; what was not measured is empty.

    Its times stand behind, two for each number of threads.
    """
    threads = found.asked.threads
    names = [f"{name}_threads_{count}" for count in threads for name in ("train_s", "predict_s")]
    ends = (found.source, found.asked.board)
    lines = []
    for row in found.rows:
        told, timed = msgspec.structs.asdict(row), {one.threads: one for one in row.times}
        each = [timed.get(count) for count in threads]
        took = [value for one in each for value in ((one.train_s, one.predict_s) if one else NONE)]
        lines.append((*ends, *(told[name] for name in COLUMNS), *took))
    return in_csv(("source", "board", *COLUMNS, *names), lines)


def as_png(found: ClassicStudy) -> bytes:
    """Return the picture: score against time, and flash, a point a model.

    Raises ToolMissingError without matplotlib.
    """
    emulated = any(row.emulated for row in found.rows)

    def draw(panels: Any) -> None:
        time = "instructions" if emulated else "latency_s"
        _points(panels[0], found, time, time_name(emulated=emulated))
        _points(panels[1], found, "flash_b", "flash of the whole image, bytes")
        panels[0].set_ylabel(header(found)[2])

    return picture(title(found), 2, draw, sharey=True)


def _points(axes: Any, found: ClassicStudy, field: str, label: str) -> None:
    for row in found.rows:
        at = getattr(row, field)
        if not at or row.score is None:
            continue
        axes.plot([at], [row.score], "o", color="tab:blue")
        name_point(axes, (at, row.score), row.model)
    axes.set_xscale("log")
    axes.margins(x=0.25, y=0.2)
    axes.set_xlabel(label)
    axes.grid(visible=True, alpha=0.3)
