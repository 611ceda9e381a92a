"""Jobs by HTTP: which there are, and what is told of them: submit, cancel, another priority."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tinybench.printable import one_line

from .. import jobs_file, store
from ..leader import loop
from ..policy import PRIORITY_MOST
from . import files, plan, results, studies, told
from .answer import Door, RefusedError, as_json, asked_row, asked_submission, body, number, read

ROWS_MOST = 500
WHO_MOST = 60


async def listed(door: Door, request: Request) -> Response:
    """Answer with jobs, the newest first."""
    said = request.query_params
    states = said["state"].split(",") if "state" in said else store.STATES
    submission = asked_submission(door, request)
    db = door.leader.db
    rows = store.rows(
        db,
        states=states,
        submission=submission,
        series=said.get("series"),
        most=min(ROWS_MOST, number(said.get("most")) or ROWS_MOST),
        before=number(said.get("before")),
    )
    worst = None if submission is None else store.worst(db, submission)
    counts = store.counts(db, submission)
    jobs = told.jobs(door.leader, rows)
    if said.get("results") == "yes":
        found = await asyncio.to_thread(lambda: [_came(door, row) for row in rows])
        jobs = [{**job, **came} for job, came in zip(jobs, found, strict=True)]
    return as_json({"jobs": jobs, "counts": counts, "worst": worst})


async def one(door: Door, request: Request) -> Response:
    """Answer with a job, how far it is, and what came of it."""
    row = asked_row(door, request)
    (job,) = told.jobs(door.leader, [row])
    more = {
        "words": {**row.job.words, "model": row.job.model_name, "csv": row.job.csv_name},
        "model_sha256": row.job.sent,
        "deadline_s": row.job.deadline_s,
        "result": await asyncio.to_thread(_result, door, row),
        "found": await asyncio.to_thread(studies.told, door.studied, row),
        **await asyncio.to_thread(files.listed, door, row),
    }
    return as_json({**job, **more})


def _came(door: Door, row: store.Row) -> dict[str, Any]:
    """Return what a job has measured, in brief, or how many rows its study has."""
    found = studies.of(door.studied, row)
    return {"result": _result(door, row), "rows": found and found.count}


def _result(door: Door, row: store.Row) -> dict[str, Any] | None:
    """Return what a job has measured, in brief; None where it has no result that can be read."""
    of_run = row.folder is not None and row.job.study is None
    found = door.measured.of(row.folder or "") if of_run else None
    return None if found is None else results.told(found, brief=True)


async def planned(door: Door, request: Request) -> Response:
    """Answer with what a series would be, and with what is wrong with it, by its fields."""
    said = read(request.query_params.get("series", "").encode(), dict[str, Any])
    leader = door.leader
    wrong = await asyncio.to_thread(plan.faults, leader, said)
    if wrong:
        return as_json({"faults": wrong})
    series = plan.series_of(said)
    models = dict.fromkeys(jobs_file.models_of(series), plan.NO_MODEL)
    most = {"most": jobs_file.JOBS_MOST, "asked_from": jobs_file.ASKED_FROM}
    return as_json({"faults": {}, **plan.estimated(leader, plan.alone(series), models), **most})


async def choices(door: Door, _: Request) -> Response:
    """Answer with what the fields of the form may be."""
    return as_json(plan.choices(door.leader))


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
    await asyncio.to_thread(plan.insist_all, leader, submission, hashes)
    thought = plan.estimated(leader, submission, hashes)
    host = request.client.host if request.client else ""
    who = one_line(request.query_params.get("who", "").strip())[:WHO_MOST] or host
    made_of, made = await asyncio.to_thread(
        store.submit_apart,
        leader.folder / "queue.sqlite",
        submission,
        hashes,
        who,
    )
    leader.say("submitted", submission=made_of, jobs=made, who=who)
    notes = loop.promises(leader, made_of) if any(s.deadline for s in submission.series) else []
    leader.changed()
    return as_json({**thought, "submission": made_of, "jobs": made, "notes": notes})


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
