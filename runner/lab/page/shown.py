"""What is looked at by HTTP: the page itself, what is now, metrics, results, published results."""

import asyncio
import time
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ...compare.published.leaderboard import leaderboard
from ...compare.store import Summary
from ...report.page.audit_html import html as audit_page
from .. import store
from . import results, studies, told
from .answer import Door, RefusedError, as_json, asked_row, asked_submission, number
from .jobs import ROWS_MOST
from .metrics import CONTENT_TYPE
from .metrics import metrics as metrics_of

EVENTS_S = 0.5
"""Between two events of the stream; a slow reader gets fewer, and none is kept for it."""
STILL_S = 15.0
READERS_MOST = 64
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
PAGE = {"/": "page.html"} | {
    f"/{name}": name
    for name in (
        "page.css",
        "page.js",
        "parts.js",
        "now.js",
        "form.js",
        "job.js",
        "results.js",
        "published.js",
    )
}
# What a report loads and runs is said in it itself: nothing, and its own script by its hash.
REPORT = {
    "Content-Security-Policy": "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "sandbox allow-scripts allow-downloads"
}


async def page(_: Door, request: Request) -> Response:
    """Answer with the page, or a file of it."""
    name = PAGE[request.url.path]
    text = (files(__package__ or "") / "web" / name).read_text("utf-8")
    return Response(text, media_type=KINDS[Path(name).suffix])


async def state(door: Door, _: Request) -> Response:
    """Answer with what is now."""
    return as_json(told.state(door.leader))


def _now(door: Door) -> bytes:
    """Return what is now; of all who look at once the first alone has it made."""
    at_s, now = door.now
    if time.monotonic() - at_s >= EVENTS_S / 2:
        now = msgspec.json.encode(told.state(door.leader))
        door.now = time.monotonic(), now
    return now


async def events(door: Door, request: Request) -> Response:
    """Answer with what is now, each time that it changes."""
    if door.readers >= READERS_MOST:
        raise RefusedError(503, f"{READERS_MOST} pages are open already: close one")

    async def stream() -> AsyncIterator[bytes]:
        if door.readers >= READERS_MOST:  # so many came at once
            return
        door.readers += 1
        try:
            before, still_s = b"", time.monotonic()
            while not await request.is_disconnected():
                now = _now(door)
                if now != before:
                    before, still_s = now, time.monotonic()
                    yield b"data: " + now + b"\n\n"
                elif time.monotonic() - still_s > STILL_S:
                    still_s = time.monotonic()
                    yield b": still here\n\n"
                await asyncio.sleep(EVENTS_S)
        finally:
            door.readers -= 1

    return StreamingResponse(stream(), media_type="text/event-stream")


async def metrics(door: Door, _: Request) -> Response:
    """Answer with the metrics of Prometheus."""
    return Response(metrics_of(door.leader), media_type=CONTENT_TYPE)


async def found(door: Door, request: Request) -> Response:
    """Answer with results, the newest first unless another order is asked for."""
    said = dict(request.query_params)
    most = min(ROWS_MOST, number(said.get("most")) or ROWS_MOST)
    first = number(said.get("from")) or 0
    brief = said.get("brief") == "yes"

    def rows() -> Response:
        every = door.measured.rows()
        chosen = results.chosen(every, said)
        shown = [results.told(one, brief=brief) for one in chosen[first : first + most]]
        return as_json({"results": shown, "count": len(chosen), "of": len(every)})

    return await asyncio.to_thread(rows)


async def report(door: Door, request: Request) -> Response:
    """Answer with the page of a run, or with the text of a study."""
    row = asked_row(door, request)
    if row.folder is None:
        raise RefusedError(404, f"job {row.id} has no result: it is {row.state}")
    folder = door.leader.folder / "runs" / row.folder
    if row.job.study is not None:
        return Response(await asyncio.to_thread(studies.text_of, folder), media_type="text/plain")
    return _page_of(await asyncio.to_thread(results.page_of, folder))


async def found_studies(door: Door, request: Request) -> Response:
    """Answer with the studies that were done, the newest first."""
    most = min(ROWS_MOST, number(request.query_params.get("most")) or ROWS_MOST)
    rows = store.studies(door.leader.db, most)

    def every() -> Response:
        return as_json({"studies": [_study(door, row) for row in rows]})

    return await asyncio.to_thread(every)


def _study(door: Door, row: store.Row) -> dict[str, Any]:
    found = studies.told(door.studied, row) or {}
    return {"job": row.id, "title": row.job.title, "place": row.place, **found}


async def comparison(door: Door, request: Request) -> Response:
    """Answer with the page that compares the results of some jobs."""
    asked = [number(one) for one in request.query_params.get("jobs", "").split(",") if one]

    def text() -> str:
        wanted = set(asked)
        rows = [one for one in door.measured.rows() if _job(one) in wanted]
        return results.compared_page(rows)

    return _page_of(await asyncio.to_thread(text))


async def history(door: Door, request: Request) -> Response:
    """Answer with the page of how figures of results went over time."""
    said = dict(request.query_params)
    by = "commit" if said.get("by") == "commit" else "date"
    metrics = [one for one in said.get("metric", "").split(",") if one]

    def text() -> str:
        rows = results.chosen(door.measured.rows(), {k: v for k, v in said.items() if k != "sort"})
        return results.history_of(rows, by, metrics)

    return _page_of(await asyncio.to_thread(text))


async def junit(door: Door, request: Request) -> Response:
    """Answer with jobs that have ended, as JUnit XML."""
    submission = asked_submission(door, request)
    rows = store.rows(door.leader.db, states=store.ENDED, submission=submission, most=10_000)
    text = await asyncio.to_thread(results.junit, door.leader.folder / "runs", rows)
    return Response(text, media_type="application/xml")


async def leaders(door: Door, _: Request) -> Response:
    """Answer with the fastest by task and core, published results beside them."""

    def ranked() -> list[dict[str, Any]]:
        found = msgspec.to_builtins(leaderboard(door.measured.rows(), door.published.entries))
        for row in (row for ranking in found for row in ranking["rows"]):
            row["job"] = row["run"] and results.job_of(Path(row["run"]).name)
            del row["run"]
        return found

    rankings = await asyncio.to_thread(ranked)
    return as_json({"rankings": rankings, "published": len(door.published.entries)})


async def published(door: Door, _: Request) -> Response:
    """Answer with the published results, each with the verdict on its system."""
    known = door.published
    doing = known.doing  # before the rows: who reads that nothing is looked at has every verdict
    audits = [
        {"tree": Path(tree).name, "valid": one.valid, "systems": len(one.systems)}
        for tree, one in known.audits.items()
    ]
    rows = await asyncio.to_thread(known.rows)
    return as_json({"rows": rows, "audits": audits, "doing": doing})


async def audit(door: Door, request: Request) -> Response:
    """Answer with the page of an audit."""
    one = door.published.audit(int(request.path_params["id"]))
    if one is None:
        raise RefusedError(404, "there is no such audit")
    return _page_of(await asyncio.to_thread(audit_page, one))


def _job(one: Summary) -> int | None:
    return results.job_of(Path(one.run).name)


def _page_of(text: str) -> Response:
    return Response(text, media_type="text/html", headers=REPORT)
