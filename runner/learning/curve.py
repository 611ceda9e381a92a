"""Learning curves of runs that differ by their seed: a mean, and where it may lie."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from .quality import t_quantile

POINTS = 120
SURE = 0.95
"""Confidence of the band."""


class Band(NamedTuple):
    """The mean score at a place, between the bounds of its confidence."""

    at: float
    low: float
    mean: float
    high: float


def bands(runs: Sequence[Sequence[tuple[float, float]]], points: int = POINTS) -> list[Band]:
    """Return the mean over runs of (place, score), each in the order of its places.

    Between two evaluations the earlier one holds, behind the last one that: a run ends when it has
    its target. A single run has no band. It begins where every run has been evaluated.
    """
    runs = [one for one in runs if one]
    if not runs:
        return []
    first = max(one[0][0] for one in runs)
    last = max(one[-1][0] for one in runs)
    count = points if last > first else 1
    found = list[Band]()
    for step in range(count):
        at = first + (last - first) * step / max(1, count - 1)
        scores = [_at(one, at) for one in runs]
        mean = statistics.fmean(scores)
        half = 0.0
        if len(scores) > 1:
            sure = t_quantile((1 + SURE) / 2, len(scores) - 1)
            half = sure * statistics.stdev(scores) / math.sqrt(len(scores))
        found.append(Band(at, max(0.0, mean - half), mean, min(1.0, mean + half)))
    return found


def _at(run: Sequence[tuple[float, float]], place: float) -> float:
    """Return the score of the last evaluation until then."""
    low, high = 0, len(run)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if run[middle][0] <= place + 1e-12 else (low, middle)
    return run[low][1]
