"""What a level changes: by pairs where they have run, else by a model, and what is said of that."""

import io
import math

import numpy as np
import pytest
from rich.console import Console

from tinybench.runner.report.study import sweep as report
from tinybench.runner.study.sweep.asked import Asked
from tinybench.runner.study.sweep.design import combinations
from tinybench.runner.study.sweep.effects import Effect
from tinybench.runner.study.sweep.findings import Figure, Row, SweepStudy, summed

FACTORS = {"kernels": ["plain", "blocked", "dsp"], "flags": ["-O3", "-Os"]}
TIMES_S = [2.0, 2.0 * 1.31, 1.0, 1.03, 0.1, 0.105]
"""Of all combinations: -Os is slower by 31, 3 and 5 %."""


def study(runs: list[tuple[int, float]], *, emulated: bool = False) -> SweepStudy:
    """Return the study of runs: a combination, and its latency in seconds."""
    field = "estimated_latency_s" if emulated else "latency_s"
    asked = Asked(
        task="kws", board="nucleo-l4r5", factors=FACTORS, objectives=["latency"], repeats=9,
        words={},
    )  # fmt: skip
    points = combinations([3, 2])
    rows = [
        Row(combination=n, repeat=at, took_s=1.0, emulated=emulated, why="", run="r",
            levels=[FACTORS["kernels"][points[n][0]], FACTORS["flags"][points[n][1]]],
            figures={field: Figure(value=value)})
        for at, (n, value) in enumerate(runs)
    ]  # fmt: skip
    return summed(asked, points, rows)


def told(found: SweepStudy) -> str:
    """Return what a terminal shows."""
    console = Console(record=True, width=200, file=io.StringIO())
    console.print(report.terminal(found))
    return console.export_text()


def effect(found: SweepStudy, level: str) -> Effect:
    """Return the effect of a level."""
    return next(one for one in found.effects if one.level == level)


def test_exact_counts_have_a_range_over_the_others_and_no_interval() -> None:
    """Three pairs that are all slower are no interval that holds 1."""
    found = study(list(enumerate(TIMES_S)), emulated=True)
    flags = effect(found, "-Os")
    assert flags.value == pytest.approx((1.31 * 1.03 * 1.05) ** (1 / 3))
    assert (flags.pairs, flags.low) == (3, None)
    assert (flags.least, flags.most) == (pytest.approx(1.03), pytest.approx(1.31))
    text = told(found)
    assert "x 1.123; 1.030 to 1.310" in text
    assert "95 %" not in text
    assert "est. ms: the front ranks estimates as they stand" in text
    assert report.as_png(found).startswith(b"\x89PNG")


def test_repeats_give_the_interval_of_the_mean_over_pairs() -> None:
    """Ninety-five of a hundred hold the truth, however much the pairs differ."""
    rng, inside, runs = np.random.default_rng(3), 0, list[tuple[int, float]]()
    for _ in range(200):
        runs = [(n, s * math.exp(rng.normal(0, 0.01))) for n, s in enumerate(TIMES_S) for _ in "ab"]
        flags = effect(study(runs), "-Os")
        assert flags.low is not None
        assert flags.high is not None
        inside += flags.low <= (1.31 * 1.03 * 1.05) ** (1 / 3) <= flags.high
    assert 0.9 < inside / 200 < 0.99
    text = told(study(runs))
    assert "of pairs: the interval of 95 % of repeats" in text
    assert "nearer than their ±" in text


def test_without_pairs_the_model_is_named_and_what_has_no_interval_is_said() -> None:
    """Of five of six combinations one kernel has one pair of two; of four, no interval."""
    found = study([(n, TIMES_S[n]) for n in range(5)])
    assert (effect(found, "blocked").pairs, effect(found, "dsp").pairs) == (2, 0)
    assert effect(found, "dsp").low is not None
    assert "in brackets, of the model: its interval of 95 %" in told(found)
    text = told(study([(n, TIMES_S[n]) for n in (0, 1, 2, 4)]))
    assert "model without brackets: too few runs for an interval" in text
    with pytest.raises(ValueError, match="a range of 2 pairs"):
        Effect(factor="a", level="b", objective="latency", value=1.0, low=None, high=None, pairs=2)
