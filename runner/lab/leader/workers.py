"""Which workers there are: they come with boards, are refused, or are gone with what they ran."""

import asyncio
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec

from .. import store
from ..order import TOPIC, Report, Worker
from .ending import ATTEMPTS_MOST, finish
from .placing import drop, place_anew
from .state import Leader, Run, Seen

if TYPE_CHECKING:
    from distributed import Scheduler

CLOCK_APART_S = 60.0


def look(leader: Leader, scheduler: "Scheduler") -> None:
    """See which workers came and which are gone."""
    for address in [one for one in leader.workers if one not in scheduler.workers]:
        gone(leader, address)
    for address, state in scheduler.workers.items():
        if address not in leader.workers and TOPIC in state.extra:
            came(leader, address, state.extra[TOPIC])
        if address in leader.workers:
            leader.workers[address].silent_s = max(0.0, time.time() - state.last_seen)


def came(leader: Leader, address: str, said: Any) -> None:
    """Take a worker with its boards, or say why not."""
    try:
        worker = msgspec.convert(said, Worker)
    except msgspec.ValidationError as error:
        leader.say("refused", address=address, why=str(error))
        return
    seen = Seen(worker, worker.clock_s - time.time())
    leader.workers[address] = seen
    if worker.version != version("tinybench-mcu"):
        seen.refused = (
            f"it is tinybench {worker.version}, and this lab is {version('tinybench-mcu')}: "
            "install the same one there"
        )
    names = {one.worker.name for at, one in leader.workers.items() if at != address}
    if worker.name in names:
        seen.refused = f"another worker is called {worker.name}: start it with another --name"
    leader.say(
        "worker", name=worker.name, places=[one.name for one in worker.places],
        refused=seen.refused or None,
        clock_apart_s=round(seen.apart_s) if abs(seen.apart_s) > CLOCK_APART_S else None,
    )  # fmt: skip
    if seen.refused:
        return
    for one in worker.places:
        if one.name.startswith(f"{worker.name}/"):
            leader.places[one.name] = one
            leader.absent.pop(one.name, None)
            leader.queues.setdefault(one.name, [])
    place_anew(leader)


def gone(leader: Leader, address: str) -> None:
    """Let what a worker ran, and what waited for its boards, run elsewhere."""
    seen = leader.workers.pop(address)
    if seen.refused:
        return
    for other in [at for at, one in leader.workers.items() if one.refused]:
        del leader.workers[other]  # it may have the name of the one that is gone: look again
    leader.say("worker gone", name=seen.worker.name)
    for one in seen.worker.places:
        if leader.places.pop(one.name, None) is not None:
            leader.absent[one.name] = one, time.time()
        for job in drop(leader, one.name):
            leader.rows.pop(job.job, None)
        del leader.queues[one.name], leader.work_s[one.name]
        run = leader.running.pop(one.name, None)
        if run is not None:
            lost(leader, run)


def lost(leader: Leader, run: Run) -> None:
    """Let a job run elsewhere whose worker is gone."""
    leader.counted.lost += 1
    future = leader.futures.pop(run.row.id, None)
    if future is not None:
        leader.follow(asyncio.ensure_future(future.cancel(force=True)))
    why = f"worker of {run.place.name} was lost"
    if run.attempt >= ATTEMPTS_MOST:
        finish(leader, run, Report(status=3, why=f"{why}, the {run.attempt}th one"))
    else:
        store.give_back(leader.db, run.row.id, run.attempt, why, failed=False)
    leader.say("lost", job=run.row.id, place=run.place.name)
