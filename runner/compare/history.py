"""Figures of runs over time: their noise, their trend, and where they changed."""

import itertools
import math
import statistics
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

import msgspec

from tinybench.errors import UsageError

from .store import Summary
from .where import sort_key

By = Literal["commit", "date"]

METRICS = ("latency", "instructions", "energy", "accuracy", "flash", "ram")
"""Looked at unless others are named: those that a run has."""
EXACT = (
    "instructions",
    "flash",
    "ram",
    "tensor_ram",
    "weights",
    "code_flash",
    "accuracy",
    "cycles",
)
"""Counts: any difference is a change, and there is no noise."""
SIGNIFICANCE = 0.01
"""How often a series that does not change is said to have changed, at most."""
LEAST = 2
"""Points on either side of a change, where there is noise."""
MAD_TO_SIGMA = 1.4826
"""Of normal values. Ref: P. J. Rousseeuw, C. Croux, JASA 88 (1993) 1273."""
POINTS_MOST = 5000
"""Of one series, the newest."""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A run, or the median of those of a commit."""

    at: str
    """Of the first of them: ISO 8601, UTC."""
    commit: str
    """Empty where it is not known."""
    value: float
    uncertainty: float | None
    """k = 2, of the figure itself."""
    runs: int
    run: str
    """Folder of the newest of them."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Where the level is another one from a point on."""

    point: int
    """Index of the first with the new level."""
    before: float
    after: float


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one task on one board, the oldest first."""

    task: str
    board: str
    metric: str
    emulated: bool
    points: list[Point]
    noise: float
    """Standard deviation from one point to the next that no change explains, no less than that of
    the newest point by itself; 0 of a count."""
    level: float
    """Median before the first change; later ones are in `changes`."""
    changes: list[Change]
    trend: float | None
    """Slope in the stretch since the last change, a point, as a share of its level; None of fewer
    than four points."""


def history(runs: Sequence[Summary], by: By, metrics: Sequence[str] = ()) -> list[Series]:
    """Return each figure of each task on each board over time. Raises UsageError: no such figure.

    Runs of another model, dataset, profile or scenario are a series of their own. `by` commit: runs
    of one commit are one point, their median; those without a commit are left out.
    """
    values = {name: sort_key(name, runs)[0] for name in metrics or METRICS}
    groups: dict[tuple[object, ...], list[Summary]] = {}
    for run in sorted(runs, key=lambda one: (one.started_at, one.run)):
        key = (run.task, run.board, run.emulated, run.model, run.dataset, run.profile, run.scenario)
        groups.setdefault(key, []).append(run)
    found = []
    for members in groups.values():
        for name, value in values.items():
            if name == "latency" and members[0].emulated:
                continue  # a count of instructions, which has its own series
            known = [(run, value(run)) for run in members]
            numbers = [(run, float(v)) for run, v in known if _is_number(v)]
            if metrics and not numbers and any(v is not None for _, v in known):
                raise UsageError(f"--metric {name}: no number, so it has no history")
            points = _points(numbers, name, by)[-POINTS_MOST:]
            if points:
                found.append(_series(members[0], name, points))
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _points(numbers: Sequence[tuple[Summary, float]], name: str, by: By) -> list[Point]:
    together: dict[str, list[tuple[Summary, float]]] = {}
    for run, value in numbers:
        key = run.git_commit or "" if by == "commit" else run.run
        if key:
            together.setdefault(key, []).append((run, value))
    points = []
    for members in together.values():
        newest = members[-1][0]
        unsure = [u for run, _ in members if (u := _uncertainty(run, name)) is not None]
        points.append(
            Point(
                at=members[0][0].started_at,
                commit=newest.git_commit or "",
                value=statistics.median(value for _, value in members),
                uncertainty=statistics.median(unsure) if unsure else None,
                runs=len(members),
                run=newest.run,
            )
        )
    return points


def _uncertainty(run: Summary, name: str) -> float | None:
    return {"latency": run.latency_uncertainty_s, "energy": run.energy_uncertainty_j}.get(name)


def _series(of: Summary, metric: str, points: list[Point]) -> Series:
    values = [point.value for point in points]
    stated = [point.uncertainty / 2 for point in points if point.uncertainty is not None]
    # A few points may lie close by chance; closer than they are measured they say nothing.
    noise = 0.0 if metric in EXACT else max([noise_of(values), *stated[-1:]])
    starts = change_points(values, noise)
    levels = [
        statistics.median(values[a:b])
        for a, b in zip([0, *starts], [*starts, len(values)], strict=True)
    ]
    changes = [
        Change(point=start, before=before, after=after)
        for start, (before, after) in zip(starts, itertools.pairwise(levels), strict=True)
    ]
    last = values[starts[-1] if starts else 0 :]
    return Series(
        task=of.task,
        board=of.board,
        metric=metric,
        emulated=of.emulated,
        points=points,
        noise=noise,
        level=levels[0],
        changes=changes,
        trend=_slope(last) / abs(levels[-1]) if len(last) >= 4 and levels[-1] else None,
    )


def noise_of(values: Sequence[float]) -> float:
    """Return the standard deviation of a value, from the differences of neighbours.

    By their median, so that neither steps nor a slope count as noise. 0 of fewer than three.
    """
    steps = [after - before for before, after in itertools.pairwise(values)]
    if len(steps) < 2:
        return 0.0
    middle = statistics.median(steps)
    spread = statistics.median(abs(step - middle) for step in steps)
    return MAD_TO_SIGMA * spread / math.sqrt(2)


def change_points(values: Sequence[float], noise: float) -> list[int]:
    """Return the indexes from which the level is another one.

    The series is cut where the means on both sides differ most, in units of their noise, and each
    part again, until no difference is beyond chance. Ref: A. J. Scott, M. Knott, Biometrics 30
    (1974) 507; the level of significance is shared among all places (Bonferroni).
    """
    if noise <= 0:
        return [n for n in range(1, len(values)) if values[n] != values[n - 1]]
    limit = NormalDist().inv_cdf(1 - SIGNIFICANCE / (2 * max(1, len(values))))
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value - values[0])
    found: list[int] = []
    waiting = [(0, len(values))]
    while waiting:
        start, stop = waiting.pop()
        best, place = limit, None
        for cut in range(start + LEAST, stop - LEAST + 1):
            left, right = cut - start, stop - cut
            gap = (sums[cut] - sums[start]) / left - (sums[stop] - sums[cut]) / right
            apart = abs(gap) / (noise * math.sqrt(1 / left + 1 / right))
            if apart > best:
                best, place = apart, cut
        if place is not None:
            found.append(place)
            waiting += [(start, place), (place, stop)]
    return sorted(found)


def _slope(values: Sequence[float]) -> float:
    """Return the median slope of all pairs, or of every so many. Ref: P. K. Sen, JASA 63 (1968)."""
    step = max(1, len(values) // 200)
    some = list(enumerate(values))[::step]
    return statistics.median(
        (y2 - y1) / (x2 - x1) for n, (x1, y1) in enumerate(some) for x2, y2 in some[n + 1 :]
    )
