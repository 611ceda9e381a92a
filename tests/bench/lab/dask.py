"""Measure a lab on real dask: what its policy gains, how fast it is, what outlives blows, how far
one leader goes."""

import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from tests.bench.figures import Figure
from tests.runner.lab.chaos import chaos, found
from tests.runner.lab.small_lab import LAB, Dozing, asleep, dozing, leading, until
from tinybench.runner.lab import engine, simulate, store
from tinybench.runner.lab.job import Job
from tinybench.runner.lab.leader import placing, workers
from tinybench.runner.lab.leader.state import Leader
from tinybench.runner.lab.policy import Place, Waiting

SCALE_MS = 2.0
"""A second of the simulated jobs, asleep on a board of the lab on dask."""
DASK_SEEDS = 3
RATE_JOBS = 300
CHAOS_JOBS, CHAOS_BLOWS, CHAOS_SEED = 200, 15, 0
SITES, SITE_BOARDS = 100, 500
DECIDE_MUST_S = 0.010
REPEATS = 15


def figures() -> list[Figure]:
    """Return the figures; none needs more than this computer."""
    return [_gain_on_dask(), _rate(), *blows(), *scale()]


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


def blows() -> list[Figure]:
    """Return how many jobs are lost, doubled or wrong, whoever is killed."""
    with tempfile.TemporaryDirectory() as scratch:
        fell = asyncio.run(chaos(Path(scratch), CHAOS_JOBS, CHAOS_BLOWS, CHAOS_SEED))
        kept = found(Path(scratch), CHAOS_JOBS)
    said = ", ".join(f"{count} times {blow}" for blow, count in fell.items())
    where = f"of {CHAOS_JOBS} jobs on 3 workers; seed {CHAOS_SEED}: {said}"
    return [
        Figure("lab.chaos_lost", kept.lost, "1", 0, where),
        Figure("lab.chaos_doubled", kept.doubled, "1", 0, where),
        Figure("lab.chaos_wrong", kept.wrong, "1", 0, where),
    ]


def scale() -> list[Figure]:
    """Return how far one leader goes."""
    return asyncio.run(_scale())


async def _scale() -> list[Figure]:
    """Let synthetic workers join dask's own scheduler, and time what the leader decides there."""
    engine.settle()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        async with contextlib.AsyncExitStack() as stack:
            scheduler = await stack.enter_async_context(engine.scheduler("127.0.0.1", 0, None))
            db = stack.enter_context(contextlib.closing(store.open_store(folder / "queue.sqlite")))
            leader = Leader(db, folder, LAB, lambda *_, **__: None, lambda *_: 60.0)
            for site in range(SITES):
                name = f"s{site}"
                boards = [_board(name, n) for n in range(SITE_BOARDS)]
                await stack.enter_async_context(_synthetic(scheduler.address, name, boards, folder))
            start_s = time.perf_counter()
            workers.look(leader, scheduler)
            joined_s = time.perf_counter() - start_s
            every = dict(leader.places)
            assert len(every) == SITES * SITE_BOARDS
            low, high = 500, len(every)
            if _decision_s(leader, every, high) < DECIDE_MUST_S:
                low = high
            while high - low > low // 20:
                middle = (low + high) // 2
                fast = _decision_s(leader, every, middle) < DECIDE_MUST_S
                low, high = (middle, high) if fast else (low, middle)
            thousands = {n: _decision_s(leader, every, n) for n in (1000, 10_000)}
    where = f"simulated: dask's own scheduler, {SITES} synthetic workers, each board with a job"
    return [
        *(
            Figure(f"lab.leader_decision_s_{n}", took_s, "s", DECIDE_MUST_S,
                   f"a job that comes alone is placed among {n:,} boards, median; {where}")
            for n, took_s in thousands.items()
        ),
        Figure("lab.leader_boards_in_10_ms", low, "1", None,
               f"most boards at which that takes less than 10 ms, to 5 %; {where}", "higher"),
        Figure("lab.leader_joins_s", joined_s, "s", None,
               f"the leader takes {SITES * SITE_BOARDS:,} boards of {SITES} workers that joined"),
    ]  # fmt: skip


def _board(worker: str, number: int) -> Place:
    return Place(f"{worker}/b{number}", "mps2-an386", "Cortex-M4F")


@contextlib.asynccontextmanager
async def _synthetic(
    address: str, name: str, boards: Sequence[Place], folder: Path
) -> AsyncIterator[None]:
    """Join as a worker with so many boards, none of which there is."""
    bench = Dozing(0)
    bench.places = {one.name.partition("/")[2]: one for one in boards}
    said = {
        "name": name,
        "version": version("tinybench-mcu"),
        "clock_s": time.time(),
        "places": msgspec.to_builtins(list(boards)),
    }
    async with engine.worker(address, name, bench, said, folder / name, "127.0.0.1", None):  # type: ignore[arg-type]
        yield


def _decision_s(leader: Leader, every: dict[str, Place], count: int) -> float:
    """Return how long a job that comes alone takes to be placed among so many of the boards."""
    leader.places = dict(list(every.items())[:count])
    leader.queues = {
        name: [Waiting(-n, 60.0 + n % 97, 0.0)] for n, name in enumerate(leader.places)
    }
    leader.work_s = {name: queue[0].estimate_s for name, queue in leader.queues.items()}
    leader.rows.clear()
    leader.decided_s.clear()
    store.submit(leader.db, [asleep(1, core="Cortex-M4F")] * REPEATS, {}, {}, "bench")
    for row in store.rows(leader.db, most=REPEATS):
        placing.place_all(leader, [row])
    return statistics.median(leader.decided_s)
