"""The lab on real dask: exclusive boards, workers that are killed or paused, leaders restarted."""

import asyncio
import contextlib
import itertools
import socket
import statistics
from pathlib import Path

import click
import pytest

from tests.runner.lab.chaos import BLOWS, Found, chaos, found
from tests.runner.lab.small_lab import Dozing, asleep, dozing, leading, until
from tinybench.errors import UsageError
from tinybench.runner.cli.lab import serving
from tinybench.runner.lab import engine, serve, store
from tinybench.runner.lab.leader import loop

pytest.importorskip("distributed")


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
                assert leader.unplaced == {
                    18: "no board of this lab has had the core 'Cortex-M7': valid: host"
                }
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


def test_a_worker_whose_name_another_has_says_so(tmp_path: Path) -> None:
    """And tries again, for the other one may be gone by then."""
    said: list[str] = []

    async def lab() -> None:
        own = Dozing(1)
        async with (
            leading(tmp_path) as (leader, address, _),
            dozing(leader, address, own, tmp_path / "dask"),
        ):
            told = serve.Working(address, tmp_path / "other", name="w", emulated=["host"])
            other = asyncio.create_task(serve._work(told, None, said.append))
            await until(lambda: bool(said))
            other.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await other
            assert [*leader.places] == ["w/b0"]

    asyncio.run(lab())
    assert "another worker there has this name: start it with another --name" in said[0]


def test_nothing_is_lost_or_doubled_whoever_is_killed_or_cut_off(tmp_path: Path) -> None:
    """Of two workers one is killed, cut off, paused; the leader restarted; one silent a while."""
    fell = asyncio.run(chaos(tmp_path, jobs=24, blows=5, seed=1, names=("one", "two")))
    assert set(fell) == {*BLOWS.values()}
    assert found(tmp_path, 24) == Found(lost=0, doubled=0, wrong=0)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
def test_two_hundred_jobs_outlive_twelve_blows(tmp_path: Path, seed: int) -> None:
    """As above, longer."""
    asyncio.run(chaos(tmp_path, jobs=200, blows=12, seed=seed))
    assert found(tmp_path, 200) == Found(lost=0, doubled=0, wrong=0)


def test_a_port_that_is_taken_or_none_is_refused_in_words() -> None:
    """A fault of a user, and not of tinybench; no other port is taken instead."""

    async def lab(port: int) -> None:
        async with engine.scheduler("127.0.0.1", port, None):
            pass

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        with pytest.raises(UsageError, match=r"cannot listen on .* Another port: --dask N"):
            asyncio.run(lab(held.getsockname()[1]))
    with pytest.raises(click.UsageError, match="'99999' is no port: 1 to 65535"):
        serving.serve.make_context("serve", ["--http", "99999"])
