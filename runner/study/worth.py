"""What answers are worth in a study: the score of a run on the same answers, or how many agree."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tinybench.errors import UsageError
from tinybench.models.compiler.emit import result_count

from ..results.expected import MASKED
from ..results.score import scored
from ..streaming.curve import detections
from ..streaming.summary import summarise
from ..streaming.verdict import judge_frames
from .host_engine import Floats, Values, printed
from .subject import Subject

Measure = Literal["top1", "auc", "iou", "r2", "f1", "agreement", "unchanged"]
"""What a study scores by."""
AGREEMENT: Measure = "agreement"
UNCHANGED: Measure = "unchanged"
BY_CLEAN = ("none", "exact")
"""Metrics of tasks of which other answers are held against the first ones."""
_BY_METRIC: dict[str, Measure] = {
    "top1": "top1",
    "auc": "auc",
    "iou": "iou",
    "regression": "r2",
    "stream": "f1",
}


@dataclass(frozen=True)
class Worth:
    """A score, 0 to 1, the more the better; of a stream with what it is made of."""

    score: float
    missed: int | None = None
    """Words."""
    false_alarms: int | None = None


def measure(of: Subject) -> Measure:
    """Return what a study scores a task by: "top1", "auc", "iou", "r2", "f1", or how many agree.

    Without labels, and with golden outputs, which any noise changes, that is "agreement" of the
    largest output where a model has one row of them, else all outputs "unchanged".
    """
    if of.metric not in BY_CLEAN:
        return _BY_METRIC[of.metric]
    targets = [of.graph.tensors[index] for index in of.graph.outputs]
    wide = targets[0].shape[-1] if targets[0].shape else 1
    return AGREEMENT if len(targets) == 1 and 1 < wide == targets[0].elements else UNCHANGED


def answers(of: Subject, outputs: Floats) -> Values:
    """Return results [uploads][values] of this computer as a board prints them."""
    return printed(of.graph, of.interface, outputs)


def with_clean(of: Subject, found: Values) -> Subject:
    """Return a subject whose other answers are held against these, where nothing else is known."""
    return replace(of, clean=found) if of.metric in BY_CLEAN else of


def worth(of: Subject, found: Values) -> Worth:
    """Return what answers [uploads][values] are worth, as they are printed.

    What is not finite is a wrong answer. R2 below 0, which is worse than to answer the mean of the
    targets each time, is 0. Raises UsageError for inputs that have no such score.
    """
    if of.sound is not None:
        return _heard(of, found)
    score = _score(of, found)
    if score is None:
        raise UsageError(f"the inputs of task {of.task} {_WITHOUT[of.metric]}")
    return Worth(max(0.0, score))


def insist_scored(of: Subject, which: str) -> None:
    """Raise UsageError for inputs without a score whatever is answered: before hours of work.

    `which`: the part of all that they are, such as "that are scored".
    """
    none = np.zeros((len(of.inputs), result_count(of.graph, of.interface)))
    if of.metric in _WITHOUT and _score(of, none) is None:
        raise UsageError(f"the inputs of task {of.task} {which} {_WITHOUT[of.metric]}")


def agreement(of: Subject, found: Values, clean: Values, by: Measure = AGREEMENT) -> float:
    """Return the share of samples whose largest output, or by "unchanged" all, is where it was."""
    same = [
        row is not None
        and bool(row.argmax() == was.argmax() if by == AGREEMENT else (row == was).all())
        for row, was in zip(_finite(of, found), _by_sample(of, clean), strict=True)
    ]
    return sum(same) / len(same)


def _score(of: Subject, found: Values) -> float | None:
    """Return the score of samples; None where they have none."""
    if of.clean is not None:
        return agreement(of, found, of.clean, measure(of))
    rows = _finite(of, found)
    if of.metric == "regression" and any(row is None for row in rows):
        return 0.0
    none = np.zeros(0)
    wanted = of.expected or (none,) * len(of.labels)
    if of.metric == "iou":
        rows = [
            _wrong(want, of.channels) if row is None else row
            for row, want in zip(rows, wanted, strict=True)
        ]
    right, area, held = scored(
        [[] if row is None else row.tolist() for row in rows],
        of.labels,
        [("", want) for want in wanted],
        of.metric,
        channels=of.channels,
    )
    score = area if right is None else sum(right) / len(right)
    if held is not None:
        score = held.iou if of.metric == "iou" else held.r2
    return score


_WITHOUT = {
    "auc": "are all of one class, which have no AUC: take more of them, or others by --data",
    "regression": "have targets that are all the same, which have no R2: take more of them, or "
    "others by --data",
    "iou": "have masks without anything in them, which have no IoU: take more of them, or others "
    "by --data",
}


def _by_sample(of: Subject, found: Values) -> list[Values]:
    """Return the values of each sample, of one window after the other."""
    ends = np.cumsum(np.bincount(of.owners)) * found.shape[1]
    return np.split(found.ravel(), ends[:-1])


def _finite(of: Subject, found: Values) -> list[Values | None]:
    """Return the values of each sample; None where one is not finite."""
    return [row if np.isfinite(row).all() else None for row in _by_sample(of, found)]


def _wrong(wanted: Values, channels: int) -> Values:
    """Return a mask of which no pixel is right."""
    if channels == 1:
        return (wanted < MASKED).astype(np.float64)
    classes = wanted.reshape(-1, channels).argmax(axis=1)
    return np.eye(channels)[(classes + 1) % channels].ravel()


def _heard(of: Subject, found: Values) -> Worth:
    assert of.sound is not None  # noqa: S101 - asked for before
    word = np.clip(np.rint(found[:, 0] * 256), 0, 255).astype(np.int16) - 128
    windows_s = of.sound.words_s
    frames = detections(word.astype(np.int8))
    judged = judge_frames(frames, windows_s, length_s=of.sound.length_s)
    first = summarise(judged, windows_s).first
    return Worth(first.f1, first.missed, first.false)
