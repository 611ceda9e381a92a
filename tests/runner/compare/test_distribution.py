"""Distributions of latencies compared: what differs is named, what is noise is not."""

import random
from pathlib import Path

import msgspec
import pytest

from tests.runner.compare.test_change import put
from tests.runner.results.a_result import good_result
from tinybench.errors import RunFolderError, UsageError
from tinybench.runner.compare.baseline import write_baseline
from tinybench.runner.compare.change import compare
from tinybench.runner.compare.distribution import (
    KEPT,
    beyond,
    by_chance,
    compared,
    distance,
    kept,
    packed,
    unpacked,
    words,
)
from tinybench.runner.results.result import Result
from tinybench.runner.results.scenario import Asked, Query
from tinybench.runner.results.scenario.interference import Interference
from tinybench.runner.results.scenario.score import score


def _latencies_s(seed: int, count: int = 800, slow: float = 0.0) -> list[float]:
    """A board that jitters by 1 %, and of whose queries a share takes half as long again."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    return sorted(
        0.05 * draw.uniform(0.99, 1.01) * (1.5 if draw.random() < slow else 1.0)
        for _ in range(count)
    )


def _run(
    latencies_s: list[float],
    scenario: str = "single-stream",
    interference: Interference | None = None,
) -> Result:
    """A run of a real board with queries of these latencies."""
    told = {"name": scenario, "min_queries": 64, "min_duration_s": 0.0}
    told |= {"deadline_s": 1.0} if scenario == "server" else {}
    asked = msgspec.structs.replace(msgspec.convert(told, Asked), interference=interference)
    queries = [Query([0], [round(s * 1e6)], round(s * 1e6), ["1.0"]) for s in latencies_s]
    found = score(asked, queries, None, emulated=False)
    return good_result(
        mode="scenario", scenario=found, accuracy=None, performance=None, emulated=False, board="me"
    )


def test_the_distance_is_the_largest_step_between_two_curves() -> None:
    """By hand, with equal values; and 0 of equal sets, in any numbers."""
    assert distance([1, 2, 3, 4], [3, 4, 5, 6]) == 0.5
    assert distance([1, 1, 2], [1, 2, 2]) == pytest.approx(1 / 3)
    assert distance([1, 2], [1, 1, 2, 2]) == 0


def test_its_probability_is_the_published_one() -> None:
    """The 5 % and 1 % points of the distribution: 1.358 and 1.628 over the root of the count."""
    for x, wanted in ((1.358, 0.05), (1.628, 0.01)):
        assert by_chance(x / 50_000**0.5, 100_000, 100_000) == pytest.approx(wanted, rel=0.02)


def test_noise_is_no_change() -> None:
    """Of 200 pairs of equal boards not more than the significance says differ."""
    differ = 0
    for seed in range(200):
        one, other = _latencies_s(seed, 200), _latencies_s(1000 + seed, 200)
        found = compared(one, other, task="kws", board="me", of="queries")
        assert found is not None
        differ += found.differ
    assert differ <= 20


def test_a_tail_differs_where_the_median_does_not(tmp_path: Path) -> None:
    """3 % of the queries half as slow again: distributions alike, p99 is not, and says how sure."""
    put(tmp_path / "old", _run(_latencies_s(1)))
    put(tmp_path / "new", _run(_latencies_s(2, slow=0.03)))
    found = compare(tmp_path / "old", tmp_path / "new", ["query_p99>5%"])
    lines = {line.metric: line for line in found.differences}
    assert lines["query_p50"].real is False
    assert lines["query_p99"].real is True
    assert "more than 99.99% confidence" in lines["query_p99"].why
    assert [failure.gate for failure in found.failures] == ["query_p99>5%"]


def test_other_distributions_are_named_with_their_confidence(tmp_path: Path) -> None:
    """A board that is 1 % slower, from a baseline file, too."""
    put(tmp_path / "old", _run(_latencies_s(1)))
    slower = [1.01 * one for one in _latencies_s(2)]
    put(tmp_path / "new", _run(slower))
    write_baseline([tmp_path / "old"], tmp_path / "baseline.json")
    for base in (tmp_path / "old", tmp_path / "baseline.json"):
        found = compare(base, tmp_path / "new")
        (one,) = found.distributions
        assert one.differ
        assert "800 and 800 queries differ with more than 99.99% confidence" in words(one)
        assert {line.metric: line.real for line in found.differences}["query_rate"] is True
    (alike,) = compare(tmp_path / "old", tmp_path / "old").distributions
    assert "alike, to the last one" in words(alike)


def test_other_scenarios_are_not_compared(tmp_path: Path) -> None:
    """Nor servers with other deadlines; a computed queue has no noise to tell."""
    put(tmp_path / "one", _run(_latencies_s(1)))
    put(tmp_path / "server", _run(_latencies_s(1), "server"))
    put(tmp_path / "slower", _run(_latencies_s(2, slow=0.03), "server"))
    with pytest.raises(UsageError, match="one is single-stream, the other server with 1 s"):
        compare(tmp_path / "one", tmp_path / "server")
    lines = {x.metric: x for x in compare(tmp_path / "server", tmp_path / "slower").differences}
    assert lines["query_p99"].real is None
    assert "queue is computed" in lines["query_p99"].why


def test_injected_interference_is_said(tmp_path: Path) -> None:
    """Of the side that has it."""
    put(tmp_path / "old", _run(_latencies_s(1)))
    disturbed = Interference("interrupt", 0.5, 1000)
    put(tmp_path / "new", _run(_latencies_s(2, slow=0.03), interference=disturbed))
    (note,) = compare(tmp_path / "old", tmp_path / "new").notes
    assert "new: interference was injected: an interrupt of 1,000 instructions" in note


def test_many_latencies_are_thinned() -> None:
    """The extremes stay, and the distance to all of them is small; packed, they are the same."""
    many = [round(s * 1e6) for s in _latencies_s(3, 50_000, slow=0.01)]
    few = kept(many)
    assert (len(few), few[0], few[-1]) == (KEPT, many[0], many[-1])
    assert distance(many, few) < 1e-3
    assert list(unpacked(packed(many))) == few
    assert packed([205, 204, 205]) == "204 205*2"


@pytest.mark.parametrize("text", ["x", "1*", "-3", "1*5000", "7 8*4096", "1*2*3"])
def test_a_text_that_holds_no_latencies_is_refused(text: str) -> None:
    """In one line, and however many it claims."""
    with pytest.raises(RunFolderError, match="no latencies"):
        unpacked(text)


def test_unequal_parts_above_a_bound_are_told_apart() -> None:
    """Fisher's exact test by hand: all 3 of 3 against none of 3, and equal parts."""
    assert beyond([1, 1, 1], [2, 2, 2], 1.5) == pytest.approx(2 / 20)
    assert beyond([1, 2], [1, 2], 1.5) == pytest.approx(1.0)
