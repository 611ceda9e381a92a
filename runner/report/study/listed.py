"""Rows of all studies below a folder, as a table and as CSV."""

from collections.abc import Sequence

import msgspec
from rich.console import RenderableType

from tinybench.printable import one_line

from ...study.listed import COLUMNS, StudyRow
from .frame import METRIC, columns, count, in_csv

HEADER = (
    *(
        "study",
        "of",
        "board",
        "what",
        "score",
        "by",
        "figures are",
        "of the",
        "us",
        "instructions",
        "est. cycles",
    ),
    *("weights B", "flash B", "RAM B", "uJ", "folder"),
)
LEFT = 4


def listing(rows: Sequence[StudyRow]) -> RenderableType:
    """Return a line a row."""
    return columns(HEADER, [_cells(row) for row in rows], left=LEFT)


def _cells(row: StudyRow) -> tuple[str, ...]:
    score = "-" if row.score is None else f"{METRIC.get(row.metric, row.metric)} {row.score:.4f}"
    if row.score_deviation is not None:
        score += f" sd {row.score_deviation:.4f}"
    latency_us = None if row.latency_s is None else round(row.latency_s * 1e6, 2)
    figures = (latency_us, row.instructions, row.cycles, row.weights_b, row.flash_b, row.ram_b)
    words = [one_line(one) for one in (row.study, row.of, row.board or "-", row.name)]
    energy = "-" if row.energy_j is None else f"{row.energy_j * 1e6:.3g} {row.energy_kind}"
    return (
        *words,
        score,
        row.score_by or "-",
        row.kind,
        row.scope,
        *map(count, figures),
        energy,
        one_line(row.folder),
    )


def as_csv(rows: Sequence[StudyRow]) -> str:
    """Return a line a row, under the names of `StudyRow`."""
    return in_csv(COLUMNS, map(msgspec.structs.astuple, rows))
