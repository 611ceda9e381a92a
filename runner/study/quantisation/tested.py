"""The inputs of a study of quantisation: some give the ranges, others are scored."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tinybench.datasets.part import places
from tinybench.errors import UsageError
from tinybench.models.compiler.interface import Interface

from ..host_engine import Floats, Values
from ..sound import later
from ..subject import Subject, histories, history_of, of_samples, values_of
from ..worth import AGREEMENT, BY_CLEAN, insist_scored, measure

INPUTS_LEAST, TEST = 10, 100
BOARD_FRAMES = 100
"""Of a stream, histories that a board is given."""
Which = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Tested:
    """Inputs in real units, [uploads][elements], and what should come out of these."""

    of: Subject
    """Of what is scored alone ..."""
    first: Subject
    """... and of what gives the ranges."""
    uploads: Floats
    board: Which
    """Samples that a board answers, too; of a stream, uploads."""

    @property
    def calibration(self) -> Floats:
        """Return the inputs that give the ranges."""
        return values_of(self.first)

    @property
    def squared(self) -> bool:
        """Whether the error between a model's input and its output is what it answers."""
        return self.of.interface.result == "mse"

    @property
    def interface(self) -> Interface:
        """Return how a model of any type gets these inputs."""
        return Interface("float32", "mse") if self.squared else Interface()

    def of_board(self, at: int) -> Which:
        """Return the uploads of a sample that a board answers."""
        return np.array([at]) if self.of.sound else np.flatnonzero(self.of.owners == at)


def counts_of(of: Subject, calibrate: int, test: int | None) -> tuple[int, int]:
    """Return how many inputs give the ranges, and how many others there are at most.

    Of a stream those are histories before half of its words, and seconds behind. Raises UsageError.
    """
    if of.sound is not None:
        before, _, sound = later(of.sound, history_of(of), test)
        return min(calibrate, len(before)), test or int(np.ceil(sound.length_s))
    count = len(of.labels)
    if count < INPUTS_LEAST:
        raise UsageError(f"{count} inputs: {INPUTS_LEAST} are needed to calibrate and to test")
    calibrate = min(calibrate, max(1, len(_usual(of)) // 2))
    return calibrate, min(test or TEST, count - calibrate)


def dealt(of: Subject, calibrate: int, test: int) -> Tested:
    """Deal inputs out, by counts as of `counts_of`. Raises UsageError for those without a score."""
    if of.sound is not None:
        return _of_stream(of, calibrate, test)
    labels, usual = np.array(of.labels), _usual(of)
    taken = usual[places(labels[usual].tolist(), calibrate)]
    left = np.setdiff1d(np.arange(len(labels)), taken)
    first = of_samples(of, taken)
    scored = of_samples(of, left[places(labels[left].tolist(), test)])
    insist_scored(scored, "that are scored")
    return Tested(scored, first, values_of(scored), np.arange(test))


def _usual(of: Subject) -> Which:
    """Return the samples that may give ranges: where AUC is scored, normal ones alone."""
    labels = np.array(of.labels)
    return np.flatnonzero(labels == 0) if of.metric == "auc" else np.arange(len(labels))


def _of_stream(of: Subject, calibrate: int, seconds: int) -> Tested:
    """Deal the histories of a stream out: in time, those that are scored come later."""
    assert of.sound is not None  # noqa: S101 - asked for before
    before, frames, sound = later(of.sound, history_of(of), seconds)
    heard = np.arange(calibrate) * len(before) // calibrate
    scored = histories(of, frames, sound)
    count = len(scored.inputs)
    board = np.unique(np.arange(BOARD_FRAMES) * count // BOARD_FRAMES)
    return Tested(scored, histories(of, heard, of.sound), values_of(scored), board)


def against(of: Subject, values: Values) -> Subject:
    """Return a subject that is held against the answers of the float model, if by nothing else.

    That is by the largest of outputs that are one row; else by R2 of all of them. Raises UsageError
    where there is none, as of equal answers.
    """
    if of.metric not in BY_CLEAN:
        return of
    if measure(of) == AGREEMENT:
        return replace(of, clean=values)
    expected = tuple(values[of.owners == at].ravel() for at in range(len(of.labels)))
    held = replace(of, metric="regression", expected=expected)
    insist_scored(held, "that are scored, by what the float model answers,")
    return held
