"""The fastest by task and core: runs beside published results, each called what it is."""

from pathlib import Path
from typing import Any

import msgspec

from tests.runner.results.a_result import good_result
from tinybench.runner.compare.published.entry import Entry
from tinybench.runner.compare.published.leaderboard import leaderboard
from tinybench.runner.compare.store import Summary, summary
from tinybench.runner.rules import Verdict


def run(board: str, **changed: object) -> Summary:
    """Return a valid official run of a Cortex-M4F that measures 204 ms."""
    result = good_result(board=board, emulated=False, time_base="the DUT's clock")
    verdict = Verdict("mlperf-tiny", mlperf=True, rulings=[])
    return msgspec.structs.replace(summary(result, verdict, Path("runs/7-1")), **changed)


def published(
    system: str, ms: float | None, processor: str = "Arm Cortex-M4", **more: str
) -> Entry:
    """Return a published result."""
    said: dict[str, Any] = {
        "round": "1.2",
        "division": "closed",
        "submitter": "Maker",
        "task": "kws",
        **more,
    }
    return Entry(
        system=system, processor=processor, latency_s=ms and ms * 1e-3, energy_j=None, top1=0.9,
        auc=None, **said,
    )  # fmt: skip


def test_each_board_stands_once_among_the_published_of_its_core() -> None:
    """By its best run that is comparable, the fastest first; other cores and divisions do not."""
    runs = [
        run("a"), run("a", latency_s=0.1), run("a", latency_s=0.01, profile="quick", mlperf=False),
        run("b", latency_s=0.05, valid=False), run("c", core="host"),
    ]  # fmt: skip
    entries = [
        published("fast", 50.0), published("slow", 300.0), published("none", None),
        published("m7", 1.0, "Cortex-M7"), published("open", 1.0, division="open"),
        published("ic", 1.0, task="ic"),
    ]  # fmt: skip
    (found,) = leaderboard(runs, entries)
    assert (found.task, found.core) == ("kws", "Cortex-M4")
    assert [(row.who, row.kind, row.apart) for row in found.rows] == [
        ("Maker: fast", "published", ""),
        ("a", "measured", ""),
        ("Maker: slow", "published", ""),
    ]
    assert found.rows[1].latency_s == 0.1


def test_an_emulated_run_is_an_estimate_and_not_comparable() -> None:
    """With its bounds, and why it is apart; without an estimate there is no row."""
    times = {"estimated_latency_s": 0.1, "estimated_latency_low_s": 0.09,
             "estimated_latency_high_s": 0.12}  # fmt: skip
    more = {"mlperf": False, "profile": "quick", "dataset": "embedded", "model_kind": "embedded"}
    (found,) = leaderboard([run("a", emulated=True, **times, **more), run("b", emulated=True)], [])
    (row,) = found.rows
    assert (row.kind, row.latency_s, row.low_s, row.high_s) == ("estimated", 0.1, 0.09, 0.12)
    assert row.apart == "emulated, profile quick, embedded inputs, another model"
