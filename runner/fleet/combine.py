"""What a server makes of its clients' updates: what is refused, and how the others are combined."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..learning.head import Floats

COMBINES = ("mean", "median", "trimmed")
ATTACKS = ("nan", "huge", "flip")
HUGE = 10.0
"""An update so many times as long as the median one is refused."""
TRIMMED = 0.2
"""Share of the values of a weight that is left out at either end."""
ATTACK_TIMES = 1e4
Mask = npt.NDArray[np.bool_]


def sound(updates: Floats) -> Mask:
    """Return which updates [clients][weights] are neither NaN or infinite nor huge."""
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(updates.astype(np.float64), axis=1)
    finite = np.isfinite(lengths) & np.isfinite(updates).all(axis=1)
    if not finite.any():
        return finite
    usual = float(np.median(lengths[finite]))
    return finite & (lengths <= HUGE * max(usual, 1e-12))


def combined(kind: str, updates: Floats, rows: npt.NDArray[Any]) -> Floats:
    """Return one update of several: their mean by rows, or weight by weight what outliers leave.

    "median", and "trimmed": the mean without the fifth of the values at either end, at least one
    where there are three. Both count each client alike. Ref: Yin et al., arXiv 1803.01498.
    """
    if kind == "mean":
        shares = rows.astype(np.float64) / rows.sum()
        return (shares @ updates.astype(np.float64)).astype(np.float32)
    if kind == "median":
        return np.median(updates, axis=0).astype(np.float32)
    count = len(updates)
    cut = max(int(TRIMMED * count), 1 if count > 2 else 0)
    return np.sort(updates, axis=0)[cut : count - cut].mean(axis=0, dtype=np.float64).astype("f4")


def clipped(updates: Floats, most: float) -> Floats:
    """Return updates of a length of at most `most` each."""
    lengths = np.linalg.norm(updates, axis=1, keepdims=True)
    return (updates * np.minimum(1.0, most / np.maximum(lengths, 1e-12))).astype(np.float32)


def noisy_mean(updates: Floats, most: float, noise: float, rng: np.random.Generator) -> Floats:
    """Return the mean of clipped updates, each counted alike, with Gaussian noise on their sum.

    Its standard deviation is `noise` x `most`. Ref: McMahan et al., arXiv 1710.06963.
    """
    total = clipped(updates, most).sum(axis=0, dtype=np.float64)
    drawn = rng.normal(0.0, noise * most, total.shape) if noise else 0.0
    return ((total + drawn) / len(updates)).astype(np.float32)


def attacked(update: Floats, attack: str) -> Floats:
    """Return what a bad client sends instead of its update."""
    if attack == "nan":
        return np.full_like(update, np.nan)
    return update * np.float32(ATTACK_TIMES if attack == "huge" else -3.0)
