"""What each level of an option changes: by pairs that differ in it alone, else by a model."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from .design import SURE, Floats, contrast, fitted, t_quantile

DECIMALS = 12
"""Of an effect: what is smaller is what was lost in computing it."""
PAIRS_LEAST = 2
"""That a mean and a range are of, but where there can be no more than one."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What a level changes, against the first of its factor: ratios, of scores differences."""

    factor: str
    level: str
    objective: str
    value: float
    """The mean over pairs (of ratios the geometric one), or by a model without interactions."""
    low: float | None
    """Of its interval of 95 %: by pairs that of repeats, else the model's. None without any."""
    high: float | None
    pairs: int = 0
    """Combinations that differ from another one in this level alone; 0: it is by the model."""
    least: float | None = None
    """Of the pairs."""
    most: float | None = None

    def __post_init__(self) -> None:
        """Refuse an interval with one end, and a range of no pairs."""
        if (self.low is None) != (self.high is None):
            raise ValueError(f"an interval of one end: {self.low} to {self.high}")
        if (self.least is None, self.most is None) != (not self.pairs, not self.pairs):
            raise ValueError(f"a range of {self.pairs} pairs: {self.least} to {self.most}")


class _Told(NamedTuple):
    """An effect as figures add up: in logarithms, of scores negated."""

    value: float
    half: float | None
    """Of its interval of 95 %."""
    each: list[float]
    """Of the pairs."""


def effects_of(
    factors: Mapping[str, Sequence[str]],
    points: Sequence[tuple[int, ...]],
    figures: Floats,
    objectives: Sequence[str],
) -> list[Effect]:
    """Return what the levels change, by figures [points][objectives] as effects add up in them.

    A point stands as often as it was measured. What no run tells has no effect.
    """
    counts = [len(levels) for levels in factors.values()]
    found = list[Effect]()
    for n, objective in enumerate(objectives):
        values, column = figures[:, n], 0
        fit = fitted(points, values, counts)
        for at, (name, levels) in enumerate(factors.items()):
            for number, level in enumerate(levels[1:], 1):
                column += 1
                told = paired(points, values, counts, at, number)
                if told is None:
                    by_model = contrast(fit, column)
                    if by_model is None:
                        continue
                    told = _Told(*by_model, [])
                found.append(_effect(told, name, level, objective))
    return found


def paired(
    points: Sequence[tuple[int, ...]], values: Floats, counts: Sequence[int], at: int, level: int
) -> _Told | None:
    """Return what a level of factor `at` changes where all else is the same.

    None where fewer than half of all such pairs have run. The interval is by how far repeats of
    the same combination lie apart, pooled over all of them; None where nothing was repeated.
    """
    cells = dict[tuple[int, ...], list[float]]()
    for point, value in zip(points, values.tolist(), strict=True):
        cells.setdefault(point, []).append(value)
    pairs = [
        (cells[first], cell)
        for point, cell in cells.items()
        if point[at] == level and (first := (*point[:at], 0, *point[at + 1 :])) in cells
    ]
    possible = math.prod(counts) // counts[at]
    if len(pairs) < min(PAIRS_LEAST, possible) or 2 * len(pairs) < possible:
        return None
    each = [float(np.mean(cell) - np.mean(first)) for first, cell in pairs]
    half, free = None, sum(len(cell) - 1 for cell in cells.values())
    if free:
        variance = sum(len(cell) * float(np.var(cell)) for cell in cells.values()) / free
        scale = sum(1 / len(first) + 1 / len(cell) for first, cell in pairs)
        half = t_quantile(SURE, free) * math.sqrt(variance * scale) / len(pairs)
    return _Told(float(np.mean(each)), half, each)


def _effect(told: _Told, factor: str, level: str, objective: str) -> Effect:
    """Return an effect as it is read."""

    def read(value: float) -> float:
        value = round(value, DECIMALS)
        return 0.0 - value if objective == "score" else math.exp(min(value, 700.0))

    ends: list[float | None] = [None, None]
    if told.half is not None:
        ends = [*sorted((read(told.value - told.half), read(told.value + told.half)))]
    each = [read(one) for one in told.each]
    return Effect(
        factor=factor, level=level, objective=objective, value=read(told.value), low=ends[0],
        high=ends[1], pairs=len(each), least=min(each, default=None), most=max(each, default=None),
    )  # fmt: skip
