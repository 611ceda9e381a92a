"""Jobs by HTTP: which there are, and what is told of them: submit, cancel, another priority."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from .. import jobs_file, store
from ..job import insist, insist_clock
from ..leader import loop, wishes
from ..leader.reasons import why
from ..policy import PRIORITY_MOST, Place, fits
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
    found = [told.job(row, why(door.leader, row)) for row in rows]
    return as_json({"jobs": found, "counts": counts, "worst": worst})


async def one(door: Door, request: Request) -> Response:
    """Answer with a job, and how far it is."""
    row = asked_row(door, request)
    run = next((r for r in door.leader.running.values() if r.row.id == row.id), None)
    waits = why(door.leader, row)
    return as_json({**told.job(row, waits), "runs": None if run is None else told.running(run)})


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
    places = list(leader.known.values())
    await asyncio.to_thread(_insist_possible, submission, hashes, places)
    who = request.client.host if request.client else ""
    made_of, made = await asyncio.to_thread(
        store.submit_apart,
        leader.folder / "queue.sqlite",
        submission,
        hashes,
        who,
    )
    leader.say("submitted", submission=made_of, jobs=made)
    notes = loop.promises(leader, made_of) if any(s.deadline for s in submission.series) else []
    leader.changed()
    return as_json({"submission": made_of, "jobs": made, "notes": notes})


def _insist_possible(
    submission: jobs_file.Submission, hashes: dict[str, str], places: list[Place]
) -> None:
    """Raise UsageError for what no run takes, and what no board of the lab ever fitted."""
    for job in jobs_file.to_check(submission, hashes):
        insist(job)
        for place in places:
            if job.board is not None and "clock" in job.words and fits(job.want, place):
                insist_clock(job, place.kind)
    wishes.insist(jobs_file.wants(submission), places)


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
