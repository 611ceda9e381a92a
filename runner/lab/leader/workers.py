"""Which workers there are: they come with boards, are refused, or are gone with what they ran."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec

from .. import store
from ..order import TOPIC, Report, Worker
from ..policy import Place
from . import memory
from .ending import ATTEMPTS_MOST, finish
from .placing import drop
from .state import Away, Leader, Run, Seen

if TYPE_CHECKING:
    from distributed import Scheduler

CLOCK_APART_S = 60.0
AWAKE_S = 1.0
"""Between two looks, so much counts as silence at most: a leader that was held up heard nobody."""
BEATS = 4
"""Words that are missing, at least, of a worker that is thought gone."""
WHY_MOST = 2000


def look(leader: Leader, scheduler: "Scheduler") -> None:
    """See which workers came and which are gone."""
    for address in [one for one in leader.workers if one not in scheduler.workers]:
        gone(leader, address)
    for address, state in scheduler.workers.items():
        if address not in leader.workers and TOPIC in state.extra:
            came(leader, address, state.extra[TOPIC])
    heard = {address: state.last_seen for address, state in scheduler.workers.items()}
    for address in silent(leader, heard, time.monotonic()):
        seen = leader.workers[address]
        leader.say("silent", name=seen.worker.name, why=f"nothing heard for {seen.silent_s:.0f} s")
        removing = scheduler.remove_worker(address, stimulus_id=f"silent-{address}")
        leader.follow(asyncio.ensure_future(removing))


def silent(leader: Leader, heard: Mapping[str, float], now_s: float) -> list[str]:
    """Return the workers that have said nothing for too long.

    `heard`: when each said its latest word, by the engine's count of time, of which only a change
    counts. `now_s`: by the leader's clock that knows no date. It counts while the leader itself was
    awake: one that was held up, or whose clock was set, blames nobody.
    """
    from distributed.scheduler import heartbeat_interval

    awake_s, leader.looked_s = min(now_s - leader.looked_s, AWAKE_S), now_s
    most_s = max(leader.silent_s, BEATS * heartbeat_interval(len(leader.workers)))
    found = []
    for address, seen in leader.workers.items():
        if heard.get(address) != seen.heard:
            seen.heard, seen.silent_s = heard.get(address), 0.0
        else:
            seen.silent_s += awake_s
        if seen.silent_s > most_s:
            found.append(address)
    return found


def see(leader: Leader, address: str, absent: dict[str, str]) -> None:
    """Note which boards of a worker cannot be reached; what waits finds its boards anew."""
    seen = leader.workers.get(address)
    if seen is None or seen.refused:
        return
    changed = False
    for place in seen.worker.places:
        if not place.name.startswith(f"{seen.worker.name}/"):
            continue
        why = absent.get(place.name.rpartition("/")[2])
        was = leader.away.get(place.name)
        if why is None and place.name not in leader.places:
            _arrive(leader, place)
        elif why is not None and (was is None or was.why != why):
            _leave(leader, place)
            leader.away[place.name] = Away(place, why[:WHY_MOST])
        else:
            continue
        changed = True
        leader.say("board", place=place.name, absent=why)
    if changed:
        leader.moved = True
        leader.changed()


def vanished(leader: Leader, run: Run, why: str) -> None:
    """Note that the board of an attempt cannot be reached."""
    seen = leader.workers.get(run.address)
    if seen is not None and run.place.name in leader.places:
        names = [name for name in leader.away if name.startswith(f"{seen.worker.name}/")]
        absent = {name.rpartition("/")[2]: leader.away[name].why for name in names}
        see(leader, run.address, {**absent, run.place.name.rpartition("/")[2]: why})


def _arrive(leader: Leader, place: Place) -> None:
    leader.away.pop(place.name, None)
    leader.places[place.name] = place
    leader.queues.setdefault(place.name, [])
    leader.work_s.setdefault(place.name, 0.0)


def _leave(leader: Leader, place: Place) -> None:
    """Let a board have no more jobs; those that wait for it stay in memory, without a board."""
    leader.away.pop(place.name, None)
    if leader.places.pop(place.name, None) is not None:
        drop(leader, place.name)
        del leader.queues[place.name], leader.work_s[place.name]


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
    own = [one for one in worker.places if one.name.startswith(f"{worker.name}/")]
    for one in own:
        leader.left.pop(one.name, None)
        _arrive(leader, one)
    with contextlib.suppress(sqlite3.Error):  # a full disk: it is remembered the next time
        memory.remember(leader.db, own)
    leader.known |= {one.name: one for one in own}
    see(leader, address, worker.absent)
    leader.moved = True


def gone(leader: Leader, address: str) -> None:
    """Let what a worker ran, and what waited for its boards, run elsewhere."""
    seen = leader.workers.pop(address, None)  # None: a refused one, left out with another
    if seen is None or seen.refused:
        return
    for other in [at for at, one in leader.workers.items() if one.refused]:
        del leader.workers[other]  # it may have the name of the one that is gone: look again
    leader.say("worker gone", name=seen.worker.name)
    for one in seen.worker.places:
        if one.name in leader.places or one.name in leader.away:
            leader.left[one.name] = one, time.time()
        _leave(leader, one)
        run = leader.running.pop(one.name, None)
        if run is not None:
            lost(leader, run)
    leader.moved = True


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
