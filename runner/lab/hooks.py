"""Webhooks: declared addresses are told, signed, when a job ends; no queue waits for them."""

import contextlib
import hashlib
import hmac
import queue
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import requests

from .settings import Hook

WAITING_MOST = 1000
"""Of what one address is still to be told; what comes beyond is not, and the log says so."""
TRIES_AFTER_S = (0.0, 1.0, 5.0, 25.0)
TIMEOUT_S = (5.0, 10.0)
"""To connect, and until an answer begins."""
SIGNATURE, DELIVERY = "X-Tinybench-Signature-256", "X-Tinybench-Delivery"


def signature(key: str, body: bytes) -> str:
    """Return what the header X-Tinybench-Signature-256 says of a body: an HMAC by the lab's key."""
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


class Hooks:
    """Tells addresses what happens, each by a thread of its own; a context manager."""

    def __init__(self, hooks: Sequence[Hook], key: str, say: Callable[..., None]) -> None:
        self._key = key
        self._say = say
        self._over = threading.Event()
        self._queues: list[tuple[Hook, queue.Queue[bytes]]] = [
            (hook, queue.Queue(WAITING_MOST)) for hook in hooks
        ]

    def __enter__(self) -> "Hooks":
        for hook, waiting in self._queues:
            threading.Thread(target=self._serve, args=(hook, waiting), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def tell(self, state: str, told: dict[str, Any]) -> None:
        """Let every address know that wants this end of a job; returns at once."""
        body = msgspec.json.encode({"event": state, "at": time.time(), **told})
        for hook, waiting in self._queues:
            if state in hook.states:
                try:
                    waiting.put_nowait(body)
                except queue.Full:
                    self._say("webhook", host=hook.host, why=f"{WAITING_MOST} wait: not told")

    def _serve(self, hook: Hook, waiting: "queue.Queue[bytes]") -> None:
        with requests.Session() as session:
            session.trust_env = False
            while not self._over.is_set():
                with contextlib.suppress(queue.Empty):
                    self._deliver(session, hook, waiting.get(timeout=0.5))

    def _deliver(self, session: requests.Session, hook: Hook, body: bytes) -> None:
        """Tell one thing, a few times if need be, always by the same number."""
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "tinybench-lab",
            SIGNATURE: signature(self._key, body),
            DELIVERY: str(uuid.uuid4()),
        }
        why = ""
        for after_s in TRIES_AFTER_S:
            if self._over.wait(after_s):
                return
            try:
                with session.post(
                    hook.url, body, headers=headers, timeout=TIMEOUT_S, stream=True,
                    allow_redirects=False,
                ) as answer:  # fmt: skip
                    if answer.status_code < 300:
                        return
                    why = f"status {answer.status_code}"
            except (requests.RequestException, OSError) as error:
                why = type(error).__name__
        self._say(
            "webhook", host=hook.host, why=f"not told after {len(TRIES_AFTER_S)} tries: {why}"
        )
