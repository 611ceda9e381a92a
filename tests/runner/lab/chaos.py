"""A lab whose workers are killed, paused and cut off, and whose leader is restarted, by a seed."""

import asyncio
import contextlib
import json
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.runner.lab.network import Way, way
from tests.runner.lab.small_lab import (
    asleep,
    ended,
    free_port,
    leading,
    started,
    until,
)
from tinybench.runner.lab import store
from tinybench.runner.lab.leader.state import Leader

BOARDS = ("mps2-an386", "mps3-an547")
NAMES = ("one", "two", "three")
LEFT = (store.HELD, store.QUEUED, store.RUNNING)
BLOWS = {
    "kill": "a worker killed",
    "cut": "a network parted, with what was under way lost",
    "pause": "a worker paused",
    "leader": "the leader restarted",
    "hold": "a network parted, with what was under way late",
}


SILENT_S = 2.0
"""After which a worker is gone here."""


@dataclass
class Worker:
    """A worker as a process, and the network between it and the leader."""

    name: str
    folder: Path
    ways: tuple[Way, Way]
    """To the leader, and from it."""
    port: int
    """On which it listens itself."""

    def start(self) -> None:
        """Start it, by the network alone."""
        to, back = self.ways
        ports = (self.port, back.port)
        address = f"tcp://127.0.0.1:{to.port}"
        self.process = started(address, self.name, self.folder, BOARDS, ports)


async def chaos(
    folder: Path, jobs: int, blows: int, seed: int, names: Sequence[str] = NAMES
) -> Counter[str]:
    """Let jobs run on workers with two boards each, while so many blows fall; return which fell."""
    draw = random.Random(seed)  # noqa: S311 - to be repeated
    port, fell = free_port(), Counter[str]()
    made = [asleep(draw.choice((5, 20, 80, 200))) for _ in range(jobs)]
    with contextlib.closing(store.open_store(folder / "queue.sqlite")) as db:
        store.submit(db, made, {}, {}, "me")
    async with _workers(folder, port, names) as workers:
        for blow in [*(list(BLOWS) * blows)[:blows], "none"]:
            async with leading(folder, port, silent_s=SILENT_S) as (leader, _, said):
                await until(lambda: len(leader.running) > 0 or not _left(leader))
                await asyncio.sleep(draw.uniform(0.1, 0.6))
                await _strike(blow, draw.choice(workers), leader)
                if blow == "none":
                    await until(lambda: not _left(leader), 300.0)
                    await asyncio.sleep(0.5)  # what is late comes now
                else:
                    fell[BLOWS[blow]] += 1
                assert [one for one in said if one[0] == "fault"] == []
    return fell


@contextlib.asynccontextmanager
async def _workers(folder: Path, port: int, names: Sequence[str]) -> AsyncIterator[list[Worker]]:
    workers = []
    async with contextlib.AsyncExitStack() as stack:
        for name in names:
            own = free_port()
            to = await stack.enter_async_context(way(lambda: port))
            back = await stack.enter_async_context(way(lambda own=own: own))
            workers.append(Worker(name, folder / name, (to, back), own))
            workers[-1].start()
            stack.callback(lambda one=workers[-1]: ended(one.process))
        yield workers


def _left(leader: Leader) -> bool:
    counts = store.counts(leader.db)
    return any(counts[one] for one in LEFT)


async def _strike(blow: str, hit: Worker, leader: Leader) -> None:
    """Let a blow fall on a worker that is there; silence lasts until the leader has seen it."""

    def here() -> bool:
        return any(one.worker.name == hit.name for one in leader.workers.values())

    if blow == "kill":
        ended(hit.process)
        hit.start()
    elif blow == "pause":
        await until(here)
        os.kill(hit.process.pid, signal.SIGSTOP)
        await until(lambda: not here())
        os.kill(hit.process.pid, signal.SIGCONT)
    elif blow in ("hold", "cut"):
        await until(here)
        for one in hit.ways:
            one.hold()
        await until(lambda: not here())
        for one in hit.ways:
            if blow == "cut":
                one.cut()
            one.free()


@dataclass(frozen=True)
class Found:
    """What is kept, held against what was asked; jobs."""

    lost: int
    doubled: int
    wrong: int
    """With another's result, or one of an attempt that did not count."""


def found(folder: Path, jobs: int) -> Found:
    """Count what a lab has of so many jobs."""
    with contextlib.closing(store.open_store(folder / "queue.sqlite")) as db:
        rows = store.rows(db, most=10 * jobs)
    done = [row for row in rows if row.state == store.DONE and row.folder is not None]
    kept = [path.name for path in (folder / "runs").iterdir()]
    wrong = 0
    for row in done:
        said = json.loads((folder / "runs" / str(row.folder) / "result.json").read_text())
        wrong += said["id"] != row.id or said["attempt"] > row.attempt
    twice = len(kept) - len({name.partition("-")[0] for name in kept})
    return Found(jobs - len(done), twice + max(0, len(rows) - jobs), wrong)
