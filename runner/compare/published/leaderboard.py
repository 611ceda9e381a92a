"""The fastest by task and core: runs of one's own, and published results beside them."""

from collections.abc import Iterable, Sequence

import msgspec

from ..store import Summary
from .entry import Entry
from .standing import kind_of_core

PUBLISHED, MEASURED, ESTIMATED = "published", "measured", "estimated"
MOST = 10
"""Rows of a core: the fastest of one's own boards, and as many published ones."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One who is on a board; SI units, shares of 1."""

    kind: str
    """"measured", "estimated" (emulated: cycles of a model of the core) or "published"."""
    who: str
    """The board, or submitter and system."""
    latency_s: float
    low_s: float | None = None
    """Bounds of the estimate, or of the uncertainty (k = 2)."""
    high_s: float | None = None
    score: float | None = None
    """Top-1, AUC or F1."""
    energy_j: float | None = None
    """Of one inference: measured, or published."""
    run: str | None = None
    """Folder of the run."""
    round: str | None = None
    apart: str = ""
    """Why it is not comparable with published results; empty where it is."""


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """One task on one kind of core, the fastest first."""

    task: str
    core: str
    """Such as "Cortex-M4"."""
    rows: list[Row]


def leaderboard(
    runs: Iterable[Summary], entries: Sequence[Entry], most: int = MOST
) -> list[Ranking]:
    """Return the valid runs of each board with the least time, and the fastest published results.

    Only of microcontrollers, for a core's kind must be known; published ones are those of the
    closed division, and stand where a run of one's own does, too.
    """
    best: dict[tuple[str, str], dict[tuple[str, str], Row]] = {}
    for run in runs:
        row = _own(run)
        core = kind_of_core(run.core)
        if row is None or not core:
            continue
        there = best.setdefault((run.task, core), {})
        before = there.get((row.who, row.kind))
        if before is None or (bool(row.apart), row.latency_s) < (
            bool(before.apart),
            before.latency_s,
        ):
            there[row.who, row.kind] = row
    found = []
    for (task, core), rows in sorted(best.items()):
        known = [
            _theirs(one, one.latency_s)
            for one in entries
            if one.task == task
            and one.division == "closed"
            and one.latency_s
            and kind_of_core(one.processor) == core
        ]
        own = sorted(rows.values(), key=lambda row: row.latency_s)[:most]
        known = sorted(known, key=lambda row: row.latency_s)[:most]
        ranked = sorted([*own, *known], key=lambda row: row.latency_s)
        found.append(Ranking(task=task, core=core, rows=ranked))
    return found


def _own(run: Summary) -> Row | None:
    """Return a run as a row; None where it is not valid, or has no time."""
    bounds: tuple[float | None, float | None]
    if run.emulated:
        latency_s = run.estimated_latency_s
        bounds = run.estimated_latency_low_s, run.estimated_latency_high_s
    else:
        latency_s, off_s = run.latency_s, run.latency_uncertainty_s
        bounds = (None, None)
        if latency_s and off_s:
            bounds = latency_s - off_s, latency_s + off_s
    if not run.valid or not latency_s:
        return None
    why = [
        "emulated" if run.emulated else "",
        "" if run.mlperf else f"profile {run.profile}",
        "" if run.dataset == "official" else f"{run.dataset} inputs",
        "" if run.model_kind == "official" else "another model",
    ]
    score = next((one for one in (run.top1, run.auc, run.f1) if one is not None), None)
    return Row(
        kind=ESTIMATED if run.emulated else MEASURED,
        who=run.board,
        latency_s=latency_s,
        low_s=bounds[0],
        high_s=bounds[1],
        score=score,
        energy_j=None if run.energy_modelled else run.energy_per_inference_j,
        run=run.run,
        apart=", ".join(words for words in why if words),
    )


def _theirs(entry: Entry, latency_s: float) -> Row:
    score = next((one for one in (entry.top1, entry.auc, entry.f1) if one is not None), None)
    return Row(
        kind=PUBLISHED,
        who=f"{entry.submitter}: {entry.system}",
        latency_s=latency_s,
        score=score,
        energy_j=entry.energy_j,
        round=entry.round,
    )
