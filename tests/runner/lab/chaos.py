"""A lab whose workers are killed and paused, and whose leader is restarted, by a seed."""

import asyncio
import contextlib
import json
import os
import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.runner.lab.small_lab import TTL_S, asleep, ended, leading, started, until
from tinybench.runner.lab import store

BOARDS = ("mps2-an386", "mps3-an547")
NAMES = ("one", "two", "three")
LEFT = (store.HELD, store.QUEUED, store.RUNNING)
BLOWS = ("kill", "pause", "leader")


async def chaos(
    folder: Path, jobs: int, blows: int, seed: int, names: Sequence[str] = NAMES
) -> None:
    """Let jobs run on workers with two boards each, while so many blows fall."""
    draw = random.Random(seed)  # noqa: S311 - to be repeated
    port = 0
    workers = {}
    try:
        for blow in [*(BLOWS * blows)[:blows], "none"]:
            async with leading(folder, port) as (leader, address, said):
                port = int(address.rpartition(":")[2])
                if not workers:
                    made = [asleep(draw.choice((5, 20, 80, 200))) for _ in range(jobs)]
                    store.submit(leader.db, made, {}, {}, "me")
                    workers = {one: started(address, one, folder / one, BOARDS) for one in names}

                def left(db: object = leader.db) -> bool:
                    counts = store.counts(db)  # type: ignore[arg-type]
                    return any(counts[one] for one in LEFT)

                await until(lambda: len(leader.running) > 0 or not left())
                await asyncio.sleep(draw.uniform(0.1, 0.6))
                hit = draw.choice(names)
                if blow == "kill":
                    ended(workers[hit])
                    workers[hit] = started(address, hit, folder / hit, BOARDS)
                elif blow == "pause":
                    os.kill(workers[hit].pid, signal.SIGSTOP)
                    await asyncio.sleep(1.5 * TTL_S)  # longer than the leader waits for a word
                    os.kill(workers[hit].pid, signal.SIGCONT)
                elif blow == "none":
                    await until(lambda: not left(), 300.0)
                    await asyncio.sleep(0.5)  # what is late comes now
                assert [one for one in said if one[0] == "fault"] == []
    finally:
        for process in workers.values():
            ended(process)


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
