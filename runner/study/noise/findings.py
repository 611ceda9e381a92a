"""What trials of noise come to: the spread of their scores, and where these have dropped."""

import itertools
import math
import statistics
from collections.abc import Sequence
from typing import Annotated

import msgspec

from ..kept import Trial
from ..worth import Measure
from .asked import LEVELS_MOST, Asked
from .perturb import BITS

DROPS = (0.01, 0.05)
HALF = 0.5
ERRORS = 2.0
"""Standard errors that two means differ by to be told apart."""
Unit = Annotated[float, msgspec.Meta(ge=0, le=1)]
Amount = Annotated[float, msgspec.Meta(ge=0, le=LEVELS_MOST)]


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of trials that differ by their seed alone."""

    amount: Amount
    trials: int
    mean: Unit
    deviation: Unit
    """Standard deviation of a trial."""
    error: Unit
    """Standard error of the mean."""
    least: Unit
    most: Unit
    normalised: Annotated[float, msgspec.Meta(ge=0)]
    """The mean, as a share of the score without noise."""
    missed: float | None = None
    false_alarms: float | None = None
    """Means of a stream's words that were not found, and of its alarms without a word."""


class Alone(msgspec.Struct, frozen=True, kw_only=True):
    """A layer or a bit that is disturbed alone."""

    name: str
    weights: int | None
    score: Spread


class ByBoard(msgspec.Struct, frozen=True, kw_only=True):
    """What one board on a port, of several, answered."""

    name: str
    trials: int
    equal: int
    """... of these, to each input of which it answered what this computer did."""


class NoiseStudy(msgspec.Struct, frozen=True, kw_only=True):
    """What a study of noise found; shares of 1."""

    asked: Asked
    kind: str = "simulated"
    """Noise is drawn by this computer, which then infers by the same C as a board."""
    tinybench: str
    metric: Measure
    """What a score is."""
    model: str
    model_origin: str
    dataset: str
    dataset_origin: str
    weights: int
    """How many there are."""
    clean: float
    """Score without noise."""
    words: int | None = None
    """Of a stream ..."""
    clean_missed: int | None = None
    clean_false_alarms: int | None = None
    """... and what of them goes wrong without noise."""
    clean_identical: bool | None
    """Whether an amount of 0 gave the same outputs to the bit; None where there was none."""
    points: list[Spread]
    at_drop: dict[str, float | None]
    """The amount at which the mean has lost so many per cent of the clean score, between points;
    None where it never has. Of levels, the fewest that have not lost as much."""
    at_drop_ends: dict[str, tuple[float | None, float | None]] = {}
    """The same of the mean two standard errors lower and higher; of single trials and of levels,
    of which nothing is drawn, there is none."""
    layers: list[Alone] = []
    """The most fragile first, as far as `alike` tells them apart."""
    bits: list[Alone] = []
    """Likewise; 7 is the sign of an int8."""
    board_trials: int = 0
    """Trials that a board did, too; the scores are then of its answers."""
    board_equal: int = 0
    """... of these, to each input of which it answered what this computer did."""
    by_board: list[ByBoard] = []
    """Likewise of each board on a port; empty where trials were gathered."""
    patched: bool | None = None
    """Whether the board took other weights over its line, and was not built anew for each."""


def spread_of(trials: Sequence[Trial], amount: float, clean: float) -> Spread:
    """Return the spread of trials of an amount; `clean`: the score without noise."""
    scores = [trial.score for trial in trials]
    missed = [trial.missed for trial in trials if trial.missed is not None]
    alarms = [trial.false_alarms for trial in trials if trial.false_alarms is not None]
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
        missed=statistics.fmean(missed) if missed else None,
        false_alarms=statistics.fmean(alarms) if alarms else None,
    )


def by_board(trials: Sequence[Trial], inputs: int) -> list[ByBoard]:
    """Return what each board on a port answered, of trials of so many inputs each.

    Nothing where a trial was gathered from elsewhere: which board did it is not known then.
    """
    found = list[ByBoard]()
    if any(one.equal is not None and not one.board for one in trials):
        return found
    for name in sorted({one.board for one in trials if one.board}):
        own = [one.equal == inputs for one in trials if one.board == name]
        found.append(ByBoard(name=name, trials=len(own), equal=sum(own)))
    return found


def harmful(points: Sequence[Spread]) -> int:
    """Return the first amount that leaves less than half, at which parts differ; else the last."""
    lost = (i for i, point in enumerate(points) if point.normalised < HALF)
    return next(lost, len(points) - 1)


def at_drop(points: Sequence[Spread], noise: str, drop: float) -> float | None:
    """Return the amount at which the normalised mean has fallen by `drop`; None where it has not.

    Between two points it is taken as a straight line, of rates over their logarithm; an amount of
    0, asked for or not, leaves all. Of levels, the fewest before which nothing has fallen as much;
    None where the first has already.
    """
    wanted = 1 - drop
    if noise == "levels":
        fallen = next((n for n, one in enumerate(points) if one.normalised < wanted), len(points))
        return points[fallen - 1].amount if fallen else None
    curve = [(0.0, 1.0), *((one.amount, one.normalised) for one in points)]
    for (amount, left), (next_amount, next_left) in itertools.pairwise(curve):
        if next_left >= wanted:
            continue
        share = (left - wanted) / (left - next_left)
        if noise in BITS and amount > 0:
            return amount * (next_amount / amount) ** share
        return amount + share * (next_amount - amount)
    return None


def ends_at_drop(
    points: Sequence[Spread], noise: str, drop: float, clean: float
) -> tuple[float | None, float | None] | None:
    """Return `at_drop` of means two standard errors lower and higher; None where none are known.

    `clean`: the score without noise.
    """
    if noise == "levels" or not _is_repeated(points, noise):
        return None

    def shifted(errors: float) -> list[Spread]:
        return [
            msgspec.structs.replace(one, normalised=(one.mean + errors * one.error) / clean)
            for one in points
        ]

    return at_drop(shifted(-ERRORS), noise, drop), at_drop(shifted(ERRORS), noise, drop)


def alike(parts: Sequence[Alone], noise: str) -> list[Alone] | None:
    """Return which parts behind the first, the most fragile, are not told apart from it.

    None where single trials tell nothing.
    """
    if not _is_repeated([part.score for part in parts], noise):
        return None
    first = parts[0].score
    return [
        part
        for part in parts[1:]
        if part.score.mean - first.mean <= ERRORS * math.hypot(part.score.error, first.error)
    ]


def _is_repeated(points: Sequence[Spread], noise: str) -> bool:
    """Return whether a spread is known of each amount; by levels nothing is drawn."""
    return noise == "levels" or all(one.trials > 1 for one in points if one.amount > 0)
