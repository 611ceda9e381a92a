"""The loop of a leader: it looks who is there, places what waits, begins it; what people ask."""

import asyncio
import contextlib
import functools
import sqlite3
import time
from typing import TYPE_CHECKING

from .. import store
from ..order import TOPIC
from . import attempts, ending, memory, placing, workers
from .state import Leader

if TYPE_CHECKING:
    from distributed import Client, Scheduler

LOOK_S = 0.2
"""Between two looks at which workers there are."""


async def serve(leader: Leader, scheduler: "Scheduler", client: "Client") -> None:
    """Begin jobs and keep results, until it is cancelled."""
    leader.client = client
    ending.sweep(leader.folder)
    leader.known |= memory.remembered(leader.db)
    back = store.recover(leader.db)
    if back:
        leader.say("recovered", jobs=back)
    client.subscribe_topic(TOPIC, functools.partial(attempts.hear, leader))
    try:
        while True:
            _step(leader, scheduler)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):  # wait_for may swallow a cancellation
                    await leader.wake.wait()
            leader.wake.clear()
    finally:
        for task in leader.following:
            task.cancel()


def _step(leader: Leader, scheduler: "Scheduler") -> None:
    try:
        workers.look(leader, scheduler)
        if not leader.trouble or time.monotonic() >= leader.again_s:
            if leader.moved:
                leader.moved = False
                placing.place_anew(leader)
            placing.renew(leader)
            placing.refill(leader)
            attempts.begin(leader)
            if leader.trouble and not leader.unwritten:
                leader.trouble = ""
    except sqlite3.Error as error:
        ending.troubled(leader, error)
    except Exception as error:  # one job that cannot be begun stops no other
        leader.say("fault", why=f"{error!r:.500}")


def promises(leader: Leader, submission: int) -> list[str]:
    """Place what was just submitted; say of how many jobs the deadline cannot be promised."""
    with contextlib.suppress(sqlite3.Error):  # a full disk: they are placed once it has room
        placing.refill(leader)
    never, unknown = store.unpromised(leader.db, submission)
    notes = []
    if never:
        notes.append(
            f"deadlines that cannot be promised: {never:,}; what was promised to others, or the "
            "job itself, takes longer"
        )
    if unknown:
        notes.append(f"deadlines that are not promised before a board is found: {unknown:,}")
    return notes


async def cancel(leader: Leader, job: int) -> str | None:
    """Cancel a job; return the state it was in, None where there is none."""
    was, skipped = store.cancel(leader.db, job)
    placing.forget(leader, job)
    run = next((run for run in leader.running.values() if run.row.id == job), None)
    if was is not None and was not in store.ENDED:
        leader.say(store.CANCELLED, job=job, place=run and run.place.name)
    ending.told_skipped(leader, skipped)
    if was == store.RUNNING and run is not None:
        await attempts.stop(leader, run)
    leader.changed()
    return was


def prioritise(leader: Leader, job: int, priority: int) -> bool:
    """Change the priority of a job that waits."""
    done = store.set_priority(leader.db, job, priority)
    placing.forget(leader, job)
    leader.changed()
    return done
