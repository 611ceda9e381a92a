"""A study of classic models as tables for a terminal, in Markdown and in CSV, and as a picture."""

import csv
import io
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tinybench import extras
from tinybench.errors import ToolMissingError
from tinybench.printable import one_line

from ...study.classic import ClassicStudy, Row
from ..markdown import rows
from ..table import cell

DPI = 110
LEFT_OUT = ("times",)
COLUMNS = tuple(name for name in Row.__struct_fields__ if name not in LEFT_OUT)
REASON_MOST = 100


def header(found: ClassicStudy) -> tuple[str, ...]:
    """Return the heads of the columns."""
    score = "R2" if found.asked.regression else "top-1"
    emulated = any(row.emulated for row in found.rows)
    return (
        *("model", f"learnt {score}", score, "rows equal"),
        "instructions" if emulated else "latency us",
        *("est. cycles", "flash B", "RAM B", "uJ", "VIPS", "MVOPS"),
    )


def cells(found: ClassicStudy, row: Row) -> tuple[str, ...]:
    """Return what a person reads of one model."""
    if row.refused is not None:
        why = " ".join(one_line(row.refused).split())
        return (one_line(row.model), f"refused: {why[:REASON_MOST]}", *["-"] * 9)
    equal = "-" if row.rows_equal is None else f"{row.rows_equal} of {row.rows}"
    time = row.instructions if any(one.emulated for one in found.rows) else _micro(row.latency_s)
    modelled = " modelled" if row.energy_modelled else ""
    return (
        one_line(row.model),
        _score(row.learnt_score),
        _score(row.score),
        equal,
        "-" if time is None else f"{time:,}",
        _count(row.estimated_cycles),
        _count(row.flash_b),
        _count(row.ram_b),
        "-" if row.energy_j is None else f"{row.energy_j * 1e6:.3g}{modelled}",
        "-" if row.vips is None else f"{row.vips:,.0f}",
        "-" if row.vops is None else f"{row.vops * 1e-6:,.0f}",
    )


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _micro(value: float | None) -> float | None:
    return None if value is None else round(value * 1e6, 2)


def said(found: ClassicStudy) -> list[str]:
    """Return in sentences what the columns mean here."""
    lines = [
        "rows equal: answers of the board that are those of the same C on this computer",
        "MVOPS: of trees and neighbours no multiplications are counted: they mean nothing there",
    ]
    if any(row.emulated for row in found.rows):
        lines.append(
            "emulated: time is an instruction count, cycles are estimated; neither is a measurement"
        )
    if any(row.model.startswith("neural") for row in found.rows):
        lines.append("neural: the task's own model, on as many inputs, the first of its set")
    return lines


def title(found: ClassicStudy) -> str:
    """Return what was learnt from, and where it was run."""
    return one_line(
        f"classic models of {found.source} on {found.asked.board}: {found.features} features, "
        f"learnt from {found.learnt_from} rows, tested on {found.tested}"
    )


def terminal(found: ClassicStudy) -> RenderableType:
    """Return a line a model, what the columns mean, and the times by threads."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for number, name in enumerate(header(found)):
        table.add_column(name, justify="right" if number else "left", no_wrap=number != 1)
    for row in found.rows:
        table.add_row(*map(Text, cells(found, row)))
    times = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    times.add_column("on this computer", no_wrap=True)
    for name in ("threads", "train s", "predict s"):
        times.add_column(name, justify="right", no_wrap=True)
    for row in found.rows:
        for one in row.times:
            times.add_row(
                Text(one_line(row.model)), str(one.threads), f"{one.train_s:.4f}",
                f"{one.predict_s:.4f}",
            )  # fmt: skip
    return Group(Text(title(found)), "", table, "", *map(Text, said(found)), "", times)


def markdown(found: ClassicStudy) -> str:
    """Return the table as Markdown."""
    lines = "".join(f"- {line}\n" for line in said(found))
    table = rows(header(found), [cells(found, row) for row in found.rows])
    return f"{title(found)}\n\n{table}\n{lines}"


def as_csv(found: ClassicStudy) -> str:
    """Return one line a model, under the names of `Row`; what was not measured is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("source", "board", *COLUMNS))
    for row in found.rows:
        told = msgspec.structs.asdict(row)
        line = [told[name] for name in COLUMNS]
        safe = [one_line(one) if isinstance(one, str) else one for one in line]
        writer.writerow(map(cell, (one_line(found.source), one_line(found.asked.board), *safe)))
    return text.getvalue()


def as_png(found: ClassicStudy) -> bytes:
    """Return the picture: score against time, and flash, a point a model.

    Raises ToolMissingError without matplotlib.
    """
    try:
        from matplotlib.figure import Figure  # drawn without pyplot: no global state, no display
    except ImportError as error:
        raise ToolMissingError(extras.missing("a picture", "matplotlib", "energy")) from error
    figure = Figure(figsize=(12, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    emulated = any(row.emulated for row in found.rows)
    _points(left, found, "instructions" if emulated else "latency_s",
            "instructions (emulated, no measurement)" if emulated else "latency, s")  # fmt: skip
    _points(right, found, "flash_b", "flash of the whole image, bytes")
    left.set_ylabel(header(found)[2])
    left.set_title(title(found), loc="left", fontsize="medium", parse_math=False)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=DPI)
    return data.getvalue()


def _points(axes: Any, found: ClassicStudy, field: str, label: str) -> None:
    for number, row in enumerate(found.rows):
        at = getattr(row, field)
        if not at or row.score is None:
            continue
        axes.plot([at], [row.score], "o", color="tab:blue")
        axes.annotate(
            one_line(row.model), (at, row.score), xytext=(6, (4, -12)[number % 2]),
            textcoords="offset points", fontsize="small", parse_math=False,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.margins(x=0.35, y=0.2)
    axes.set_xlabel(label)
    axes.grid(visible=True, alpha=0.3)
