"""Which inputs of a task layers are fitted to, steps are chosen by, and scores are of."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tinybench.errors import UsageError

from ..subject import Subject

HELD_EVERY = 4
"""Of the samples that could be learnt from one of so many is held out."""
Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Split:
    """The samples of a task: each is in one of these."""

    fitted: Subject
    """What pruned layers are fitted to, and the whole model learns from."""
    held: Subject
    """What it is chosen by whether a candidate is run as pruned, mended or learnt."""
    scored: Subject
    """What scores are of: nothing is fitted to these, or chosen by them."""


def split(of: Subject, seed: int) -> Split:
    """Return the samples of a subject as they are used where pruned layers are fitted again.

    Of each label a random half is scored: files in turns, such as one of each machine, must not
    leave a machine to one half. Of the others every fourth is held out. Of a task that is scored by
    AUC only normal samples (label 0) are learnt from, as always there, and the others of that half
    are held out. Raises UsageError where a part would be empty.
    """
    labels = np.array(of.labels)
    drawn = np.random.default_rng(seed).permutation(len(labels))
    order = drawn[np.argsort(labels[drawn], kind="stable")]
    scored, half = order[1::2], order[::2]
    normal = labels[half] == 0 if of.metric == "auc" else np.ones(len(half), bool)
    able = half[normal]
    held = able[HELD_EVERY - 1 :: HELD_EVERY]
    parts = {"learn from": np.setdiff1d(able, held), "choose by": held, "score": scored}
    for what, taken in parts.items():
        if not len(taken):
            kind = "normal input" if of.metric == "auc" and what != "score" else "input"
            raise UsageError(
                f"too few inputs of task {of.task} to be dealt out, {len(labels)} in all: no "
                f"{kind} is left to {what}; take more, by a higher --limit or by --data"
            )
    held = np.concatenate([held, half[~normal]])
    return Split(*(_of_samples(of, np.sort(part)) for part in (parts["learn from"], held, scored)))


def _of_samples(of: Subject, which: Places) -> Subject:
    uploads = np.isin(of.owners, which)
    return replace(
        of,
        inputs=of.inputs[uploads],
        owners=np.searchsorted(which, of.owners[uploads]),
        labels=tuple(of.labels[n] for n in which),
        expected=tuple(of.expected[n] for n in which) if of.expected else (),
    )
