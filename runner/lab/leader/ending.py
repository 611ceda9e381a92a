"""How an attempt ends: its result is kept, once, whole or not at all; or the job is tried again."""

import asyncio
import math
import shutil
import sqlite3
import time
from pathlib import Path

from tinybench.errors import BenchError

from .. import store
from ..order import Report, insist_files, kept
from .placing import thought_of
from .state import Leader, Run

FAILURES_MOST = 3
"""A job whose bench fails is run again, until it has failed so often."""
ATTEMPTS_MOST = 20
"""Also one whose workers are lost."""
RETRY_S = 5.0
"""Between two tries to write where the disk is full ..."""
BUSY_S = 0.5
"""... or another submission is being written."""


async def keep(leader: Leader, run: Run, report: Report) -> None:
    """Write what came of a job, as often as it takes; nothing is begun until it is."""
    while True:
        try:
            finish(leader, run, report)
        except BenchError as error:  # what it sent is no run
            report = Report(status=3, why=str(error))
        except (sqlite3.Error, OSError) as error:
            leader.unwritten.add(run.row.id)
            troubled(leader, error)
            await asyncio.sleep(RETRY_S)
        else:
            leader.unwritten.discard(run.row.id)
            if not leader.unwritten:
                leader.again_s = 0.0
            return


def troubled(leader: Leader, error: Exception) -> None:
    """Begin nothing until the queue can be written, and say why."""
    why = (
        "a large submission is being queued; jobs begin once it is"
        if store.is_busy(error)
        else f"cannot write into {leader.folder}: {error}; no job begins until it can"
    )
    if why != leader.trouble:
        leader.say("trouble", why=why)
    leader.trouble = why
    wait_s = BUSY_S if store.is_busy(error) else RETRY_S
    leader.again_s = math.inf if leader.unwritten else time.monotonic() + wait_s


def finish(leader: Leader, run: Run, report: Report) -> None:
    """End a job by what came of this attempt, or put it back where the bench failed."""
    job, attempt = run.row.id, run.attempt
    now = store.row(leader.db, job)
    if now is None or now.state != store.RUNNING or now.attempt != attempt:
        return  # it was cancelled, or runs elsewhere by now
    deep = run.row.job.study is not None
    try:
        insist_files(report.files, deep=deep)
    except BenchError as error:
        report = Report(status=3, why=str(error), run_s=report.run_s)
    if report.status in (0, 1):
        folder = written(leader.folder, job, attempt, report, deep=deep)
        state = store.DONE
    else:
        folder, state = None, store.FAILED
        gone = report.absent is not None
        again = (gone or now.failures + 1 < FAILURES_MOST) and attempt < ATTEMPTS_MOST
        if again and report.status != 2:
            leader.avoid[job] = run.place.name
            why = report.why or f"status {report.status}"
            store.give_back(leader.db, job, attempt, why, failed=not gone)
            leader.say("failed", job=job, place=run.place.name, why=why, again=True)
            return
    skipped = store.finish(
        leader.db,
        job,
        attempt,
        state=state,
        status=report.status,
        why=report.why,
        run_s=report.run_s,
        folder=folder,
    )
    leader.avoid.pop(job, None)
    leader.stale.add(thought_of(run.row.job, run.place))
    leader.counted.ended[state] = leader.counted.ended.get(state, 0) + 1
    leader.say(state, job=job, place=run.place.name, status=report.status, why=report.why)
    told_skipped(leader, skipped or [])


def told_skipped(leader: Leader, jobs: list[int]) -> None:
    """Say of each job that is skipped that it is."""
    for job in jobs:
        leader.say(store.SKIPPED, job=job)


def written(root: Path, job: int, attempt: int, report: Report, *, deep: bool = False) -> str:
    """Write the folder of a run or a study whole or not at all; return its name."""
    runs = root / "runs"
    name = f"{job}-{attempt}"
    partial = runs / f".{name}"
    shutil.rmtree(partial, ignore_errors=True)
    kept(partial, report.files, deep=deep)
    shutil.rmtree(runs / name, ignore_errors=True)
    partial.rename(runs / name)
    return name


def sweep(root: Path) -> None:
    """Remove what a leader left that was killed while it wrote."""
    for one in (root / "runs").glob(".*"):
        shutil.rmtree(one, ignore_errors=True)
