"""Answers from a transcript in the place of the device that was recorded."""

import time
from pathlib import Path

from ..errors import TransportError
from .transcript import entries

LONG_S = 0.5
"""A replay waits only for answers that took longer than this ..."""
HURRY = 50
"""... and for such a part of that."""


class ReplayTransport:
    """A transport that answers from a transcript, and insists that it is asked the same.

    It answers at once, but takes its share of the time where the DUT took long: the runner does not
    believe a DUT whose clock goes much faster than its own.
    """

    byte_s = 0.0

    def __init__(self, path: Path) -> None:
        """Begin to read a transcript. Raises RunFolderError, also later, if it cannot be read."""
        self._path = path
        # What an emulator counted was not said on the line.
        self._entries = (entry for entry in entries(path) if entry[1] != "emulator")
        self._next = next(self._entries, None)
        self._last_s = 0.0
        self._event(b"opened")

    def read(self, timeout_s: float) -> bytes:  # noqa: ARG002 - a transcript has no time to wait
        if self._next is None:
            raise TransportError(f"{self._path}: the transcript has ended")
        t_s, to, data = self._next
        if to != "host":
            return b""
        self._next = next(self._entries, None)
        if t_s - self._last_s > LONG_S:
            time.sleep((t_s - self._last_s) / HURRY)
        self._last_s = t_s
        return data

    def write(self, data: bytes) -> None:
        self._asked("dut", data)

    def set_baud(self, baud: int) -> None:
        self._event(f"baud {baud}".encode())

    def reopen(self, timeout_s: float) -> None:  # noqa: ARG002 - it is there already
        self._event(b"reopened")

    def close(self) -> None:
        pass

    def said_s(self, to: str) -> float:
        """Return when, by the record, the host just heard something, or is about to say it."""
        return self._next[0] if to == "dut" and self._next is not None else self._last_s

    def _event(self, what: bytes) -> None:
        self._asked("port", what)

    def _asked(self, to: str, data: bytes) -> None:
        while self._next is not None and self._next[1] == "host":
            self._next = next(self._entries, None)
        t_s, *wanted = self._next or (0.0, "", b"")
        if [to, data] != wanted:
            raise TransportError(
                f"{self._path}: the transcript has {wanted[1]!r} where the runner sends {data!r}"
            )
        self._last_s = t_s
        self._next = next(self._entries, None)
