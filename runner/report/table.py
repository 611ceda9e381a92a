"""Many runs as a table: CSV, and what `tinybench results` prints."""

import csv
import io
from collections.abc import Sequence

import msgspec
from rich.table import Table
from rich.text import Text

from ..store import COLUMNS, Summary
from .printable import all_printable


def as_csv(runs: Sequence[Summary]) -> str:
    """Return one line a run under a header of `Summary`'s names; what was not measured is empty.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for run in runs:
        writer.writerow(map(_cell, msgspec.structs.astuple(all_printable(run))))
    return text.getvalue()


def listing(runs: Sequence[Summary]) -> Table:
    """Return the runs as a table for a terminal, the oldest first."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("started (UTC)", "task", "board"):
        table.add_column(name, no_wrap=True)
    for name in ("accuracy", "ms", "uJ"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", overflow="fold")
    table.add_column("run", overflow="fold")
    for run in map(all_printable, runs):
        table.add_row(
            Text(run.started_at[:19].replace("T", " ")),
            Text(run.task),
            Text(run.board),
            accuracy(run),
            milliseconds(run),
            microjoules(run),
            Text(verdict(run)),
            Text(run.run),
        )
    return table


def accuracy(run: Summary) -> str:
    """Return the score of a run, or a dash."""
    if run.top1 is not None:
        return f"{run.top1:.1%}"
    return "-" if run.auc is None else f"AUC {run.auc:.3f}"


def milliseconds(run: Summary) -> str:
    """Return the latency of a run in ms, marked where it is emulated."""
    if run.latency_s is None:
        return "-"
    return f"{run.latency_s * 1e3:.3f}" + (" emulated" if run.emulated else "")


def microjoules(run: Summary) -> str:
    """Return the energy of one inference in uJ, marked where it is modelled."""
    if run.energy_per_inference_j is None:
        return "-"
    label = " modelled" if run.energy_modelled else ""
    return f"{run.energy_per_inference_j * 1e6:.4f}" + label


def verdict(run: Summary) -> str:
    """Return whether the run is valid, with the names of the rules it breaks and what it is not."""
    words = "valid" if run.valid else "not valid: " + ", ".join(dict.fromkeys(run.broken_rules))
    if run.dataset != "official":
        words += f" ({run.dataset} dataset)"
    return words


def _cell(value: object) -> object:
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t")):
        return "'" + value
    return value
