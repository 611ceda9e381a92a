"""Measure the lab: what its policy gains, simulated and on real dask, and how fast it is.

`python -m tests.bench.lab` prints the figures; `make bench` stores them with all others.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure
from tests.runner.lab.small_lab import Dozing, asleep, dozing, leading, until
from tinybench.runner.lab import simulate, store
from tinybench.runner.lab.job import Job
from tinybench.runner.lab.policy import Want, place

SEEDS = 50
DECIDE_MUST_S = 0.010
REPEATS = 21
SEARCH_MOST = 1_000_000
SCALE_MS = 2.0
"""A second of the simulated jobs, asleep on a board of the lab on dask."""
DASK_SEEDS = 3
RATE_JOBS = 300


def figures() -> list[Figure]:
    """Return the figures of a lab; none needs more than this computer."""
    return [*_gains(), *_decisions(), _gain_on_dask(), _rate()]


def _gains() -> list[Figure]:
    four = simulate.boards(4)
    batches = [simulate.gain(simulate.batch(50, simulate.LENGTHS_S, n), four) for n in range(SEEDS)]
    random = [
        simulate.gain(simulate.poisson(400, simulate.LENGTHS_S, 0.8, 4, n), four)
        for n in range(SEEDS)
    ]
    shares = max(most for _, most in (*batches, *random))
    where = f"simulated, mean of seeds 0 to {SEEDS - 1}, 4 boards, jobs of 60/120/300/600 s"
    return [
        Figure("lab.jct_ratio_sim", _mean(batches), "1", 1.43, f"50 at once; {where}", "higher"),
        Figure(
            "lab.jct_ratio_sim_poisson",
            _mean(random),
            "1",
            1.5,
            f"400 at load 0.8; {where}",
            "higher",
        ),
        Figure("lab.fair_shares_most", shares, "1", 3.0, "longest wait of any of these jobs"),
    ]


def _mean(found: list[tuple[float, float]]) -> float:
    return statistics.fmean(gain for gain, _ in found)


def _decisions() -> list[Figure]:
    found = [
        Figure(
            f"lab.decision_s_{count}",
            decision_s(count),
            "s",
            DECIDE_MUST_S,
            f"tier 1 at {count:,} busy boards, every one of which is looked at; median",
        )
        for count in (1000, 10_000)
    ]
    low, high = 10_000, SEARCH_MOST
    while high - low > low // 20:
        middle = (low + high) // 2
        low, high = (middle, high) if decision_s(middle) < DECIDE_MUST_S else (low, middle)
    where = "most boards at which tier 1 decides within 10 ms, by bisection to 5 %"
    return [*found, Figure("lab.boards_in_10_ms", low, "1", None, where, "higher")]


def decision_s(count: int) -> float:
    """Return the median time of a decision among so many boards, all of them busy."""
    boards = simulate.boards(count)
    queued_s = {one.name: 60.0 + number % 97 for number, one in enumerate(boards)}
    want = Want(core="Cortex-M4F")
    took = []
    for _ in range(REPEATS):
        start_s = time.perf_counter()
        place(want, boards, queued_s)
        took.append(time.perf_counter() - start_s)
    return statistics.median(took)


def _gain_on_dask() -> Figure:
    """Let the same jobs run by the policy, and in turn, each on a real lab with sleeping boards."""
    ratios = []
    for seed in range(DASK_SEEDS):
        lengths = [
            max(1, round(job.lasts_s * SCALE_MS))
            for job in simulate.batch(50, simulate.LENGTHS_S, seed)
        ]
        ours_s = _mean_took_s([asleep(ms) for ms in lengths], lambda _, job, __: _length_s(job))
        turns = [asleep(ms, board=f"w/b{n % 4}") for n, ms in enumerate(lengths)]
        in_turn_s = _mean_took_s(turns, lambda *_: 1.0)
        ratios.append(in_turn_s / ours_s)
    where = f"as lab.jct_ratio_sim, on real dask: boards asleep {SCALE_MS:g} ms a second, 3 seeds"
    return Figure("lab.jct_ratio_dask", statistics.fmean(ratios), "1", 1.3, where, "higher")


def _length_s(job: Job) -> float:
    limit = job.words["limit"]
    assert isinstance(limit, int)
    return limit / 1000


def _mean_took_s(jobs: Sequence[Job], estimate: Any) -> float:
    """Return the mean time from submission to end; of equal estimates the first come is first."""
    rows = asyncio.run(_run(jobs, 4, estimate))
    return statistics.fmean((row.ended or 0.0) - row.at for row in rows)


def _rate() -> Figure:
    rows = asyncio.run(_run([asleep(1)] * RATE_JOBS, 8, lambda *_: 1.0))
    took_s = max(row.started or 0.0 for row in rows) - rows[0].at
    where = f"{RATE_JOBS} jobs of no length on 8 boards: from their submission to the last's start"
    return Figure("lab.jobs_per_s", RATE_JOBS / took_s, "1/s", 50, where, "higher")


async def _run(jobs: Sequence[Job], boards: int, estimate: Any) -> list[store.Row]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        async with (
            leading(folder, estimate=estimate) as (leader, address, _),
            dozing(leader, address, Dozing(boards), folder / "dask"),
        ):
            store.submit(leader.db, jobs, {}, {}, "bench")
            leader.changed()
            await until(lambda: store.counts(leader.db)[store.DONE] == len(jobs), 300.0)
            return store.rows(leader.db)


def main() -> None:
    """Print the figures."""
    for one in figures():
        mark = "MISS" if one.missed else ""
        must = "" if one.must is None else f"{one.must:g}"
        print(f"{one.name:<26} {one.value:>12,.6g} {must:>8} {one.unit:<4} {mark:<4} {one.where}")


if __name__ == "__main__":
    main()
