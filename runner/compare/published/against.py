"""Published trees compared with runs, or with each other: figures as they are printed."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from tinybench.errors import UsageError

from ...audit.audit import audit
from ...audit.tree import looks_published
from ..change import Comparison, Measured, Metric, between, measured
from .entry import Entry
from .trees import entries

Sides = dict[tuple[str, str], Measured]
"""By task and board, or system."""


def any_published(*paths: Path) -> bool:
    """Return whether one of the paths is a tree of published results."""
    return any(path.is_dir() and looks_published(path) for path in paths)


def compare(base: Path, head: Path, gates: Sequence[str] = ()) -> Comparison:
    """Compare, where at least one side is published; its figures have no windows to judge noise by.

    A tree is audited: what its own files contradict is compared as printed, and said in the notes.
    A system stands for the board of the other side where each has one of the task only. Raises
    UsageError and RunFolderError, as `change.compare`.
    """
    old, new = (_side(path) for path in (base, head))
    alike, notes = _named_alike(old, new)
    found = between(base, head, old, alike, gates)
    doubts = [words for path in dict.fromkeys((base, head)) for words in _doubts(path)]
    return msgspec.structs.replace(found, notes=[*notes, *found.notes, *doubts])


def _side(path: Path) -> Sides:
    if not any_published(path):
        return measured(path)
    found = {(entry.task, entry.system): _measured(entry) for entry in entries(path)}
    if not found:
        raise UsageError(
            f"{path}: published results without a division, a task or figures cannot be compared; "
            f"look at them with: tinybench audit {path}"
        )
    return found


def _doubts(path: Path) -> list[str]:
    """Return which of a tree's systems published a figure that their own files contradict."""
    if not any_published(path):
        return []
    return [
        f"{row.system} of {path}: a figure is wrong: "
        f"{'; '.join(row.corrected) or row.worst}; see: tinybench audit {path}"
        for row in audit(path).systems
        if row.grade == "figure"
    ]


def _named_alike(old: Sides, new: Sides) -> tuple[Sides, list[str]]:
    """Return the new side, a system under the name of its counterpart where it is the only one.

    And what is to be said of that.
    """
    found: Sides = {}
    notes: list[str] = []
    for (task, board), one in new.items():
        theirs = [name for of, name in old if of == task]
        alone = len(theirs) == 1 and sum(of == task for of, _ in new) == 1
        name = theirs[0] if alone else board
        found[task, name] = one
        if name != board:
            notes.append(f"{name}, {task}: against {board}")
    return found, notes


def _measured(entry: Entry) -> Measured:
    score = entry.auc if entry.top1 is None or entry.task == "ad" else entry.top1
    values = {
        "accuracy": score,
        "latency": entry.latency_s,
        "throughput": 1 / entry.latency_s if entry.latency_s else None,
        "energy": entry.energy_j,
        "f1": entry.f1,
        "duty": entry.duty,
    }
    return Measured(
        task=entry.task,
        board=entry.system,
        emulated=False,
        energy_modelled=False,
        inputs_sha256="",
        inputs=None,
        started_at="",
        run=f"v{entry.round} {entry.submitter} {entry.system}".strip(),
        metrics={n: Metric(value=v, exact=False) for n, v in values.items() if v is not None},
    )
