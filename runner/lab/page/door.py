"""The door of a lab: its page, and what programs ask it, by HTTP.

On loopback whoever is on this computer may look; to submit, to cancel and to change takes the
token, in a header that no other site can make a browser send. Elsewhere looking takes it, too: in
that header, or, for what a browser opens by itself, as a cookie that is good for looking alone.
"""

import hashlib
import hmac
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tinybench.errors import TinybenchError, UsageError

from .. import safety, store
from ..leader.state import Leader
from . import files, jobs, plain, shown, studies
from .answer import Door, RefusedError, as_json
from .published import Published
from .results import Measured

LOOKS_A_S, CHANGES_A_S = 50.0, 10.0
"""Of one address, in the mean."""
BURST = 4.0
"""How many seconds' worth may come at once."""
ADDRESSES_MOST = 10_000
COOKIE = "tinybench-look"
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

Answer = Callable[[Door, Request], Awaitable[Response]]
LOOKS: dict[str, Answer] = {
    **dict.fromkeys(shown.PAGE, shown.page),
    "/metrics": shown.metrics,
    "/api/state": shown.state,
    "/api/events": shown.events,
    "/plain": plain.page,
    "/api/plan": jobs.planned,
    "/api/choices": jobs.choices,
    "/api/jobs": jobs.listed,
    "/api/jobs/{id:int}": jobs.one,
    "/api/jobs/{id:int}/report": shown.report,
    "/api/jobs/{id:int}/run.zip": files.archive,
    "/api/jobs/{id:int}/files/{name:path}": files.one,
    "/api/results": shown.found,
    "/api/studies": shown.found_studies,
    "/api/results.junit": shown.junit,
    "/api/compare": shown.comparison,
    "/api/history": shown.history,
    "/api/leaderboard": shown.leaders,
    "/api/published": shown.published,
    "/api/published/{id:int}": shown.audit,
}


def app(leader: Leader, token: str, host: str, port: int, published: Published) -> ASGIApp:
    """Return the application. `host`, `port`: where it listens."""
    open_ = safety.is_loopback(host)
    names = {host, *safety.LOOPBACK} if open_ else set()
    written = {f"[{name}]" if ":" in name else name for name in names}
    hosts = frozenset({*written, *(f"{name}:{port}" for name in written)})
    measured = Measured(leader.folder / "runs")
    studied = studies.Studied(leader.folder / "runs")
    door = Door(leader, token, open_, not open_, hosts, measured, studied, published)
    changes: dict[str, Answer] = {
        "/api/look": _may_look,
        "/api/jobs": jobs.submitted,
        "/api/jobs/{id:int}/cancel": jobs.cancelled,
        "/api/jobs/{id:int}/priority": jobs.prioritised,
    }

    def route(path: str, answer: Answer, method: str) -> Route:
        async def endpoint(request: Request) -> Response:
            return await _guarded(door, request, answer)

        return Route(path, endpoint, methods=[method])

    routes = [route(path, answer, "GET") for path, answer in LOOKS.items()]
    routes += [route(path, answer, "POST") for path, answer in changes.items()]
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


async def _guarded(door: Door, request: Request, answer: Answer) -> Response:
    try:
        _insist_welcome(door, request)
        return await answer(door, request)
    except RefusedError as error:
        return as_json({"error": str(error)}, error.status)
    except UsageError as error:
        return as_json({"error": str(error)}, 400)
    except TinybenchError as error:
        return as_json({"error": str(error)}, 500)
    except sqlite3.Error as error:
        return _unwritten(error)
    except OSError as error:
        return as_json({"error": f"the lab cannot do it: {error.strerror or error}"}, 507)


def _unwritten(error: sqlite3.Error) -> Response:
    if store.is_busy(error):
        why = "a large submission is being queued, and nothing is changed: ask again soon"
        return as_json({"error": why}, 503)
    return as_json({"error": f"the lab cannot do it, and nothing is changed: {error}"}, 507)


def _insist_welcome(door: Door, request: Request) -> None:
    changes = request.method not in ("GET", "HEAD")
    if "token" in request.query_params:
        raise RefusedError(
            400,
            "a token is no part of an address, which others may read: send it as the header "
            "Authorization: Bearer ...",
        )
    if door.hosts and request.headers.get("host", "") not in door.hosts:
        raise RefusedError(421, "this lab is not called so; open it by 127.0.0.1")
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise RefusedError(403, "another site may not ask this lab")
    _insist_rate(door, request, changes)
    if not changes and (door.open_ or request.url.path in shown.PAGE or _looks(door, request)):
        return
    said = request.headers.get("authorization", "")
    if not hmac.compare_digest(said.encode(), f"Bearer {door.token}".encode()):
        raise RefusedError(
            401,
            "this takes the lab's token, which is not the one that was sent"
            if said
            else "this takes the lab's token: it lies in the lab's folder, as the file token",
        )
    if changes and request.headers.get("content-type", "").split(";")[0] != "application/json":
        raise RefusedError(415, "what is told to a lab is application/json")


def _insist_rate(door: Door, request: Request, changes: bool) -> None:
    """Take one from what an address may still ask. Raises RefusedError when nothing is left."""
    rate = CHANGES_A_S if changes else LOOKS_A_S
    key = (request.client.host if request.client else "", changes)
    now_s = time.monotonic()
    left, at_s = door.spent.get(key, (rate * BURST, now_s))
    left = min(rate * BURST, left + (now_s - at_s) * rate)
    if len(door.spent) > ADDRESSES_MOST:
        door.spent.clear()
    door.spent[key] = (max(0.0, left - 1), now_s)
    if left < 1:
        raise RefusedError(429, "too much at once: wait a second")


def _look(door: Door) -> str:
    """Return what the cookie holds: made of the token, which it does not tell."""
    return hmac.new(door.token.encode(), b"look", hashlib.sha256).hexdigest()


def _looks(door: Door, request: Request) -> bool:
    return hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), _look(door).encode())


async def _may_look(door: Door, _: Request) -> Response:
    """Let a browser that has the token open reports, which it cannot send a header for."""
    answer = as_json({"looks": True})
    answer.set_cookie(COOKIE, _look(door), httponly=True, secure=door.secure, samesite="strict")
    return answer
