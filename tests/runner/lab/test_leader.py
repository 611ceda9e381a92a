"""What a leader does when its disk is full, and which workers it takes."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import msgspec
import pytest

from tests.runner.lab.small_lab import LAB, asleep
from tinybench.errors import BenchError
from tinybench.runner.lab import store
from tinybench.runner.lab.leader import ending, memory
from tinybench.runner.lab.leader.state import Leader, Run
from tinybench.runner.lab.leader.workers import came, gone
from tinybench.runner.lab.order import Report
from tinybench.runner.lab.page import told
from tinybench.runner.lab.page.metrics import metrics
from tinybench.runner.lab.policy import Place

HOST = Place("desk/host", "host", "host")


@pytest.fixture
def leader(tmp_path: Path) -> Iterator[Leader]:
    """Return a leader without an engine."""
    with contextlib.closing(store.open_store(tmp_path / "queue.sqlite")) as db:
        yield Leader(db, tmp_path, LAB, lambda *_, **__: None)


def worker(name: str = "desk", **changed: object) -> dict[str, object]:
    """Return what a worker says of itself."""
    said = {"name": name, "version": version("tinybench-mcu"), "clock_s": time.time()}
    place = msgspec.to_builtins(HOST)
    return {**said, "places": [{**place, "name": f"{name}/host"}], **changed}


def test_a_worker_of_another_version_gets_no_job(leader: Leader) -> None:
    """Nor one with another's name, nor one that is none; clocks apart are told, and no more."""
    came(leader, "a", worker(version="0.0.1"))
    came(leader, "b", worker("two", clock_s=time.time() - 600))
    came(leader, "c", worker("two"))
    came(leader, "d", {"name": "x/../y", "places": []})
    assert list(leader.places) == ["two/host"]
    said = told.state(leader)
    assert [one["name"] for one in said["boards"]] == ["two/host"]
    assert said["boards"][0]["clock_apart_s"] == pytest.approx(-600, abs=5)
    assert len(said["refused"]) == 2
    assert "install the same one" in said["refused"][0]
    gone(leader, "b")
    came(leader, "c", worker("two"))
    assert list(leader.places) == ["two/host"]
    assert memory.remembered(leader.db).keys() == {"two/host"}
    came(leader, "e", worker("three", places=[msgspec.to_builtins(HOST)]))
    assert "desk/host" not in leader.places  # it may speak for its own boards alone


def test_what_is_done_waits_for_a_disk_with_room(
    leader: Leader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing begins until then, and the page says why; then the result is kept, once."""
    monkeypatch.setattr(ending, "RETRY_S", 0.05)
    store.submit(leader.db, [asleep(1)], {}, {}, "me")
    (row,) = store.rows(leader.db)
    attempt = store.claim(leader.db, 1, HOST.name, "host", 1.0)
    assert attempt == 1
    run = Run(row, HOST, attempt, "a", time.monotonic(), 1.0)
    real = store.finish
    full = [True]

    def finish(db: sqlite3.Connection, *words: object, **more: object) -> object:
        if full[0]:
            raise sqlite3.OperationalError("database or disk is full")
        return real(db, *words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "finish", finish)

    async def lab() -> None:
        keeping = asyncio.create_task(ending.keep(leader, run, Report(status=0, files={"a": b"b"})))
        await asyncio.sleep(0.1)
        assert "disk is full" in told.state(leader)["trouble"]
        assert "tinybench_lab_trouble 1" in metrics(leader)
        full[0] = False
        await asyncio.wait_for(keeping, 30)

        assert time.monotonic() >= leader.again_s  # and jobs may begin again

    asyncio.run(lab())
    assert [one.state for one in store.rows(leader.db)] == [store.DONE]
    assert (leader.folder / "runs" / "1-1" / "a").read_bytes() == b"b"


def test_a_file_of_a_worker_stays_in_its_folder(leader: Leader) -> None:
    """Whatever it is called."""
    for name in ("../a", "/etc/a", "a/b", "..", "a\x00"):
        with pytest.raises(BenchError):
            ending.written(leader.folder, 1, 1, Report(status=0, files={name: b"x"}))
    assert not list(leader.folder.rglob("a"))


def test_a_bench_that_fails_is_tried_elsewhere_and_not_for_ever(leader: Leader) -> None:
    """Three times; what cannot be asked at all, once."""
    store.submit(leader.db, [asleep(1), asleep(1)], {}, {}, "me")
    states = []
    for status, job in ((3, 1), (3, 1), (3, 1), (2, 2)):
        row = store.row(leader.db, job)
        attempt = store.claim(leader.db, job, HOST.name, "host", 1.0)
        assert row is not None
        assert attempt is not None
        ending.finish(
            leader, Run(row, HOST, attempt, "a", 0.0, 1.0), Report(status=status, why="no")
        )
        now = store.row(leader.db, job)
        states.append(now and now.state)
    assert states == [store.QUEUED, store.QUEUED, store.FAILED, store.FAILED]
