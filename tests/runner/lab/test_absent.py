"""A board that is unplugged swallows no job, and works again when it is back; real workers."""

import asyncio
import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runner.desk.desk_board import FLASH, desk_board
from tests.runner.lab.small_lab import LAB, ended, leading, started, until
from tinybench.runner.desk.bench import load_bench
from tinybench.runner.desk.choose import absent
from tinybench.runner.lab import store
from tinybench.runner.lab.job import Job
from tinybench.runner.lab.leader import reasons
from tinybench.runner.lab.leader.state import Leader
from tinybench.runner.lab.order import Order
from tinybench.runner.lab.places import places
from tinybench.runner.lab.work import Bench

pytest.importorskip("distributed")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a desk whose two boards are declared, and not plugged in."""
    ports = "".join(
        f'[boards.{name}]\nboard = "serial"\nport = "{tmp_path / name}"\n'
        for name in ("left", "right")
    )
    (tmp_path / "bench.toml").write_text(ports)
    monkeypatch.setenv("TINYBENCH_BENCH", str(tmp_path / "bench.toml"))
    return tmp_path


@contextlib.contextmanager
def plugged(desk: Path, name: str, firmware: str) -> Iterator[None]:
    """Let a board be plugged in, which answers at a pseudo-terminal, until it is pulled out."""
    chip = desk / f"chip of {name}"
    chip.mkdir(exist_ok=True)
    shutil.copy(firmware, chip / FLASH)
    with desk_board(chip) as port:
        (desk / name).symlink_to(port)
        try:
            yield
        finally:
            (desk / name).unlink()


def kws(limit: int, board: str | None = None) -> Job:
    """Return a job that takes so many inputs."""
    return Job(series="a", words={"task": "kws", "mode": "accuracy", "limit": limit}, board=board)


def test_jobs_go_elsewhere_or_wait_until_an_absent_board_is_back(desk: Path, firmware: str) -> None:
    """One is pulled out while a job runs, which ends on the other: no failure of the job."""

    def state(leader: Leader, job: int) -> str:
        row = store.row(leader.db, job)
        assert row is not None
        return row.state

    async def lab() -> None:
        async with leading(desk / "lab") as (leader, address, _):
            worker = started(address, "one", desk / "worker", ())
            try:
                await until(lambda: set(leader.away) == {"one/left", "one/right"})
                assert leader.places == {}
                store.submit(leader.db, [kws(300), kws(1, board="left")], {}, {}, "me")
                with plugged(desk, "left", firmware):
                    await until(lambda: any(run.told for run in leader.running.values()))
                await until(lambda: "one/left" in leader.away and state(leader, 1) == store.QUEUED)
                for job in (1, 2):
                    await until(lambda job=job: job in leader.unplaced)
                    row = store.row(leader.db, job)
                    assert row is not None
                    assert row.failures == 0
                    why = reasons.why(leader, row)
                    assert why is not None
                    assert f"one/left: {desk / 'left'} is not attached" in why
                with plugged(desk, "right", firmware):
                    await until(lambda: state(leader, 1) == store.DONE)
                    row = store.row(leader.db, 1)
                    assert row is not None
                    assert row.place == "one/right"
                    assert state(leader, 2) == store.QUEUED
                with plugged(desk, "left", firmware):
                    await until(lambda: state(leader, 2) == store.DONE)
            finally:
                ended(worker)

    asyncio.run(lab())


def test_a_job_on_an_absent_board_is_the_fault_of_the_bench(desk: Path) -> None:
    """Exit status 3, with what is not attached; so that it is tried elsewhere."""
    bench = load_bench(desk / "bench.toml")
    found = Bench(places("one", bench, ()), desk / "jobs", looking=lambda: absent(bench))
    order = Order(lab=LAB, id=1, attempt=1, board="left", job=kws(1))
    report = found.do(order, None, lambda _: None)
    assert (report.status, report.absent) == (3, f"{desk / 'left'} is not attached")
    assert "not attached" in (report.why or "")
