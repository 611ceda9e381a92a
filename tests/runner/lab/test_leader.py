"""What a leader does when its disk is full, and which workers it takes."""

import asyncio
import contextlib
import math
import re
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from tests.runner.lab.small_lab import LAB, asleep
from tinybench.errors import BenchError
from tinybench.runner.lab import store
from tinybench.runner.lab.leader import ending, known, reasons
from tinybench.runner.lab.leader.attempts import hear
from tinybench.runner.lab.leader.state import Leader, Run
from tinybench.runner.lab.leader.workers import came, gone, look
from tinybench.runner.lab.order import TOPIC, Report, Told, decoded
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
    """Nor one that is none; clocks apart are told, and no more."""
    came(leader, "a", "desk", worker(version="0.0.1"))
    came(leader, "b", "two", worker("two", clock_s=time.time() - 600))
    assert list(leader.places) == ["two/host"]
    said = told.state(leader)
    assert [one["name"] for one in said["boards"]] == ["two/host"]
    assert said["boards"][0]["clock_apart_s"] == pytest.approx(-600, abs=5)
    (refused,) = said["refused"]
    assert "install the same one" in refused


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "x/../y"}, {"name": "other"}, {"clock_s": math.nan}, {"clock_s": math.inf},
        {"clock_s": "now"}, {"places": {}}, {"places": [{"name": 7}]}, {"absent": []},
        {"version": None}, {"name": "x" * 200}, None, [1], "worker",
    ],
)  # fmt: skip
def test_a_worker_that_lies_of_itself_is_refused_once(leader: Leader, changed: Any) -> None:
    """Also one that joined by another name; nothing else is held up by it, and people see it."""
    pytest.importorskip("distributed")
    heard: list[str] = []
    leader.say = lambda what, **_: heard.append(what)
    state = SimpleNamespace(
        name="desk",
        last_seen=0.0,
        extra={TOPIC: worker() | changed if isinstance(changed, dict) else changed},
    )
    scheduler: Any = SimpleNamespace(workers={"tcp://there": state})
    for _ in range(3):
        look(leader, scheduler)
    assert heard == ["refused"]
    assert not leader.workers
    assert "tcp://there: " in told.state(leader)["refused"][0]
    scheduler.workers.clear()
    look(leader, scheduler)
    assert not leader.strangers


def test_a_worker_speaks_for_its_own_boards_alone(leader: Leader) -> None:
    """What it says of another's is not heard: neither when it comes nor when it goes."""
    came(leader, "a", "desk", worker())
    strange = [
        "desk/host",
        "two/",
        "two/a/b",
        "two/\n",
        "two/" + "x" * 200,
        "host",
        "two/b",
        "two/b",
    ]
    places = [msgspec.to_builtins(replace(HOST, name=name)) for name in strange]
    came(leader, "b", "two", worker("two", places=places, absent={"host": "gone"}))
    assert [*leader.places] == ["desk/host", "two/b"]
    gone(leader, "b")
    assert [*leader.places] == ["desk/host"]


def test_boards_whose_worker_is_not_back_are_absent_since_it_left(leader: Leader) -> None:
    """Also after restarts of the leader; of one that is gone for long jobs alone know."""
    came(leader, "a", "desk", worker())
    came(leader, "b", "two", worker("two"))
    gone(leader, "b")
    left_at = leader.left["two/host"][1]
    for at in (left_at + 60, left_at + 120):
        leader.left = known.all_left(leader.db, at)
    leader.workers.clear()
    leader.places.clear()
    assert leader.left == {
        "two/host": (replace(HOST, name="two/host"), left_at), "desk/host": (HOST, left_at + 60),
    }  # fmt: skip
    one, two = told.state(leader)["boards"]
    assert (one["name"], one["state"], one["runs"]) == ("desk/host", "absent", None)
    assert re.fullmatch(r"its worker is gone since \d{4}-.* UTC", two["why"])
    came(leader, "b", "two", worker("two"))
    assert known.all_left(leader.db, left_at + 180).keys() >= {"two/host"}
    leader.left["desk/host"] = HOST, left_at - reasons.GONE_MOST_S
    assert [one["name"] for one in told.state(leader)["boards"]] == ["two/host"]
    assert leader.known.keys() == {"desk/host", "two/host"}


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


def test_a_large_submission_holds_nobody_up(leader: Leader) -> None:
    """While it is written nothing else is, and that is said at once; then all goes on."""
    store.submit(leader.db, [asleep(1)], {}, {}, "me")
    path = leader.folder / "queue.sqlite"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError) as caught:
            store.cancel(leader.db, 1)
        assert store.is_busy(caught.value)
        ending.troubled(leader, caught.value)
        assert leader.trouble == "a large submission is being queued; jobs begin once it is"
        other.execute("ROLLBACK")
    assert store.cancel(leader.db, 1) == (store.QUEUED, [])


def test_a_file_of_a_worker_stays_in_its_folder(leader: Leader) -> None:
    """Whatever it is called."""
    for name in ("../a", "/etc/a", "a/b", "..", "a\x00", "\u00fc" * 125):
        with pytest.raises(BenchError):
            ending.written(leader.folder, 1, 1, Report(status=0, files={name: b"x"}))
    assert not list(leader.folder.rglob("a"))


def test_a_run_that_is_none_ends_its_job_all_the_same(leader: Leader) -> None:
    """As a bench that failed: it is tried again, and the lab goes on."""
    store.submit(leader.db, [asleep(1)], {}, {}, "me")
    (row,) = store.rows(leader.db)
    assert store.claim(leader.db, 1, HOST.name, "host", 1.0) == 1
    run = Run(row, HOST, 1, "a", time.monotonic(), 1.0)
    asyncio.run(ending.keep(leader, run, Report(status=0, files={"../a": b""})))
    (row,) = store.rows(leader.db)
    assert (row.state, row.failures, leader.trouble) == (store.QUEUED, 1, "")
    assert row.why == "a worker sent a file that is none of a run or a study: '../a'"


@pytest.mark.parametrize(
    "said",
    [
        {"status": 2**63}, {"status": -5}, {"status": 0, "run_s": math.nan},
        {"status": 0, "run_s": math.inf}, {"status": 0, "files": {"a": 1}}, {"status": 3, "why": 7},
        {"status": 3, "why": "x" * 10_000}, {"status": 0, "more": 1}, [0], None,
    ],
)  # fmt: skip
def test_a_report_that_is_none_is_refused(said: Any) -> None:
    """Before anything of it is kept: no figure of it can spoil what others are thought to take."""
    for sent in (msgspec.msgpack.encode(said), said):
        with pytest.raises(BenchError, match="is no Report of this tinybench"):
            decoded(sent, Report)


def test_a_worker_tells_of_its_own_jobs_alone(leader: Leader) -> None:
    """Words of another's, or of another kind, change nothing."""
    store.submit(leader.db, [asleep(1)], {}, {}, "me")
    came(leader, "a", "desk", worker())
    (row,) = store.rows(leader.db)
    leader.running[HOST.name] = Run(row, HOST, 1, "a", time.monotonic(), 1.0)
    right = {"id": 1, "attempt": 1, "done": 3}
    for said in (
        {**right, "worker": "b"}, right, {**right, "worker": "a", "done": -1},
        {**right, "worker": "a", "power_w": math.nan}, {**right, "worker": ["a"]},
        {**right, "worker": "a", "note": "x" * 10_000}, {"absent": {"host": "x"}, "worker": "b"},
        {"absent": {"host": 1}, "worker": "a"}, {"absent": [], "worker": {}}, {1: 2}, 7, None,
    ):  # fmt: skip
        hear(leader, (0.0, said))
    assert leader.running[HOST.name].told is None
    assert not leader.away
    hear(leader, (0.0, {**right, "worker": "a"}))
    assert leader.running[HOST.name].told == Told(id=1, attempt=1, done=3)


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
