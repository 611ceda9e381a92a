"""Which combination to measure next, by a model of main effects, and the Pareto front.

A figure is taken as a product of one factor for each level (a sum, of scores): main effects alone.
What combinations do beyond that widens the intervals of the model. Ref: Wynn, The sequential
generation of D-optimum experimental designs, Ann. Math. Stat. 41, 1970.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
RIDGE = 1e-6
SURE = 0.975
"""Quantile of an interval of 95 %."""
DEVIATIONS = 2.0
"""How much better than predicted a combination might be."""
TINY = 1e-9


def combinations(counts: Sequence[int]) -> list[tuple[int, ...]]:
    """Return all combinations of levels, by their numbers."""
    return list(itertools.product(*(range(count) for count in counts)))


def columns(points: Sequence[Sequence[int]], counts: Sequence[int]) -> Floats:
    """Return the model of points, [points][1 and the levels but the first of each factor]."""
    found = np.zeros((len(points), 1 + sum(count - 1 for count in counts)))
    found[:, 0] = 1
    for row, point in enumerate(points):
        at = 0
        for level, count in zip(point, counts, strict=True):
            if level:
                found[row, at + level] = 1
            at += count - 1
    return found


def leverage(candidates: Floats, done: Floats) -> Floats:
    """Return how uncertain the model is of candidates, x' (X'X)^-1 x, in variances of a run."""
    inverse = np.linalg.inv(done.T @ done + RIDGE * np.eye(done.shape[1]))
    return np.einsum("ij,jk,ik->i", candidates, inverse, candidates)


@dataclass(frozen=True)
class Fit:
    """A figure by main effects."""

    x: Floats
    inverse: Floats
    found: Floats
    sd: float | None
    """Of what the effects do not say; None where nothing is left to tell it by."""
    free: int
    """Degrees of freedom of that."""


def fitted(points: Sequence[Sequence[int]], values: Floats, counts: Sequence[int]) -> Fit:
    """Fit main effects to values (logarithms, of what multiplies)."""
    x = columns(points, counts)
    inverse: Floats = np.linalg.pinv(x.T @ x).astype(np.float64)
    found = inverse @ x.T @ values
    free = len(x) - int(np.linalg.matrix_rank(x))
    rest = float(((values - x @ found) ** 2).sum())
    return Fit(x, inverse, found, math.sqrt(rest / free) if free else None, free)


def contrast(fit: Fit, at: int) -> tuple[float, float | None] | None:
    """Return an effect and half of its interval of 95 %; None where the runs do not tell it."""
    wanted = np.zeros(len(fit.found))
    wanted[at] = 1
    if np.abs(wanted @ fit.inverse @ (fit.x.T @ fit.x) - wanted).max() > RIDGE:
        return None
    if fit.sd is None:
        return float(fit.found[at]), None
    variance = max(0.0, float(wanted @ fit.inverse @ wanted))
    return float(fit.found[at]), t_quantile(SURE, fit.free) * fit.sd * math.sqrt(variance)


def choose(
    candidates: Sequence[tuple[int, ...]],
    points: Sequence[tuple[int, ...]],
    figures: Floats,
    counts: Sequence[int],
) -> tuple[int, str]:
    """Return which candidate to measure next, and why.

    `figures`: of points that were measured, [points][objectives], less is better; logarithms of
    what multiplies. As long as effects are unknown, or where no candidate might be on the front:
    the one the model is least sure of. Else the one that might be ahead of the front by most.
    """
    x = columns(candidates, counts)
    done = columns(points, counts) if points else np.zeros((0, x.shape[1]))
    unsure = leverage(x, done)
    first = int(unsure.argmax())
    rank = np.linalg.matrix_rank(done) if points else 0
    if rank < np.linalg.matrix_rank(np.concatenate([x, done])) or not figures.size:
        return first, "effects are unknown"
    hoped = np.empty((len(candidates), figures.shape[1]))
    for n in range(figures.shape[1]):
        fit = fitted(points, figures[:, n], counts)
        sd = fit.sd or 0.0
        hoped[:, n] = x @ fit.found - DEVIATIONS * sd * np.sqrt(1 + unsure)
    front = figures[on_front(figures)]
    ahead = (front[None] - hoped[:, None]).max(axis=2).min(axis=1)
    best = int(ahead.argmax())
    if ahead[best] > TINY:
        return best, "may be on the front"
    return first, "least certain"


def on_front(figures: Floats) -> npt.NDArray[Any]:
    """Return which points no other one dominates: is as good in all, and better in one."""
    no_worse = (figures[:, None] <= figures[None]).all(axis=2)
    better = (figures[:, None] < figures[None]).any(axis=2)
    return np.logical_not((no_worse & better).any(axis=0))


def t_quantile(share: float, free: int) -> float:
    """Return a quantile of Student's t, of a share above .5. Ref: Abramowitz, Stegun, 26.7.3-4."""
    low, high = 0.0, 1e4
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_below(middle, free) < share else (low, middle)
    return high


def _t_below(t: float, free: int) -> float:
    """Return the probability of less than t, t >= 0."""
    angle = math.atan(t / math.sqrt(free))
    cos2 = math.cos(angle) ** 2
    odd = free % 2
    term, total = math.cos(angle) if odd else 1.0, 0.0
    for n in range(free // 2):
        total += term
        below = 2 * n + 2 + odd
        term *= cos2 * (below - 1) / below
    if not odd:
        return 0.5 + math.sin(angle) * total / 2
    return 0.5 + (angle + math.sin(angle) * total) / math.pi
