"""Jobs by HTTP: which there are, and what is told of them: submit, cancel, another priority."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from tinybench.errors import UsageError

from ...build import board as boards
from .. import jobs_file, store
from ..job import Job, insist, insist_clock
from ..leader import loop
from ..leader.state import Leader
from ..policy import PRIORITY_MOST, fits
from . import told
from .answer import Door, RefusedError, as_json, body, number, read

ROWS_MOST = 500


async def listed(door: Door, request: Request) -> Response:
    """Answer with jobs, the newest first."""
    said = request.query_params
    states = said["state"].split(",") if "state" in said else store.STATES
    submission = number(said.get("submission"))
    db = door.leader.db
    rows = store.rows(
        db,
        states=states,
        submission=submission,
        most=min(ROWS_MOST, number(said.get("most")) or ROWS_MOST),
        before=number(said.get("before")),
    )
    worst = None if submission is None else store.worst(db, submission)
    counts = store.counts(db, submission)
    return as_json({"jobs": [told.job(row) for row in rows], "counts": counts, "worst": worst})


async def one(door: Door, request: Request) -> Response:
    """Answer with a job, and how far it is."""
    row = asked_row(door, request)
    run = next((r for r in door.leader.running.values() if r.row.id == row.id), None)
    return as_json({**told.job(row), "runs": None if run is None else told.running(run)})


async def submitted(door: Door, request: Request) -> Response:
    """Queue what was sent, all of it or nothing."""
    submission = read(await body(request), jobs_file.Submission)
    leader = door.leader
    count = submission.count
    if count > jobs_file.JOBS_MOST:
        raise RefusedError(413, f"{count:,} jobs at once are more than {jobs_file.JOBS_MOST:,}")
    if count > jobs_file.ASKED_FROM and number(request.query_params.get("count")) != count:
        raise RefusedError(409, f"that is {count:,} jobs: say so with count={count}")
    if leader.trouble:
        raise RefusedError(507, leader.trouble)
    jobs_file.insist_needs([one.name for one in submission.series], submission.needs)
    hashes = jobs_file.checked_models(submission)
    for job in jobs_file.to_check(submission, hashes):
        insist(job)
        _insist_board(leader, job)
    for series in submission.series:
        for name in jobs_file.boards_of(series):
            _insist_board(leader, Job(series=series.name, words={}, board=name))
    who = request.client.host if request.client else ""
    made_of, made = await asyncio.to_thread(
        store.submit_apart,
        leader.folder / "queue.sqlite",
        submission,
        hashes,
        who,
    )
    leader.say("submitted", submission=made_of, jobs=made)
    leader.changed()
    return as_json({"submission": made_of, "jobs": made})


def _insist_board(leader: Leader, job: Job) -> None:
    """Raise UsageError for a board that is none of the package's, nor one of this lab."""
    name = job.board
    own = {one.name.rpartition("/")[2] for one in leader.places.values()}
    if name is not None and name not in {*boards.names(), *leader.places, *own}:
        known = [*boards.names(), *sorted(own), *leader.places]
        raise UsageError(f"job '{job.series}': {boards.no_board(name, known)}")
    for place in leader.places.values():
        if name is not None and "clock" in job.words and fits(job.want, place):
            insist_clock(job, place.kind)


async def cancelled(door: Door, request: Request) -> Response:
    """Cancel a job."""
    was = await loop.cancel(door.leader, asked_row(door, request).id)
    if was in store.ENDED:
        raise RefusedError(409, f"job {request.path_params['id']} has ended already: it is {was}")
    return as_json({"was": was})


async def prioritised(door: Door, request: Request) -> Response:
    """Change the priority of a job that waits."""
    said = read(await body(request), dict[str, int])
    priority = said.get("priority", 0)
    if not -PRIORITY_MOST <= priority <= PRIORITY_MOST:
        raise RefusedError(400, f"a priority is from {-PRIORITY_MOST} to {PRIORITY_MOST}")
    if not loop.prioritise(door.leader, asked_row(door, request).id, priority):
        raise RefusedError(409, f"job {request.path_params['id']} does not wait any more")
    return as_json({"priority": priority})


def asked_row(door: Door, request: Request) -> store.Row:
    """Return the job that an address names. Raises RefusedError where there is none."""
    asked = int(request.path_params["id"])
    row = store.row(door.leader.db, asked) if asked < 2**53 else None
    if row is None:
        raise RefusedError(404, f"there is no job {asked}")
    return row
