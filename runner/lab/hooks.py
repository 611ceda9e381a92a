"""Webhooks: declared addresses are told, signed, when a job ends; no queue waits for them.

What is to be told stands in the queue's file, written in the transaction that ends the job (a
trigger of store.py): a leader that is killed tells it the next time.
"""

import contextlib
import hashlib
import hmac
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import requests

from .settings import Hook
from .store import transaction

WAITING_MOST = 10_000
"""Of what one address is still to be told; what comes beyond is not, and the log says so."""
AGAIN_S = (1.0, 5.0, 25.0, 120.0, 600.0, 3600.0, 4 * 3600.0)
"""After a try that failed, until the next one."""
LOOK_S = 0.5
TROUBLE_S = 5.0
"""Until the next look, where the disk is full."""
AT_ONCE = 50
TIMEOUT_S = (5.0, 10.0)
"""To connect, and until an answer begins."""
SIGNATURE, DELIVERY = "X-Tinybench-Signature-256", "X-Tinybench-Delivery"


class Delivery(msgspec.Struct, frozen=True):
    """What an address is to be told."""

    id: int
    job: int
    event: str
    at: float
    number: str
    body: bytes | None
    """As it was sent first; a try after that sends the same."""
    tries: int


def signature(key: str, body: bytes) -> str:
    """Return what the header X-Tinybench-Signature-256 says of a body: an HMAC by the lab's key."""
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def declare(db: sqlite3.Connection, hooks: Sequence[Hook]) -> None:
    """Note whom jobs that end are told to from now on; what others were to be told is dropped."""
    with transaction(db):
        db.execute("DELETE FROM hooks")
        db.executemany(
            "INSERT INTO hooks VALUES (?, ?)",
            (
                (one.id, f" {' '.join(one.states)} ")
                for one in {one.id: one for one in hooks}.values()
            ),
        )
        db.execute("DELETE FROM deliveries WHERE hook NOT IN (SELECT hook FROM hooks)")


class Hooks:
    """Tells addresses what has ended, each by a thread of its own; a context manager.

    `body_of` returns what is told of a job, None for one that there is no more; it and `path`, the
    queue's file, are used over a connection of the thread's own.
    """

    def __init__(
        self,
        path: Path,
        hooks: Sequence[Hook],
        key: str,
        body_of: Callable[[sqlite3.Connection, int], dict[str, Any] | None],
        say: Callable[..., None],
    ) -> None:
        self._path = path
        self._hooks = {one.id: one for one in hooks}
        self._key = key
        self._body_of = body_of
        self._say = say
        self._over = threading.Event()

    def __enter__(self) -> "Hooks":
        for hook in self._hooks.values():
            threading.Thread(target=self._serve, args=(hook,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _serve(self, hook: Hook) -> None:
        with (
            requests.Session() as session,
            contextlib.closing(sqlite3.connect(self._path, isolation_level=None)) as db,
        ):
            session.trust_env = False
            while not self._over.is_set():
                wait_s = LOOK_S
                try:
                    self._drop_beyond(db, hook)
                    for one in due(db, hook):
                        self._deliver(session, db, hook, one)
                except sqlite3.Error as error:
                    wait_s = TROUBLE_S
                    self._say("webhook", host=hook.host, why=f"cannot be noted: {error}")
                self._over.wait(wait_s)

    def _drop_beyond(self, db: sqlite3.Connection, hook: Hook) -> None:
        (waiting,) = db.execute(
            "SELECT COUNT(*) FROM deliveries WHERE hook = ?", (hook.id,)
        ).fetchone()
        if waiting > WAITING_MOST:
            db.execute(
                "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE hook = ? "
                "ORDER BY id DESC LIMIT ?)",
                (hook.id, waiting - WAITING_MOST),
            )
            why = f"more than {WAITING_MOST:,} wait: {waiting - WAITING_MOST:,} are not told"
            self._say("webhook", host=hook.host, why=why)

    def _deliver(
        self, session: requests.Session, db: sqlite3.Connection, hook: Hook, one: Delivery
    ) -> None:
        """Try once to tell one thing; when that fails it is due again later, by the same number."""
        if self._over.is_set():
            return
        body = one.body
        if body is None:
            told = self._body_of(db, one.job)
            body = msgspec.json.encode({"event": one.event, "at": one.at, **(told or {})})
        why = self._posted(session, hook, one.number, body)
        if why and one.tries < len(AGAIN_S):
            db.execute(
                "UPDATE deliveries SET body = ?, tries = tries + 1, due = ? WHERE id = ?",
                (body, time.time() + AGAIN_S[one.tries], one.id),
            )
            return
        db.execute("DELETE FROM deliveries WHERE id = ?", (one.id,))
        if why:
            self._say("webhook", host=hook.host, job=one.job,
                      why=f"not told after {one.tries + 1} tries: {why}")  # fmt: skip

    def _posted(self, session: requests.Session, hook: Hook, number: str, body: bytes) -> str:
        """Return why an address did not take a body; empty where it did."""
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "tinybench-lab",
            SIGNATURE: signature(self._key, body),
            DELIVERY: number,
        }
        try:
            with session.post(
                hook.url, body, headers=headers, timeout=TIMEOUT_S, stream=True,
                allow_redirects=False,
            ) as answer:  # fmt: skip
                return "" if answer.status_code < 300 else f"status {answer.status_code}"
        except (requests.RequestException, OSError) as error:
            return type(error).__name__


def due(db: sqlite3.Connection, hook: Hook) -> list[Delivery]:
    """Return what an address is to be told now, the oldest first.

    What is due later than any try can be is due: the clock was set back.
    """
    now = time.time()
    rows = db.execute(
        "SELECT id, job, event, at, number, body, tries FROM deliveries WHERE hook = ? "
        "AND (due <= ? OR due > ?) ORDER BY id LIMIT ?",
        (hook.id, now, now + max(AGAIN_S), AT_ONCE),
    )
    return [Delivery(*row) for row in rows]
