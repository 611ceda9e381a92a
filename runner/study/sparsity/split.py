"""Which inputs of a task layers are fitted to, steps are chosen by, and scores are of."""

from dataclasses import dataclass

import numpy as np

from ..subject import Subject, dealt, insist_parts, of_samples

HELD_EVERY = 4
"""Of the samples that could be learnt from one of so many is held out."""


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

    A half as of `halves` is scored. Of the others every fourth is held out; of a task that is
    scored by AUC, all that are not normal, too. Raises UsageError where a part would be empty.
    """
    able, rest, scored = dealt(of, seed)
    held = able[HELD_EVERY - 1 :: HELD_EVERY]
    fitted = np.setdiff1d(able, held)
    insist_parts(of, {"learn from": fitted, "choose by": held, "score": scored})
    held = np.concatenate([held, rest])
    return Split(*(of_samples(of, np.sort(part)) for part in (fitted, held, scored)))
