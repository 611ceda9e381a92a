"""Whether two sets of times differ by more than chance: the rank sum test."""

import itertools
import math
import statistics
from collections.abc import Sequence

SIGNIFICANCE = 0.05
"""Probability of a rank sum by chance below which a difference is more than noise."""
EXACT_MAX = 20_000
"""Up to so many ways to deal out the windows each is counted; beyond, the normal limit is used."""


def by_chance(old: Sequence[float], new: Sequence[float]) -> float | None:
    """Return the probability, both sides, of so different ranks if nothing had changed.

    None with too few values to fall below SIGNIFICANCE ever. Ref: Wilcoxon rank sum test, mean
    ranks for equal values: over all ways to deal the ranks out, or the normal limit of it.
    """
    n, of = len(old), len(old) + len(new)
    ways = math.comb(of, n)
    if not n or n == of or 2 / ways >= SIGNIFICANCE:
        return None
    ranks = _ranks([*old, *new])
    expected = n * (of + 1) / 2
    seen = abs(sum(ranks[:n]) - expected)
    if ways <= EXACT_MAX:
        sums = (sum(chosen) for chosen in itertools.combinations(ranks, n))
        return sum(abs(total - expected) >= seen - 1e-9 for total in sums) / ways
    variance = n * (of - n) / (of - 1) * statistics.pvariance(ranks)
    if not variance:
        return 1.0
    return math.erfc(max(0.0, seen - 0.5) / math.sqrt(2 * variance))


def _ranks(values: Sequence[float]) -> list[float]:
    """Return the rank of each value, 1 the least; equal ones share the mean of theirs."""
    ordered = sorted(values)
    first = {value: index for index, value in reversed(list(enumerate(ordered, start=1)))}
    count = {value: len(list(group)) for value, group in itertools.groupby(ordered)}
    return [first[value] + (count[value] - 1) / 2 for value in values]
