"""Which inputs of a task layers are fitted to, steps are chosen by, and scores are of."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tinybench.errors import UsageError

from ..subject import Subject

HELD_EVERY = 4
"""Of the samples that could be learnt from one of so many is held out."""
Taken = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """The samples of a task: each is in one of these."""

    fitted: Subject
    """What pruned layers are fitted to, and the whole model learns from."""
    held: Subject
    """What it is chosen by whether a candidate is run as pruned, mended or learnt."""
    scored: Subject
    """What scores are of: nothing is fitted to these, or chosen by them."""


def split(of: Subject) -> Split:
    """Return the samples of a subject as they are used where pruned layers are fitted again.

    Every second one is scored; where labels come in turns, so that a half would lack one, every
    second of each label. Of the others, label by label, every fourth is held out. Of a task that is
    scored by AUC only normal samples (label 0) are learnt from, as always there, and the others of
    that half are held out. Raises UsageError where a part would be empty.
    """
    labels = np.array(of.labels)
    first = _half(of, labels)
    normal = labels == 0 if of.metric == "auc" else np.ones_like(first)
    able = np.flatnonzero(first & normal)
    held = first & ~normal
    chosen_by = able[np.argsort(labels[able], kind="stable")][HELD_EVERY - 1 :: HELD_EVERY]
    held[chosen_by] = True
    parts = {"learn from": first & ~held, "choose by": held & normal, "score": ~first}
    for what, taken in parts.items():
        if not taken.any():
            kind = "normal input" if of.metric == "auc" and what != "score" else "input"
            raise UsageError(
                f"too few inputs of task {of.task} to be dealt out, {len(labels)} in all: no "
                f"{kind} is left to {what}; take more, by a higher --limit or by --data"
            )
    return Split(*(_of_samples(of, taken) for taken in (first & ~held, held, ~first)))


def _half(of: Subject, labels: npt.NDArray[np.int64]) -> Taken:
    """Return which samples are the half that is not scored."""
    first = np.arange(len(labels)) % 2 == 0
    if of.metric != "auc" and set(labels[first]) != set(labels[~first]):
        for label in set(of.labels):
            there = np.flatnonzero(labels == label)
            first[there] = np.arange(len(there)) % 2 == 0
    return first


def _of_samples(of: Subject, taken: Taken) -> Subject:
    uploads = taken[of.owners]
    return replace(
        of,
        inputs=of.inputs[uploads],
        owners=np.searchsorted(np.flatnonzero(taken), of.owners[uploads]),
        labels=tuple(one for one, there in zip(of.labels, taken, strict=True) if there),
        expected=tuple(
            one for one, there in zip(of.expected, taken, strict=bool(of.expected)) if there
        ),
    )
