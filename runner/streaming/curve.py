"""Misses against false alarms over the threshold, from the outputs of all frames."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .score import FRAME_MS, RULES_TAIL_S, THRESHOLD, Point, Windows, frames_ms, score


def detections(activations: NDArray[np.int8], threshold: int = THRESHOLD) -> list[int]:
    """Return the frames that pulse: 0, which marks the beginning, and those above the threshold.

    `activations` are int8 of shape (frames,), the word's output, or (frames, classes), its first.
    """
    column = _word(activations)
    above = np.flatnonzero(column > threshold)
    return [0, *(int(frame) for frame in above if frame)] if len(column) else []


def det_curve(
    activations: NDArray[np.int8],
    windows_s: Windows,
    tail_s: float = RULES_TAIL_S,
    frame_ms: float = FRAME_MS,
) -> list[Point]:
    """Return a point for each threshold that makes a difference, from the lowest.

    Frame 0 marks the beginning and is no detection, as for an interface board.
    """
    column = _word(activations)[1:]
    points = []
    for threshold in [-129, *(int(value) for value in np.unique(column))]:
        frames = np.flatnonzero(column > threshold) + 1
        _, missed, false = score(frames_ms(frames.tolist(), frame_ms), windows_s, tail_s).counts
        points.append(Point(threshold, missed, false))
    return points


def kept(points: Sequence[Point], missed_most: int, false_most: int) -> list[int]:
    """Return the thresholds of a curve that keep both limits."""
    return [
        one.threshold for one in points if one.missed <= missed_most and one.false <= false_most
    ]


def _word(activations: NDArray[Any]) -> NDArray[Any]:
    return activations[:, 0] if activations.ndim == 2 else activations
