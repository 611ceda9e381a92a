"""Whether two sets of latencies are of one distribution, and whether their tails are."""

import bisect
import itertools
import math
import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from tinybench.errors import RunFolderError

from .chance import SIGNIFICANCE

LEAST = 8
"""Of fewer latencies nothing is said."""
KEPT = 4096
"""Of more latencies so many are kept, evenly by their rank."""
_PACKED = re.compile(r"([0-9]{1,12})(?:\*([0-9]{1,6}))?")
SURE = 0.9999
"""A confidence beyond this is not told to further digits."""


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """The latencies of two runs, as distributions."""

    task: str
    board: str
    of: str
    """Whose latencies: "queries" or "single inferences"."""
    old_count: int
    new_count: int
    distance: float
    """The most by which the shares of latencies up to some value differ (Kolmogorov-Smirnov)."""
    confidence: float
    """With which they differ: 1 less the probability of such a distance by chance."""
    differ: bool
    """Whether that is more than noise."""


def packed(latencies_us: Sequence[int]) -> str:
    """Return latencies in order as a text: "204 205*3" are one of 204 us and three of 205."""
    runs = ((us, len(list(same))) for us, same in itertools.groupby(kept(latencies_us)))
    return " ".join(f"{us}*{count}" if count > 1 else f"{us}" for us, count in runs)


@lru_cache(maxsize=8)
def unpacked(text: str) -> tuple[int, ...]:
    """Return packed latencies. Raises RunFolderError for a text that holds none."""
    found: list[int] = []
    for word in text.split():
        match = _PACKED.fullmatch(word)
        if match is None or len(found) + int(match[2] or 1) > KEPT:
            raise RunFolderError(f"these are no latencies of a baseline: {word[:40]!r}")
        found += [int(match[1])] * int(match[2] or 1)
    return tuple(sorted(found))


def kept(latencies_us: Sequence[int]) -> list[int]:
    """Return latencies in order, thinned to KEPT of them: least and largest always among them."""
    ordered = sorted(latencies_us)
    if len(ordered) <= KEPT:
        return ordered
    last = len(ordered) - 1
    return [ordered[round(number * last / (KEPT - 1))] for number in range(KEPT)]


def distance(old: Sequence[float], new: Sequence[float]) -> float:
    """Return the distance of Kolmogorov and Smirnov between two sorted sets."""
    return max(
        abs(bisect.bisect_right(old, value) / len(old) - bisect.bisect_right(new, value) / len(new))
        for value in {*old, *new}
    )


def by_chance(far: float, old_count: int, new_count: int) -> float:
    """Return the probability of such a distance, or a larger one, within one distribution.

    Its limit for many values, which equal ones make larger than it is: too careful, if anything.
    Ref: M. A. Stephens, J. R. Statist. Soc. B 32, 1970: with the correction for few values.
    """
    root = math.sqrt(old_count * new_count / (old_count + new_count))
    x = (root + 0.12 + 0.11 / root) * far
    if x < 0.2:
        return 1.0
    terms = (2 * (-1) ** (k - 1) * math.exp(-2 * k * k * x * x) for k in range(1, 101))
    return min(1.0, max(0.0, math.fsum(terms)))


def compared(
    old: Sequence[float], new: Sequence[float], *, task: str, board: str, of: str
) -> Distribution | None:
    """Return how two sorted sets of latencies compare; None with too few to say."""
    if min(len(old), len(new)) < LEAST:
        return None
    far = distance(old, new)
    chance = by_chance(far, len(old), len(new))
    return Distribution(
        task=task,
        board=board,
        of=of,
        old_count=len(old),
        new_count=len(new),
        distance=far,
        confidence=1.0 - chance,
        differ=chance < SIGNIFICANCE,
    )


def beyond(old: Sequence[float], new: Sequence[float], bound: float) -> float:
    """Return the probability by chance that so unequal parts of sorted sets lie above a bound.

    Both sides. For a percentile, the bound is midway between those of the two. Ref: Fisher's exact
    test.
    """
    above_old, above_new = (len(one) - bisect.bisect_right(one, bound) for one in (old, new))
    above, of_old, of_new = above_old + above_new, len(old), len(new)

    def log_ways(count: int) -> float:
        return _log_choose(of_old, count) + _log_choose(of_new, above - count)

    whole, seen = _log_choose(of_old + of_new, above), log_ways(above_old)
    counts = range(max(0, above - of_new), min(above, of_old) + 1)
    likely = (log_ways(count) for count in counts)
    return min(1.0, math.fsum(math.exp(one - whole) for one in likely if one <= seen + 1e-9))


def confidence(chance: float) -> str:
    """Return the confidence beside a probability by chance, in words."""
    sure = 1.0 - chance
    return f"more than {SURE:.2%} confidence" if sure > SURE else f"{sure:.2%} confidence"


def words(found: Distribution) -> str:
    """Return what is to be said of two distributions."""
    counts = f"{found.old_count:,} and {found.new_count:,} {found.of}"
    where = f"{found.task} on {found.board}: the latencies of {counts}"
    if not found.distance:
        return f"{where} are distributed alike, to the last one"
    how = f"(Kolmogorov-Smirnov, distance {found.distance:.3f})"
    if found.differ:
        return f"{where} differ with {confidence(1.0 - found.confidence)} {how}"
    return f"{where} may be of one distribution: they differ with {found.confidence:.0%} {how}"


def _log_choose(of: int, count: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(count + 1) - math.lgamma(of - count + 1)
