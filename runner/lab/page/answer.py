"""What answers of a lab's page have in common: the door they stand behind, refusals, plain data."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tinybench.read import read_json

from .. import store
from ..leader.state import Leader
from .published import Published
from .results import Measured
from .studies import Studied

BODY_MOST_B = 64 << 20
BODY_S = 120.0
NUMBER_DIGITS = 15


class RefusedError(Exception):
    """What is asked for is not done; becomes an answer with this status."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass
class Door:
    """What stands behind every answer."""

    leader: Leader
    token: str
    open_: bool
    """Whether looking takes no token."""
    secure: bool
    """Whether it is reached by TLS."""
    hosts: frozenset[str]
    """What a browser may call this lab; a name that another site made point here is none."""
    measured: Measured
    studied: Studied
    published: Published
    spent: dict[tuple[str, bool], tuple[float, float]] = field(default_factory=dict)
    readers: int = 0
    zipping: asyncio.Lock = field(default_factory=asyncio.Lock)
    now: tuple[float, bytes] = (0.0, b"")
    """What is now, and when that was asked: the same for all who look at once."""


def number(text: str | None) -> int | None:
    """Return a number of a query. Raises RefusedError for what is none."""
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= NUMBER_DIGITS):
        raise RefusedError(400, f"'{text[:40]}' is no number")
    return int(text)


async def body(request: Request) -> bytes:
    """Return what was sent. Raises RefusedError where it is too much, or does not end."""
    found = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.stream():
                found += piece
                if len(found) > BODY_MOST_B:
                    raise RefusedError(413, f"more than {BODY_MOST_B >> 20} MiB at once")
    except TimeoutError:
        raise RefusedError(408, f"what was sent did not end within {BODY_S:.0f} s") from None
    return bytes(found)


def read(data: bytes, kind: Any) -> Any:
    """Return plain data of what was sent. Raises RefusedError for what is none of that kind."""
    with contextlib.suppress(UnicodeDecodeError):
        try:
            return read_json(data, kind)
        except msgspec.MsgspecError as error:
            raise RefusedError(400, f"that is not what a lab is told: {error}") from None
    raise RefusedError(400, "that is no UTF-8")


def as_json(told: Any, status: int = 200) -> Response:
    """Return plain data as an answer."""
    return Response(msgspec.json.encode(told), status_code=status, media_type="application/json")


def asked_row(door: Door, request: Request) -> store.Row:
    """Return the job that an address names. Raises RefusedError where there is none."""
    asked = int(request.path_params["id"])
    row = store.row(door.leader.db, asked) if asked < 2**53 else None
    if row is None:
        raise RefusedError(404, f"there is no job {asked}")
    return row


def asked_submission(door: Door, request: Request) -> int | None:
    """Return the submission that is asked for, if any. Raises RefusedError for one that is none."""
    asked = number(request.query_params.get("submission"))
    if asked is not None and not any(store.counts(door.leader.db, asked).values()):
        raise RefusedError(404, f"there is no submission {asked}")
    return asked
