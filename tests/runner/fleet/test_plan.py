"""A plan of K and E: the paper's choices, the mean of the largest, and beside the whole grid."""

import itertools
import statistics
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.bench import fleet as bench
from tests.runner.fleet.digits_fleet import SETTING, clients, digits, fleet
from tinybench.errors import UsageError
from tinybench.runner.fleet.plan import (
    Bound,
    Cell,
    Load,
    corrected,
    expected_most,
    fitted,
    grid,
    rounds,
)
from tinybench.runner.fleet.planned import Tried, plan_asked, run_plan
from tinybench.runner.fleet.study import ask
from tinybench.runner.report.fleet.plan import said
from tinybench.runner.study.kept import kept_part
from tinybench.track import silent

EQUAL = [Load(0.1, 2.0, 1e-3, 2e-2)] * 20
BOUND = Bound(100.0, 1.0)


def cheapest(loads: list[Load], gamma: float, *per_rounds: int) -> Cell:
    """Return the choice of a grid of up to 50 steps."""
    ks = per_rounds or tuple(range(1, len(loads) + 1))
    return grid(lambda k, e: rounds(BOUND, len(loads), k, e), loads, gamma, ks, range(1, 51))[0]


def test_the_choices_are_those_of_the_paper() -> None:
    """Time alone takes everybody, energy alone one; steps grow with the time of the link."""
    assert (cheapest(EQUAL, 0).per_round, cheapest(EQUAL, 0).steps) == (20, 8)
    assert (cheapest(EQUAL, 1).per_round, cheapest(EQUAL, 1).steps) == (1, 6)
    for per_round in (5, 8, 10):
        steps = [
            cheapest([Load(1.0, ratio, 1e-3, 2e-2)] * 20, 0, per_round).steps
            for ratio in (1, 5, 20, 100)
        ]
        assert steps == [3, 5, 7, 9]


def test_the_mean_of_the_largest_is_that_of_all_sets() -> None:
    """Of every K of eight; of all of them the largest, of one the mean."""
    times = np.random.default_rng(1).lognormal(size=8).tolist()
    for count in range(1, 9):
        wanted = statistics.fmean(max(one) for one in itertools.combinations(times, count))
        assert expected_most(times, count) == pytest.approx(wanted)
    assert expected_most([3.0], 1) == 3
    assert expected_most(np.ones(10_000).tolist(), 5000) == pytest.approx(1)


def test_a_bound_is_learnt_from_the_rounds_that_it_gives() -> None:
    """Exactly; what would be below 0 is 0; one run teaches nothing."""
    places = [(1, 1), (20, 1), (5, 10), (20, 30)]
    seen = [(k, e, rounds(BOUND, 20, k, e)) for k, e in places]
    assert msgspec.structs.astuple(fitted(20, seen)) == pytest.approx((100, 1))
    falling = [(20, e, 100 / e**2) for e in (1, 2, 4)]
    assert fitted(20, falling).b0 == 0
    with pytest.raises(UsageError, match="two or more"):
        fitted(20, seen[:1])


def test_what_was_seen_near_by_corrects_the_bound() -> None:
    """Where a run was, its rounds; everywhere twice the bound where all runs took twice."""
    seen = [(k, e, 2 * rounds(BOUND, 20, k, e)) for k in (1, 20) for e in (1, 30)]
    needed = corrected(BOUND, 20, seen)
    assert needed(20, 30) == seen[-1][2]
    assert needed(7, 9) == pytest.approx(2 * rounds(BOUND, 20, 7, 9))


@pytest.mark.parametrize(
    ("gamma", "per_rounds", "steps", "words"),
    [
        (1.5, [1], [1], "--gamma 1.5"),
        (0.5, [21], [1], "the fleet has 20"),
        (0.5, [], [1], "the fleet has 20"),
        (0.5, [1], [0], "1 to 1000"),
        (0.5, [1], [], "1 to 1000"),
    ],
)
def test_what_is_no_choice_is_refused(
    gamma: float, per_rounds: list[int], steps: list[int], words: str
) -> None:
    """Before anything is run."""
    with pytest.raises(UsageError, match=words):
        grid(lambda _, __: 1.0, EQUAL, gamma, per_rounds, steps)


def test_joules_that_nobody_knows_are_not_planned_by() -> None:
    """Time alone is."""
    bare = [Load(0.1, 2.0, None, 0.0), *EQUAL[1:]]
    with pytest.raises(UsageError, match="joules of some clients are not known"):
        grid(lambda _, __: 1.0, bare, 0.5, [1], [1])
    assert grid(lambda _, __: 1.0, bare, 0, [1], [1])[0].energy_j is None


def test_sampling_runs_find_a_choice_and_are_not_done_again(tmp_path: Path) -> None:
    """The grid is whole, what was tried is of runs; the same folder gives the same."""
    setting = msgspec.structs.replace(SETTING, rounds_most=150)
    parts = ask(
        digits(), clients(), [setting], split="labels", alpha=0.3, labels=2, trials=2, seed=1
    )
    asked = plan_asked(parts, 0.5, [2, 6, 20], [2, 8, 30], None)
    found = run_plan(parts, asked, tmp_path / "plan", silent, lambda _: None)
    assert len(found.cells) == 9
    assert all(one.tried for one in found.cells)
    assert found.best.per_round == 20
    assert found.best.cost == min(one.cost for one in found.cells)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "plan").glob("k*.json")}
    assert run_plan(parts, asked, tmp_path / "plan", silent, lambda _: None) == found
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "plan").glob("k*.json")}
    out_of_reach = msgspec.structs.replace(
        asked, setting=msgspec.structs.replace(setting, target=1.0, rounds_most=3)
    )
    with pytest.raises(UsageError, match="no sampling run reached 1 in 3 rounds; the best was 0"):
        run_plan(parts, out_of_reach, tmp_path / "other", silent, lambda _: None)
    assert len(fleet().clients) == found.clients


def test_what_one_seed_made_the_cheapest_by_luck_is_not_chosen(tmp_path: Path) -> None:
    """What is near it runs with more seeds, and what is far from it does not."""
    parts = ask(
        digits(), clients(), [SETTING], split="labels", alpha=0.3, labels=2, trials=1, seed=1
    )
    asked = plan_asked(parts, 0.5, [16, 18, 20], [1], None)
    found = run_plan(parts, asked, tmp_path, silent, lambda _: None)
    first = [kept_part(tmp_path / f"k{k}-e1-1.json", Tried) for k in (16, 18, 20)]
    cost, lucky = min((one.time_s + (one.energy_j or 0), one.per_round) for one in first if one)
    assert (lucky, found.best.per_round) == (18, 20)
    assert {one.per_round: one.trials for one in found.tried} == {16: 1, 18: 3, 20: 3}
    assert found.best.cost > cost / 2
    assert any("2 that few seeds could not tell" in line for line in said(found))


@pytest.mark.soak
def test_plans_cost_little_more_than_the_cheapest_of_the_whole_grid() -> None:
    """At most 1.15 times as much, for time, energy and both, by runs of other seeds."""
    assert [one.name for one in bench.plans() if one.missed] == []
