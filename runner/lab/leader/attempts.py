"""Tier 2 at work: free boards begin their jobs; each attempt is sent to its worker and followed."""

import asyncio
import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from tinybench.errors import BenchError

from .. import store, work
from ..order import Here, Order, Report, Told, decoded, encoded
from ..policy import starts
from .ending import keep
from .placing import forget, thought_s
from .state import Leader, Run
from .workers import lost, see, vanished

if TYPE_CHECKING:
    from distributed import Future

LOST = ("FutureCancelledError", "KilledWorker", "CommClosedError")
"""What dask says where a worker is gone, and not that the job failed."""


def begin(leader: Leader) -> None:
    """Begin on each free board its next job."""
    busy = {name: run.row.job.quiet for name, run in leader.running.items()}
    addresses = {
        one.name: address
        for address, seen in leader.workers.items()
        if not seen.refused
        for one in seen.worker.places
    }
    for board, job in starts(list(leader.places.values()), leader.queues, busy, time.time()):
        row = leader.rows.get(job.job)
        forget(leader, job.job)
        if row is None:
            continue
        took_s = thought_s(leader, row, board)
        attempt = store.claim(
            leader.db, row.id, board.name, board.kind, took_s, emulated=board.emulated
        )
        if attempt is None:  # somebody cancelled it
            continue
        run = Run(row, board, attempt, addresses[board.name], time.monotonic(), took_s)
        leader.running[board.name] = run
        leader.counted.begun += 1
        leader.counted.wait_s += max(0.0, time.time() - row.at)
        leader.say("begun", job=row.id, place=board.name, attempt=attempt)
        _send(leader, run)


def _send(leader: Leader, run: Run) -> None:
    own = run.place.name.rpartition("/")[2]
    order = Order(lab=leader.lab, id=run.row.id, attempt=run.attempt, board=own, job=run.row.job)
    sent = run.row.job.sent
    data = None if sent is None else store.model(leader.db, sent)
    assert leader.client is not None  # noqa: S101 - it serves
    future = leader.client.submit(
        work.do,
        encoded(order),
        data,
        key=f"job-{run.row.id}-{run.attempt}",
        workers=[run.address],
        resources={f"board:{own}": 1},
        pure=False,
        retries=0,
    )
    leader.futures[run.row.id] = future
    leader.follow(asyncio.ensure_future(_follow(leader, run, future)))


async def _follow(leader: Leader, run: Run, future: "Future") -> None:
    """Wait for a job, and keep what came of it."""
    try:
        report = decoded(await future, Report)
    except BenchError as error:
        report = Report(status=3, why=str(error))
    except asyncio.CancelledError:
        report = None
    except Exception as error:
        if type(error).__name__ in LOST:
            report = None
        else:
            report = Report(status=3, why=f"the worker failed: {error!r:.500}")
    if leader.futures.get(run.row.id) is future:
        del leader.futures[run.row.id]
    if _runs(leader, run):
        del leader.running[run.place.name]
        name = run.place.name
        took_s = time.monotonic() - run.since_s
        leader.counted.busy_s[name] = leader.counted.busy_s.get(name, 0.0) + took_s
        if report is None:
            lost(leader, run)
    else:
        leader.counted.late_results += 1
    if report is not None:
        if report.absent is not None:
            vanished(leader, run, report.absent)
        await keep(leader, run, report)
    leader.changed()


def _runs(leader: Leader, run: Run) -> bool:
    now = leader.running.get(run.place.name)
    return now is not None and (now.row.id, now.attempt) == (run.row.id, run.attempt)


async def stop(leader: Leader, run: Run) -> None:
    """Tell a worker that nobody wants a job any more."""
    assert leader.client is not None  # noqa: S101
    with contextlib.suppress(Exception):  # a worker that is gone has stopped
        await leader.client.run(
            work.stop, run.row.id, run.attempt, workers=[run.address], on_error="ignore"
        )


def hear(leader: Leader, event: Any) -> None:
    """Note how far a job is, or which boards are there; of who says so, as the engine knows it."""
    try:
        said = {k: v for k, v in event[1].items() if k != "worker"}
        address = event[1]["worker"]
        if "absent" in said:
            see(leader, address, msgspec.convert(said, Here).absent)
            return
        told = msgspec.convert(said, Told)
    except (msgspec.ValidationError, AttributeError, TypeError, LookupError):
        return
    for name, run in leader.running.items():
        if (run.row.id, run.attempt, run.address) == (told.id, told.attempt, address):
            leader.running[name] = replace(run, told=told)
            return
