"""The lab on real dask: exclusive boards, workers that are killed or paused, leaders restarted."""

import asyncio
import contextlib
import itertools
import json
import os
import random
import signal
import statistics
from pathlib import Path

import pytest

from tests.runner.lab.small_lab import (
    Dozing,
    asleep,
    dozing,
    ended,
    leading,
    started,
    until,
)
from tinybench.runner.lab import store
from tinybench.runner.lab.leader import loop

pytest.importorskip("distributed")
BOARDS = ("mps2-an386", "mps3-an547")


def test_a_board_has_one_job_at_a_time_and_short_ones_go_first(tmp_path: Path) -> None:
    """On four boards; a job is on one that fits, and what is cancelled never begins."""
    bench = Dozing(4)
    lengths = [240, 10, 120, 30] * 4

    async def lab() -> None:
        async with leading(tmp_path, estimate=lambda _, job, __: job.words["limit"] / 1000) as (
            leader, address, _,
        ):  # fmt: skip
            jobs = [asleep(ms) for ms in lengths]
            jobs += [asleep(10, board="b2"), asleep(10, core="Cortex-M7")]
            store.submit(leader.db, jobs, {}, {}, "me")
            assert await loop.cancel(leader, 1) == store.QUEUED
            async with dozing(leader, address, bench, tmp_path / "dask"):
                await until(lambda: store.counts(leader.db)[store.DONE] == 16)
                assert leader.unplaced == {18}
                assert store.counts(leader.db)[store.CANCELLED] == 1
                rows = {row.id: row for row in store.rows(leader.db)}
                assert rows[17].place == "w/b2"
                assert rows[18].state == store.QUEUED
                assert all(row.folder for row in rows.values() if row.state == store.DONE)

                def waited(ms: int) -> float:
                    return statistics.fmean(
                        (row.started or 0) - row.at
                        for row in rows.values()
                        if row.state == store.DONE and row.job.words["limit"] == ms
                    )

                assert waited(10) < waited(240)

    asyncio.run(lab())
    assert len(bench.spans) == 16
    for board in bench.places:
        own = sorted((start, end) for name, start, end in bench.spans if name == board)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(own))


async def chaos(folder: Path, jobs: int, blows: int, seed: int) -> None:
    """Let jobs run while workers are killed and paused, and the leader is restarted."""
    draw = random.Random(seed)  # noqa: S311 - to be repeated
    port = 0
    left = [store.HELD, store.QUEUED, store.RUNNING]
    names = ("one", "two", "three")
    workers = {}
    first = True
    try:
        for blow in [*(["kill", "pause", "leader"] * blows)[:blows], "none"]:
            async with leading(folder, port) as (leader, address, said):
                port = int(address.rpartition(":")[2])
                if first:
                    first = False
                    made = [asleep(draw.choice((5, 20, 80, 200))) for _ in range(jobs)]
                    store.submit(leader.db, made, {}, {}, "me")
                    for name in names:
                        workers[name] = started(address, name, folder / name, BOARDS)
                await until(
                    lambda: len(leader.running) > 0
                    or not any(store.counts(leader.db)[one] for one in left)
                )
                await asyncio.sleep(draw.uniform(0.1, 1.0))
                hit = draw.choice(names)
                if blow == "kill":
                    ended(workers[hit])
                    workers[hit] = started(address, hit, folder / hit, BOARDS)
                elif blow == "pause":
                    os.kill(workers[hit].pid, signal.SIGSTOP)
                    await asyncio.sleep(4.5)  # longer than the leader waits for a word
                    os.kill(workers[hit].pid, signal.SIGCONT)
                elif blow == "none":
                    await until(
                        lambda: not any(store.counts(leader.db)[one] for one in left),
                        300.0,
                    )
                    await asyncio.sleep(0.5)  # what is late comes now
                assert [one for one in said if one[0] == "fault"] == []
    finally:
        for process in workers.values():
            ended(process)


def insist_whole(folder: Path, jobs: int) -> None:
    """Hold what is kept against what was asked: none lost, none doubled, none another's."""
    with contextlib.closing(store.open_store(folder / "queue.sqlite")) as db:
        rows = store.rows(db)
    assert [(row.id, row.why) for row in rows if row.state != store.DONE] == []
    assert len(rows) == jobs
    assert sorted(p.name for p in (folder / "runs").iterdir()) == sorted(
        row.folder or "" for row in rows
    )
    for row in rows:
        said = json.loads((folder / "runs" / str(row.folder) / "result.json").read_text())
        assert said["id"] == row.id
        assert said["attempt"] <= row.attempt


def test_nothing_is_lost_or_doubled_whoever_is_killed(tmp_path: Path) -> None:
    """Three workers with two boards each; one is killed, one paused, the leader restarted."""
    asyncio.run(chaos(tmp_path, jobs=30, blows=3, seed=1))
    insist_whole(tmp_path, 30)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
def test_two_hundred_jobs_outlive_twelve_blows(tmp_path: Path, seed: int) -> None:
    """As above, longer."""
    asyncio.run(chaos(tmp_path, jobs=200, blows=12, seed=seed))
    insist_whole(tmp_path, 200)
