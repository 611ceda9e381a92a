"""What the runs of a sweep come to: combinations, and the front."""

import math
import statistics
from collections.abc import Sequence
from importlib.metadata import version

import msgspec
import numpy as np

from .asked import OBJECTIVES, Asked
from .design import SURE, Floats, on_front, t_quantile
from .effects import Effect, effects_of


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of a combination."""

    value: float
    half: float | None = None
    """Half of its interval of 95 %: by its repeats, or the run's own uncertainty (k = 2)."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one combination."""

    combination: int
    repeat: int
    levels: list[str]
    refused: str | None = None
    """Why there is no such run."""
    took_s: float
    emulated: bool | None = None
    valid: bool | None = None
    figures: dict[str, Figure] = {}
    metric: str = ""
    """What the score is."""
    energy_modelled: bool | None = None
    why: str
    """Why it was chosen."""
    run: str | None = None
    """Its folder, in that of the study."""


class Combination(msgspec.Struct, frozen=True, kw_only=True):
    """All runs of a combination."""

    levels: list[str]
    runs: int
    figures: dict[str, Figure]
    """By objective."""
    front: bool
    """Whether none is as good in all objectives and better in one."""


class SweepStudy(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep found."""

    asked: Asked
    tinybench: str
    possible: int
    """Combinations."""
    left: int
    """... that were not measured, for the budget ended."""
    refused: list[Row]
    emulated: bool
    fields: dict[str, str]
    """The figure that stands for each objective."""
    metric: str
    energy_modelled: bool
    combinations: list[Combination]
    effects: list[Effect]
    runs: list[Row]

    def __post_init__(self) -> None:
        """Refuse a document, of whoever wrote it, whose parts do not belong together."""
        asked, measured = self.asked, {tuple(run.levels) for run in self.runs}
        for name, field in self.fields.items():
            if field not in OBJECTIVES.get(name, ()) or mixed(field, self.runs):
                raise ValueError(f"no figure of a sweep: {name} by {field}")
        for one in self.combinations:
            if self.fields.keys() - one.figures.keys() or tuple(one.levels) not in measured:
                raise ValueError(f"a combination that was not measured: {one.levels}")
        for one in (*self.combinations, *self.refused):
            if len(one.levels) != len(asked.factors):
                raise ValueError(f"{len(one.levels)} levels of {len(asked.factors)} factors")
        if any(not asked.factors.get(one.factor) for one in self.effects):
            raise ValueError("an effect of nothing that was varied")
        if not self.fields:
            raise ValueError("no figure that all runs have")


def figures_of(asked: Asked, rows: Sequence[Row]) -> tuple[list[int], Floats]:
    """Return the combinations that have figures, and these, less being better."""
    fields = fields_of(asked, rows)
    have = [row for row in rows if all(field in row.figures for field in fields.values())]
    values = [
        [_scaled(name, row.figures[field].value) for name, field in fields.items()] for row in have
    ]
    return [row.combination for row in have], np.array(values).reshape(len(have), len(fields))


def _scaled(objective: str, value: float) -> float:
    """Return a figure as effects add up in it, less being better."""
    return -value if objective == "score" else math.log(max(value, 1e-12))


def fields_of(asked: Asked, rows: Sequence[Row]) -> dict[str, str]:
    """Return which figure stands for each objective: the best one that is of one kind in all runs.

    Scores by two metrics, or what is measured here and modelled there, are not one figure.
    """
    have = [row for row in rows if not row.refused]
    found = dict[str, str]()
    for objective in asked.objectives:
        for field in OBJECTIVES[objective]:
            if have and all(field in row.figures for row in have) and not mixed(field, have):
                found[objective] = field
                break
    return found


def mixed(field: str, rows: Sequence[Row]) -> list[str]:
    """Return of which kinds a figure is, where it is of more than one: metrics, or how it came."""
    have, kinds = [row for row in rows if field in row.figures], set[str]()
    if field == "score":
        kinds = {row.metric for row in have}
    elif field == "energy_per_inference_j":
        kinds = {"modelled" if row.energy_modelled else "measured" for row in have}
    return sorted(kinds) if len(kinds) > 1 else []


def summed(asked: Asked, points: Sequence[tuple[int, ...]], rows: list[Row]) -> SweepStudy:
    """Return what the runs come to."""
    fields = fields_of(asked, rows)
    have = [row for row in rows if not row.refused]
    by_number = dict[int, list[Row]]()
    for row in have:
        by_number.setdefault(row.combination, []).append(row)
    numbers, figures = figures_of(asked, rows)
    means = np.array([figures[np.array(numbers) == n].mean(axis=0) for n in by_number])
    front = on_front(means) if fields else np.zeros(len(by_number), bool)
    found = [
        Combination(
            levels=each[0].levels,
            runs=len(each),
            figures={name: _figure([row.figures[f] for row in each]) for name, f in fields.items()},
            front=bool(ahead),
        )
        for each, ahead in zip(by_number.values(), front, strict=True)
    ]
    refused = [row for row in rows if row.refused]
    return SweepStudy(
        asked=asked,
        tinybench=version("tinybench-mcu"),
        possible=len(points),
        left=len(points) - len({row.combination for row in rows}),
        refused=refused,
        emulated=any(row.emulated for row in have),
        fields=fields,
        metric=next((row.metric for row in have if "score" in fields), ""),
        energy_modelled=any(row.energy_modelled for row in have),
        combinations=found,
        effects=effects_of(asked.factors, [points[n] for n in numbers], figures, list(fields)),
        runs=have,
    )


def _figure(each: Sequence[Figure]) -> Figure:
    """Return the mean of repeats, with half of its interval."""
    values = [one.value for one in each]
    if len(values) == 1:
        return each[0]
    spread = statistics.stdev(values) / math.sqrt(len(values))
    half = t_quantile(SURE, len(values) - 1) * spread
    return Figure(value=statistics.fmean(values), half=half)
