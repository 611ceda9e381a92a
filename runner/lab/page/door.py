"""The door of a lab: its page, and what programs ask it, by HTTP.

On loopback whoever is on this computer may look; to submit, to cancel and to change takes the
token, in a header that no other site can make a browser send. Elsewhere looking takes it, too.
"""

import asyncio
import contextlib
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tinybench.errors import TinybenchError, UsageError
from tinybench.read import read_json

from ...build import board as boards
from .. import jobs_file, safety, store
from ..job import Job, insist, insist_clock
from ..leader import loop
from ..leader.state import Leader
from ..policy import PRIORITY_MOST, fits
from . import told

BODY_MOST_B = 64 << 20
ROWS_MOST = 500
EVENTS_S = 0.5
"""Between two events of the stream; a slow reader gets fewer, and none is kept for it."""
STILL_S = 15.0
READERS_MOST = 64
LOOKS_A_S, CHANGES_A_S = 50.0, 10.0
"""Of one address, in the mean."""
BURST = 4.0
"""How many seconds' worth may come at once."""
ADDRESSES_MOST = 10_000
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
PAGE = {"/": ("page.html", "text/html"), "/page.css": ("page.css", "text/css"),
        "/page.js": ("page.js", "text/javascript")}  # fmt: skip

Answer = Callable[[Request], Awaitable[Response]]


class _RefusedError(Exception):
    """What is asked for is not done; becomes an answer with this status."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass
class _Door:
    leader: Leader
    token: str
    open_: bool
    """Whether looking takes no token."""
    hosts: frozenset[str]
    """What a browser may call this lab; a name that another site made point here is none."""
    spent: dict[tuple[str, bool], tuple[float, float]]
    readers: int = 0


def app(leader: Leader, token: str, host: str, port: int) -> ASGIApp:
    """Return the application. `host`, `port`: where it listens."""
    names = {host, *safety.LOOPBACK} if safety.is_loopback(host) else set()
    written = {f"[{name}]" if ":" in name else name for name in names}
    hosts = frozenset({*written, *(f"{name}:{port}" for name in written)})
    door = _Door(leader, token, safety.is_loopback(host), hosts, {})

    def route(
        path: str, answer: Callable[[_Door, Request], Awaitable[Response]], method: str = "GET"
    ) -> Route:
        async def endpoint(request: Request) -> Response:
            return await _guarded(door, request, answer)

        return Route(path, endpoint, methods=[method])

    routes = [
        *(route(path, _page) for path in PAGE),
        route("/metrics", _metrics),
        route("/api/state", _state),
        route("/api/events", _events),
        route("/api/jobs", _jobs),
        route("/api/jobs", _submit, "POST"),
        route("/api/jobs/{id:int}", _job),
        route("/api/jobs/{id:int}/report", _report),
        route("/api/jobs/{id:int}/cancel", _cancel, "POST"),
        route("/api/jobs/{id:int}/priority", _priority, "POST"),
        route("/api/results", _results),
        route("/api/results.junit", _junit),
    ]
    return _with_headers(Starlette(routes=routes))


def _with_headers(inner: ASGIApp) -> ASGIApp:
    """Add to every answer, also to a refusal, what makes a browser careful."""
    extra = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                known = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"], *(one for one in extra if one[0] not in known)
                ]  # fmt: skip
            await send(message)

        await inner(scope, receive, with_headers)

    return outer


async def _guarded(
    door: _Door, request: Request, answer: Callable[[_Door, Request], Awaitable[Response]]
) -> Response:
    try:
        _insist_welcome(door, request)
        return await answer(door, request)
    except _RefusedError as error:
        return _json({"error": str(error)}, error.status)
    except UsageError as error:
        return _json({"error": str(error)}, 400)
    except TinybenchError as error:
        return _json({"error": str(error)}, 500)
    except OSError as error:
        return _json({"error": f"the lab cannot do it: {error.strerror or error}"}, 507)


def _insist_welcome(door: _Door, request: Request) -> None:
    changes = request.method != "GET"
    if "token" in request.query_params:
        raise _RefusedError(
            400,
            "a token is no part of an address, which others may read: send it as the header "
            "Authorization: Bearer ...",
        )
    if door.hosts and request.headers.get("host", "") not in door.hosts:
        raise _RefusedError(421, "this lab is not called so; open it by 127.0.0.1")
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise _RefusedError(403, "another site may not ask this lab")
    _insist_rate(door, request, changes)
    if not changes and (door.open_ or request.url.path in PAGE):
        return
    said = request.headers.get("authorization", "")
    if not hmac.compare_digest(said.encode(), f"Bearer {door.token}".encode()):
        raise _RefusedError(
            401,
            "this takes the lab's token, which is not the one that was sent"
            if said
            else "this takes the lab's token: it lies in the lab's folder, as the file token",
        )
    if changes and request.headers.get("content-type", "").split(";")[0] != "application/json":
        raise _RefusedError(415, "what is told to a lab is application/json")


def _insist_rate(door: _Door, request: Request, changes: bool) -> None:
    """Take one from what an address may still ask. Raises _RefusedError when nothing is left."""
    rate = CHANGES_A_S if changes else LOOKS_A_S
    key = (request.client.host if request.client else "", changes)
    now_s = time.monotonic()
    left, at_s = door.spent.get(key, (rate * BURST, now_s))
    left = min(rate * BURST, left + (now_s - at_s) * rate)
    if len(door.spent) > ADDRESSES_MOST:
        door.spent.clear()
    door.spent[key] = (max(0.0, left - 1), now_s)
    if left < 1:
        raise _RefusedError(429, "too much at once: wait a second")


# The page.


async def _page(_: _Door, request: Request) -> Response:
    name, kind = PAGE[request.url.path]
    text = (files(__package__ or "") / name).read_text("utf-8")
    return Response(text, media_type=kind)


async def _state(door: _Door, _: Request) -> Response:
    return _json(told.state(door.leader))


async def _events(door: _Door, request: Request) -> Response:
    if door.readers >= READERS_MOST:
        raise _RefusedError(503, f"{READERS_MOST} pages are open already: close one")

    async def stream() -> AsyncIterator[bytes]:
        door.readers += 1
        try:
            before, still_s = b"", time.monotonic()
            while not await request.is_disconnected():
                now = msgspec.json.encode(told.state(door.leader))
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


async def _metrics(door: _Door, _: Request) -> Response:
    return Response(told.metrics(door.leader), media_type="text/plain; version=0.0.4")


# Jobs.


async def _jobs(door: _Door, request: Request) -> Response:
    said = request.query_params
    states = said["state"].split(",") if "state" in said else store.STATES
    rows = store.rows(
        door.leader.db,
        states=states,
        submission=_number(said.get("submission")),
        most=min(ROWS_MOST, _number(said.get("most")) or ROWS_MOST),
        before=_number(said.get("before")),
    )
    number = _number(said.get("submission"))
    counts = store.counts(door.leader.db, number)
    worst = None if number is None else store.worst(door.leader.db, number)
    return _json({"jobs": [told.job(row) for row in rows], "counts": counts, "worst": worst})


async def _job(door: _Door, request: Request) -> Response:
    row = _row(door, request)
    run = next((r for r in door.leader.running.values() if r.row.id == row.id), None)
    return _json({**told.job(row), "runs": None if run is None else told.running(run)})


async def _submit(door: _Door, request: Request) -> Response:
    submission = _read(await _body(request), jobs_file.Submission)
    leader = door.leader
    count = submission.count
    if count > jobs_file.JOBS_MOST:
        raise _RefusedError(413, f"{count:,} jobs at once are more than {jobs_file.JOBS_MOST:,}")
    if count > jobs_file.ASKED_FROM and _number(request.query_params.get("count")) != count:
        raise _RefusedError(409, f"that is {count:,} jobs: say so with count={count}")
    if leader.trouble:
        raise _RefusedError(507, leader.trouble)
    jobs_file.insist_needs([one.name for one in submission.series], submission.needs)
    hashes = jobs_file.checked_models(submission)
    for job in jobs_file.to_check(submission, hashes):
        insist(job)
        _insist_board(leader, job)
    for one in submission.series:
        for name in jobs_file.boards_of(one):
            _insist_board(leader, Job(series=one.name, words={}, board=name))
    who = request.client.host if request.client else ""
    number, made = await asyncio.to_thread(
        store.submit_apart,
        leader.folder / "queue.sqlite",
        submission,
        hashes,
        who,
    )
    leader.say("submitted", submission=number, jobs=made)
    leader.changed()
    return _json({"submission": number, "jobs": made})


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


async def _cancel(door: _Door, request: Request) -> Response:
    was = await loop.cancel(door.leader, _row(door, request).id)
    if was in store.ENDED:
        raise _RefusedError(409, f"job {request.path_params['id']} has ended already: it is {was}")
    return _json({"was": was})


async def _priority(door: _Door, request: Request) -> Response:
    said = _read(await _body(request), dict[str, int])
    priority = said.get("priority", 0)
    if not -PRIORITY_MOST <= priority <= PRIORITY_MOST:
        raise _RefusedError(400, f"a priority is from {-PRIORITY_MOST} to {PRIORITY_MOST}")
    if not loop.prioritise(door.leader, _row(door, request).id, priority):
        raise _RefusedError(409, f"job {request.path_params['id']} does not wait any more")
    return _json({"priority": priority})


# Results.


async def _results(door: _Door, request: Request) -> Response:
    from .results import found

    said = {k: v for k, v in request.query_params.items() if k in ("task", "board", "core")}
    rows = await asyncio.to_thread(found, door.leader.folder / "runs", said)
    return _json({"results": rows[:ROWS_MOST], "count": len(rows)})


async def _report(door: _Door, request: Request) -> Response:
    from .results import page_of

    row = _row(door, request)
    if row.folder is None:
        raise _RefusedError(404, f"job {row.id} has no result: it is {row.state}")
    text = await asyncio.to_thread(page_of, door.leader.folder / "runs" / row.folder)
    # What it loads and runs is said in the page itself: nothing, and its own script by its hash.
    policy = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-scripts"
    return Response(text, media_type="text/html", headers={"Content-Security-Policy": policy})


async def _junit(door: _Door, request: Request) -> Response:
    from .results import junit

    number = _number(request.query_params.get("submission"))
    rows = store.rows(door.leader.db, states=store.ENDED, submission=number, most=10_000)
    text = await asyncio.to_thread(junit, door.leader.folder / "runs", rows)
    return Response(text, media_type="application/xml")


# What they have in common.


def _row(door: _Door, request: Request) -> store.Row:
    number = int(request.path_params["id"])
    row = store.row(door.leader.db, number) if number < 2**53 else None
    if row is None:
        raise _RefusedError(404, f"there is no job {number}")
    return row


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise _RefusedError(400, f"'{text[:40]}' is no number")
    return int(text)


async def _body(request: Request) -> bytes:
    found = bytearray()
    async for piece in request.stream():
        found += piece
        if len(found) > BODY_MOST_B:
            raise _RefusedError(413, f"more than {BODY_MOST_B >> 20} MiB at once")
    return bytes(found)


def _read(data: bytes, kind: Any) -> Any:
    with contextlib.suppress(UnicodeDecodeError):
        try:
            return read_json(data, kind)
        except msgspec.MsgspecError as error:
            raise _RefusedError(400, f"that is not what a lab is told: {error}") from None
    raise _RefusedError(400, "that is no UTF-8")


def _json(told_: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(told_), status_code=status, media_type="application/json")
