"""Many runs as a table: CSV, and what `tinybench results` prints."""

import csv
import io
from collections.abc import Sequence

import msgspec

from tinybench import extras
from tinybench.errors import ToolMissingError
from tinybench.printable import all_printable, one_line
from tinybench.uncertain import bounded, uncertain

from ..compare.store import COLUMNS, Summary
from ..rules import judged_under

CELL_MAX = 24
"""Characters of a cell of the listing; the verdict and the folder are whole."""
RIGHT = (3, 4, 5, 6)
"""Columns of figures, set to the right."""


def as_csv(runs: Sequence[Summary]) -> str:
    """Return one line a run under a header of `Summary`'s names; what was not measured is empty.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for run in runs:
        writer.writerow(map(cell, msgspec.structs.astuple(all_printable(run))))
    return text.getvalue()


def as_parquet(runs: Sequence[Summary]) -> bytes:
    """Return the runs as a Parquet file, with the columns and types of `load_runs`.

    Raises ToolMissingError without pandas or pyarrow.
    """
    from ..compare.typed_frame import dtypes_of, frame_of

    try:
        import pyarrow  # noqa: F401 - pandas says less well what is missing
    except ImportError as error:
        missing = extras.missing("writing Parquet", "pyarrow", "parquet")
        raise ToolMissingError(missing) from error
    return frame_of(dtypes_of(Summary), map(msgspec.structs.astuple, runs)).to_parquet(index=False)


def listing(runs: Sequence[Summary]) -> str:
    """Return the runs as aligned lines, the oldest first; thousands of them at once."""
    lines: list[tuple[str, ...]] = [
        (
            *("started (UTC)", "task", "board", "accuracy"),
            *("ms", "instructions", "uJ", "verdict", "run"),
        )
    ]
    for run in runs:
        cells = (
            run.started_at[:19].replace("T", " "),
            run.task,
            run.board,
            accuracy(run),
            milliseconds(run),
            instructions(run),
            microjoules(run),
            verdict(run),
        )
        shown = [" ".join(one_line(cell).split()) for cell in cells]
        short = [c if len(c) <= CELL_MAX else c[: CELL_MAX - 1] + "…" for c in shown[:-1]]
        lines.append((*short, shown[-1], one_line(run.run)))
    widths = [max(map(len, column)) for column in list(zip(*lines, strict=True))[:-1]]
    return "".join(
        "  ".join(
            cell.rjust(width) if number in RIGHT else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(line, [*widths, 0], strict=True))
        ).rstrip()
        + "\n"
        for line in lines
    )


def accuracy(run: Summary) -> str:
    """Return the score of a run, or a dash."""
    if run.top1 is not None:
        return accuracy_words(run.top1, None)
    if run.f1 is not None:
        return f"F1 {run.f1:.3f} ({run.words_missed} missed, {run.false_alarms} false)"
    for name, value in (("AUC", run.auc), ("IoU", run.iou)):
        if value is not None:
            return f"{name} {value:.3f}"
    if run.exact is not None:
        return f"{run.exact:.1%} as expected"
    return "-" if run.mae is None else f"MAE {run.mae:.4g}"


def accuracy_words(top1: float | None, auc: float | None) -> str:
    """Return top-1 or AUC in words, or a dash."""
    if top1 is not None:
        return f"{top1:.1%}"
    return "-" if auc is None else f"AUC {auc:.3f}"


def milliseconds(run: Summary) -> str:
    """Return the latency of a run in ms, with its uncertainty (k = 2), or marked as estimated."""
    if run.emulated:
        estimate = estimated_ms(run)
        return "-" if estimate is None else f"{estimate[1]} estimated"
    if run.latency_s is None:
        return "-"
    if run.latency_uncertainty_s is None:
        return f"{run.latency_s * 1e3:.3f}"
    return uncertain(run.latency_s * 1e3, run.latency_uncertainty_s * 1e3)


def estimated_ms(run: Summary) -> tuple[str, str, str] | None:
    """Return the least, usual and largest latency by estimated cycles, in ms."""
    usual_s = run.estimated_latency_s
    low_s, high_s = run.estimated_latency_low_s, run.estimated_latency_high_s
    if usual_s is None or low_s is None or high_s is None:
        return None
    return bounded(low_s * 1e3, usual_s * 1e3, high_s * 1e3)


def instructions(run: Summary) -> str:
    """Return the instructions of one inference, where an emulator counted them."""
    count = run.instructions_per_inference
    return "-" if count is None else f"{count:,}"


def estimated_uj(run: Summary) -> tuple[str, str, str] | None:
    """Return the least, usual and largest energy of an inference by estimated cycles, in uJ."""
    usual_j = run.estimated_energy_j
    low_j, high_j = run.estimated_energy_low_j, run.estimated_energy_high_j
    if usual_j is None or low_j is None or high_j is None:
        return None
    return bounded(low_j * 1e6, usual_j * 1e6, high_j * 1e6)


def microjoules(run: Summary) -> str:
    """Return the energy of one inference in uJ, with its uncertainty, marked where a model's."""
    if run.energy_per_inference_j is None:
        estimate = estimated_uj(run)
        return "-" if estimate is None else f"{estimate[1]} estimated"
    label = " modelled" if run.energy_modelled else ""
    if run.energy_uncertainty_j is None:
        return f"{run.energy_per_inference_j * 1e6:.4f}" + label
    return uncertain(run.energy_per_inference_j * 1e6, run.energy_uncertainty_j * 1e6) + label


def validity(run: Summary) -> str:
    """Return whether the run is valid, and for whom if not for MLPerf."""
    return ("valid" if run.valid else "not valid") + judged_under(run.profile, run.mlperf)


def verdict(run: Summary) -> str:
    """Return whether the run is valid, with the names of the rules it breaks and what it is not."""
    words = validity(run)
    if not run.valid:
        words += ": " + ", ".join(dict.fromkeys(run.broken_rules))
    if run.interference is not None:
        words += " (interference injected)"
    if run.dataset != "official":
        words += f" ({run.dataset} dataset)"
    return words


def cell(value: object) -> object:
    """Return a value as a cell of CSV; a text that looks like a formula gets an apostrophe."""
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t")):
        return "'" + value
    return value
