"""The tail of latencies: percentiles, and how many queries it takes to be sure of one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

CONFIDENCE = 0.99
"""With which a percentile is estimated. Ref: MLPerf Inference Rules, early stopping."""
PERCENTILES = (0.5, 0.9, 0.97, 0.99, 0.999)


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value at `share` of sorted values, without interpolation, as LoadGen takes it."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


@dataclass(frozen=True)
class Estimate:
    """An upper bound of a percentile, of so many queries."""

    value: float
    discarded: int
    """Queries above it, which the confidence allows."""


def estimate(ordered: Sequence[float], share: float) -> Estimate | None:
    """Return what the percentile `share` of sorted latencies does not exceed, at CONFIDENCE.

    None where the queries are too few for any. Ref: MLPerf Inference Rules, early stopping; LoadGen
    discards as many of the slowest queries as `most_over` allows, but one.
    """
    over = most_over(len(ordered), share)
    return None if over < 1 else Estimate(ordered[-over], over - 1)


def most_over(queries: int, share: float) -> int:
    """Return the most queries over a bound with which the percentile `share` is within it.

    -1 where not even none is allowed.
    """
    low, high = -1, queries  # low is allowed, high is not
    while high - low > 1:
        middle = (low + high) // 2
        if chance(middle, queries, share) <= 1 - CONFIDENCE:
            low = middle
        else:
            high = middle
    return low


@lru_cache(maxsize=1024)
def queries_needed(over: int, share: float) -> int:
    """Return the fewest queries with which `over` ones over a bound prove the percentile `share`.

    64 for one at 0.9, 662 for one at 0.99.
    """
    low, high = over, 2 * (over + 1)
    while chance(over, high, share) > 1 - CONFIDENCE:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if chance(over, middle, share) <= 1 - CONFIDENCE:
            high = middle
        else:
            low = middle
    return high


def chance(over: int, queries: int, share: float) -> float:
    """Return how likely at most `over` of `queries` are over the true percentile `share`.

    The cumulative binomial distribution, summed outwards from its term nearest to the mean; within
    1e-9 of scipy's up to 400,000 queries.
    """
    if over >= queries:
        return 1.0
    if over < 0:
        return 0.0
    above = 1.0 - share
    mean = queries * above
    if over > mean:  # the other tail is the shorter one
        return 1.0 - _sum(over + 1, 1, queries, above)
    return _sum(over, -1, queries, above)


def _sum(first: int, step: int, queries: int, above: float) -> float:
    """Return the sum of binomial terms from the `first` outwards, away from the mean."""
    term = math.exp(
        math.lgamma(queries + 1)
        - math.lgamma(first + 1)
        - math.lgamma(queries - first + 1)
        + first * math.log(above)
        + (queries - first) * math.log1p(-above)
    )
    total, at, odds = 0.0, first, above / (1.0 - above)
    while 0 <= at <= queries and term > total * 1e-17:
        total += term
        if step < 0:
            term *= at / ((queries - at + 1) * odds)
        else:
            term *= (queries - at) / (at + 1) * odds
        at += step
    return min(total, 1.0)
