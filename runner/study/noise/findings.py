"""What trials of noise come to: the spread of their scores, and where these have dropped."""

import math
import statistics
from collections.abc import Sequence

import msgspec

from .asked import Asked
from .perturb import BITS

DROPS = (0.01, 0.05)
HALF = 0.5


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of trials that differ by their seed alone."""

    amount: float
    trials: int
    mean: float
    deviation: float
    """Standard deviation of a trial."""
    error: float
    """Standard error of the mean."""
    least: float
    most: float
    normalised: float
    """The mean, as a share of the score without noise."""


class Alone(msgspec.Struct, frozen=True, kw_only=True):
    """A layer or a bit that is disturbed alone."""

    name: str
    weights: int | None
    score: Spread


class NoiseStudy(msgspec.Struct, frozen=True, kw_only=True):
    """What a study of noise found; shares of 1."""

    asked: Asked
    kind: str = "simulated"
    """Noise is drawn by this computer, which then infers by the same C as a board."""
    tinybench: str
    metric: str
    model: str
    model_origin: str
    dataset: str
    dataset_origin: str
    weights: int
    """How many there are."""
    clean: float
    """Score without noise."""
    clean_identical: bool | None
    """Whether an amount of 0 gave the same outputs to the bit; None where there was none."""
    points: list[Spread]
    at_drop: dict[str, float | None]
    """The amount at which the mean has lost so many per cent of the clean score, between points;
    None where it never has. Of levels, the fewest that have not lost as much."""
    layers: list[Alone] = []
    """The most fragile first."""
    bits: list[Alone] = []
    """Likewise; 7 is the sign of an int8."""
    board_trials: int = 0
    """Trials that a board did, too; the scores are then of its answers."""
    board_equal: int = 0
    """... of these, to each input of which it answered what this computer did."""
    patched: bool | None = None
    """Whether the board took other weights over its line, and was not built anew for each."""


def spread_of(scores: Sequence[float], amount: float, clean: float) -> Spread:
    deviation = statistics.stdev(scores) if len(scores) > 1 else 0.0
    mean = statistics.fmean(scores)
    return Spread(
        amount=amount,
        trials=len(scores),
        mean=mean,
        deviation=deviation,
        error=deviation / math.sqrt(len(scores)),
        least=min(scores),
        most=max(scores),
        normalised=mean / clean,
    )


def harmful(points: Sequence[Spread]) -> int:
    """Return the first amount that leaves less than half, at which parts differ; else the last."""
    lost = (i for i, point in enumerate(points) if point.normalised < HALF)
    return next(lost, len(points) - 1)


def at_drop(points: Sequence[Spread], noise: str, drop: float) -> float | None:
    """Return the amount at which the normalised mean has fallen by `drop`; None where it has not.

    Between two points it is taken as a straight line, of rates over their logarithm. Of levels, the
    fewest before which nothing has fallen as much; None where the first has already.
    """
    wanted = 1 - drop
    for before, after in zip([None, *points], points, strict=False):
        if after.normalised >= wanted:
            continue
        if before is None:
            return None if noise == "levels" else after.amount
        if noise == "levels":
            return before.amount
        share = (before.normalised - wanted) / (before.normalised - after.normalised)
        if noise in BITS and before.amount > 0:
            return before.amount * (after.amount / before.amount) ** share
        return before.amount + share * (after.amount - before.amount)
    return points[-1].amount if noise == "levels" and points else None
