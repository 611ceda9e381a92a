"""Reads transcripts, and answers from one in the place of the device that was recorded."""

import json
import time
from collections.abc import Iterable
from pathlib import Path

from ..errors import RunFolderError, TransportError

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
        """Read a transcript. Raises RunFolderError when it cannot be read."""
        self._path = path
        self._entries = list(_timed_entries(path))
        self._next = 0
        self._last_s = 0.0
        self._event(b"opened")

    def read(self, timeout_s: float) -> bytes:  # noqa: ARG002 - a transcript has no time to wait
        if self._next >= len(self._entries):
            raise TransportError(f"{self._path}: the transcript has ended")
        t_s, to, data = self._entries[self._next]
        if to != "host":
            return b""
        self._next += 1
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

    def _event(self, what: bytes) -> None:
        self._asked("port", what)

    def _asked(self, to: str, data: bytes) -> None:
        while self._next < len(self._entries) and self._entries[self._next][1] == "host":
            self._next += 1
        past = self._next >= len(self._entries)
        t_s, *wanted = (0.0, "", b"") if past else self._entries[self._next]
        if [to, data] != wanted:
            raise TransportError(
                f"{self._path}: the transcript has {wanted[1]!r} where the runner sends {data!r}"
            )
        self._last_s = t_s
        self._next += 1


def read_transcript(path: Path) -> Iterable[tuple[str, bytes]]:
    """Yield (to, bytes) of each entry of a transcript; `to` is "dut", "host" or "port".

    Raises RunFolderError naming the line that is no entry.
    """
    for _, to, data in _timed_entries(path):
        yield to, data


def _timed_entries(path: Path) -> Iterable[tuple[float, str, bytes]]:
    """Yield (seconds, to, bytes) of each entry of a transcript; see `read_transcript`."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RunFolderError(f"cannot read the transcript {path}: {error}") from error
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            data = entry["text"].encode("ascii") if "text" in entry else bytes.fromhex(entry["hex"])
            yield float(entry.get("t_s", 0)), entry["to"], data
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise RunFolderError(f"{path}:{number}: not a transcript entry: {error}") from error
