"""Which inputs of a task weights are fitted to, steps are chosen by, and scores are of."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinybench.errors import UsageError

from .sound import later
from .subject import Subject, histories, of_samples

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

    A half as of `halves` is scored. Of the others every fourth is held out; of a task that is
    scored by AUC, all that are not normal, too. Raises UsageError where a part would be empty.
    """
    able, rest, scored = _halves(of, seed)
    held = able[HELD_EVERY - 1 :: HELD_EVERY]
    fitted = np.setdiff1d(able, held)
    _insist(of, {"learn from": fitted, "choose by": held, "score": scored})
    held = np.concatenate([held, rest])
    return Split(*(of_samples(of, np.sort(part)) for part in (fitted, held, scored)))


def halves(of: Subject, seed: int) -> tuple[Subject, Subject]:
    """Return a subject of what is learnt from, and one of what is scored.

    Of each label a random half is scored: files in turns, such as one of each machine, must not
    leave a machine to one half. Of a task that is scored by AUC only normal samples (label 0) are
    learnt from, as always there. Of a stream they are histories, those before half of its words and
    those behind. Raises UsageError where a part would be empty.
    """
    if of.sound is not None:
        frames, sound = later(of.sound, None)
        return histories(of, np.arange(frames.start), of.sound), histories(of, frames, sound)
    able, _, scored = _halves(of, seed)
    _insist(of, {"learn from": able, "score": scored})
    return of_samples(of, np.sort(able)), of_samples(of, np.sort(scored))


def _halves(of: Subject, seed: int) -> tuple[Places, Places, Places]:
    """Return what can be learnt from, what cannot be of that half, and the half that is scored."""
    labels = np.array(of.labels)
    drawn = np.random.default_rng(seed).permutation(len(labels))
    order = drawn[np.argsort(labels[drawn], kind="stable")]
    scored, half = order[1::2], order[::2]
    normal = labels[half] == 0 if of.metric == "auc" else np.ones(len(half), bool)
    return half[normal], half[~normal], scored


def _insist(of: Subject, parts: dict[str, Places]) -> None:
    for what, taken in parts.items():
        if not len(taken):
            kind = "normal input" if of.metric == "auc" and what != "score" else "input"
            raise UsageError(
                f"too few inputs of task {of.task} to be dealt out, {len(of.labels)} in all: no "
                f"{kind} is left to {what}; take more, by a higher --limit or by --data"
            )
