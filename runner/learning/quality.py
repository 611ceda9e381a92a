"""Time to quality of runs that differ by their seed, judged as MLPerf Training judges it.

Never an MLPerf Training result: no model of that benchmark learns here.
Ref: MLPerf Training rules, "Benchmark Results", "Reference Convergence Points"; arXiv 1910.01500.
"""

import math
import statistics
from collections.abc import Sequence

import msgspec

from tinybench.errors import UsageError
from tinybench.plural import counted

from .course import Course, Origin

LEAST = 3
"""Runs of which the fastest and the slowest can be left out."""
LEVEL = 0.05
"""Of the one-sided test by which runs converge too fast to be those of the reference."""


class ReferencePoint(msgspec.Struct, frozen=True, kw_only=True):
    """How soon the reference reaches the quality with one batch size."""

    batch: int
    mean: float
    """Olympic, in samples or in any other unit of convergence."""
    deviation: float
    """Of the values that the mean is of."""
    count: int
    """Of these values; of a point between two others twice the runs of a result."""
    runs: int
    """Of a result that is held against it."""
    between: tuple[int, int] | None = None
    """Batch sizes of the points that it was interpolated from."""

    @property
    def least(self) -> float:
        """The smallest mean that is not too fast (one-sided t-test, equal variances)."""
        if self.deviation == 0:
            return self.mean
        left = self.runs - 2
        spread = math.sqrt(1 / self.count + 1 / left)
        return self.mean - t_quantile(1 - LEVEL, self.count + left - 2) * self.deviation * spread

    @property
    def speedup_most(self) -> float:
        """How much sooner than the reference runs may converge."""
        return self.mean / self.least if self.least > 0 else math.inf


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """What runs of the same words, batch and target come to; a mean leaves the extremes out."""

    what: str
    batch: int
    target: float
    time_origin: Origin
    energy_origin: Origin | None
    seeds: list[int]
    times_s: list[float | None]
    """Of each run; None: it did not reach the quality."""
    samples: list[int | None]
    best: list[float]
    """Score of each run."""
    ended: list[str]
    valid: bool
    why_not: str = ""
    time_s: float | None = None
    energy_j: float | None = None
    samples_mean: float | None = None
    reference: ReferencePoint | None = None
    too_fast: bool | None = None
    """None without a reference."""
    against: float | None = None
    """Time of the reference over this one's: more is better; None without a valid reference."""


def olympic(values: Sequence[float | None]) -> float | None:
    """Return the mean without the least and the largest; one None counts as the largest.

    None where two are None, or fewer than 3 are given: there is no result.
    """
    known = sorted(one for one in values if one is not None)
    if len(values) < LEAST or len(known) < len(values) - 1:
        return None
    return statistics.fmean(known[1 : len(values) - 1])


def reference_point(batch: int, values: Sequence[float], runs: int) -> ReferencePoint:
    """Return the point of the reference's values, against which `runs` runs are held.

    The deviation is of the values that the mean is of, as the rules' worked example has it.
    Raises UsageError for too few of either.
    """
    if len(values) < LEAST or runs < LEAST:
        raise UsageError(
            f"{counted(len(values), 'run')} of the reference, {runs} to hold against "
            f"them: each needs {LEAST}"
        )
    kept = sorted(values)[1:-1]
    return ReferencePoint(
        batch=batch,
        mean=statistics.fmean(kept),
        deviation=statistics.pstdev(kept),
        count=len(kept),
        runs=runs,
    )


def point_for(batch: int, points: Sequence[ReferencePoint]) -> ReferencePoint:
    """Return the reference for a batch size: one of these, or one between two of them.

    Below the smallest the smallest is taken, for it converges soonest. Raises UsageError above the
    largest, where nobody knows.
    """
    ordered = sorted(points, key=lambda one: one.batch)
    above = next((one for one in ordered if one.batch >= batch), None)
    if above is None:
        sizes = ", ".join(str(one.batch) for one in ordered)
        raise UsageError(
            f"no reference for batches of {batch}: it has {sizes or 'none'}; let the reference "
            "learn with batches as large, too"
        )
    if above.batch == batch or above is ordered[0]:
        return above
    below = ordered[ordered.index(above) - 1]
    share = (batch - below.batch) / (above.batch - below.batch)
    return ReferencePoint(
        batch=batch,
        mean=below.mean + share * (above.mean - below.mean),
        deviation=below.deviation + share * (above.deviation - below.deviation),
        count=2 * above.runs,
        runs=above.runs,
        between=(below.batch, above.batch),
    )


def judged(courses: Sequence[Course], reference: Sequence[Course] = ()) -> list[Quality]:
    """Return the time to quality of each group of runs, against runs of a reference.

    Raises UsageError where the reference cannot be one: too few runs, or two without the quality.
    """
    return [_judged(group, reference) for group in _groups(courses)]


def _groups(courses: Sequence[Course]) -> list[list[Course]]:
    found: dict[tuple[object, ...], list[Course]] = {}
    for one in courses:
        key = (one.what, one.batch, one.target, one.metric, one.time, one.energy)
        found.setdefault(key, []).append(one)
    return list(found.values())


def _judged(group: Sequence[Course], reference: Sequence[Course]) -> Quality:
    first = group[0]
    reached = [one.reached for one in group]
    missed = sum(one is None for one in reached)
    seeds = [one.seed for one in group]
    why = ""
    if len(group) < LEAST:
        why = (
            f"{counted(len(group), 'run')}; at least {LEAST}, for the fastest and the "
            "slowest are left out"
        )
    elif len(set(seeds)) < len(seeds):
        why = "two runs have the same seed"
    elif missed > 1:
        why = f"{missed} of {len(group)} runs did not reach {first.target:g}; one may be left out"
    times = [one and one.time_s for one in reached]
    joules = [one and one.energy_j for one in reached]
    known = first.energy is not None and all(
        one.energy_j is not None for one in reached if one is not None
    )
    samples = [one and one.samples for one in reached]
    found = Quality(
        what=first.what,
        batch=first.batch,
        target=first.target,
        time_origin=first.time,
        energy_origin=first.energy,
        seeds=seeds,
        times_s=times,
        samples=samples,
        best=[one.best for one in group],
        ended=[one.ended for one in group],
        valid=not why,
        why_not=why,
        time_s=None if why else olympic(times),
        energy_j=olympic(joules) if known and not why else None,
        samples_mean=None if why else olympic(samples),
    )
    return _against(found, reference) if reference and not why else found


def _against(found: Quality, reference: Sequence[Course]) -> Quality:
    """Return the same with what the reference says."""
    like = [one for one in reference if one.target == found.target]
    points, times = list[ReferencePoint](), list[float | None]()
    for group in _groups(like):
        reached = [one.reached for one in group]
        missed = sum(one is None for one in reached)
        if missed > 1:
            raise UsageError(
                f"the reference with batches of {group[0].batch} missed {found.target:g} in "
                f"{missed} of {len(group)} runs: it is none"
            )
        samples = [math.inf if one is None else float(one.samples) for one in reached]
        points.append(reference_point(group[0].batch, samples, len(found.seeds)))
        if group[0].batch == found.batch:
            times = [one and one.time_s for one in reached]
    if not points:
        raise UsageError(f"the reference has no runs whose target is {found.target:g}")
    point = point_for(found.batch, points)
    fast = found.samples_mean is not None and found.samples_mean < point.least
    theirs = olympic(times) if times else None
    why = (
        f"too fast: {found.samples_mean:.6g} samples in the mean, and less than {point.least:.6g} "
        "is none of the reference's (p < 0.05): was something else learnt?"
        if fast
        else ""
    )
    return msgspec.structs.replace(
        found,
        valid=not fast,
        why_not=why,
        reference=point,
        too_fast=fast,
        against=theirs / found.time_s if theirs and found.time_s else None,
    )


def t_quantile(share: float, freedom: int) -> float:
    """Return the quantile of Student's t for 0.5 < share < 1.

    Ref: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
    """
    low, high = 0.0, 1.0
    while _t_within(high, freedom) < 2 * share - 1:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_within(middle, freedom) < 2 * share - 1 else (low, middle)
    return (low + high) / 2


def _t_within(t: float, freedom: int) -> float:
    """Return the probability of -t to t."""
    angle = math.atan(t / math.sqrt(freedom))
    cos, odd = math.cos(angle), freedom % 2
    term, total = (cos, 0.0) if odd else (1.0, 0.0)
    for n in range(1 + odd, freedom, 2):
        total += term
        term *= cos * cos * n / (n + 1)
    return 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total
