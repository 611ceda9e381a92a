"""Records what passes over a line: the transcript, which people read and a replay answers from."""

import contextlib
import json
import time
from pathlib import Path

from ..errors import RunFolderError
from ..files import open_lines
from .replay import ReplayTransport
from .transport import Transport

UNWRITTEN = 64
"""Entries that are written together where answers are short: one by one they would keep a processor
from whoever carries the command that was just sent."""
UNWRITTEN_S = 1.0
"""... but none is older than that when a command is sent."""
SHORT_B = 16
"""An answer of so few bytes holds no result, and may be lost when the runner is killed."""
UNWRITTEN_MAX = 1000
"""Pieces of one answer that are kept back."""


class Recorder:
    """A transport that writes all that passes through another one to a transcript.

    The transcript is JSON lines: {"t_s": seconds since the start, "to": "dut" or "host", "text":
    ...}; bytes that are no printable ASCII come as "hex". "to": "port" is an event of the port
    itself: "opened" by each run that writes here, "reopened", or "baud N"; "emulator" is what its
    emulator was asked, and counted.

    Entries are written right after a command was sent: while its answer is on its way, so that the
    line does not wait for them. Those of an upload, with its short answers, are written together.
    """

    def __init__(self, inner: Transport, path: Path) -> None:
        """Record `inner` at the end of the file at `path`.

        Raises RunFolderError when it cannot be written.
        """
        self._inner = inner
        self._path = path
        self._start_s = time.monotonic()
        self._replay = inner if isinstance(inner, ReplayTransport) else None
        self._unwritten: list[tuple[float, str, bytes]] = []
        self._heard_b = 0
        """Since a command was sent."""
        try:
            self._file = open_lines(path)
        except OSError as error:
            raise RunFolderError(f"cannot write the transcript {path}: {error}") from error
        self._record("port", b"opened")
        self._write_out()

    @property
    def byte_s(self) -> float:
        """Seconds that one byte takes on the line."""
        return self._inner.byte_s

    def read(self, timeout_s: float) -> bytes:
        data = self._inner.read(timeout_s)
        if data:
            self._record("host", data)
            self._heard_b += len(data)
        if not data or len(self._unwritten) > UNWRITTEN_MAX:
            self._write_out()
        return data

    def write(self, data: bytes) -> None:
        t_s = self._now_s("dut")
        try:
            self._inner.write(data)
        finally:  # the line does not wait for its record
            self._unwritten.append((t_s, "dut", data))
        short, self._heard_b = self._heard_b <= SHORT_B, 0
        young = self._unwritten[-1][0] - self._unwritten[0][0] < UNWRITTEN_S
        if not (short and young and len(self._unwritten) < UNWRITTEN):
            self._write_out()

    def note(self, to: str, data: bytes) -> None:
        """Record what did not pass over this line: who said it, or was told."""
        self._record(to, data)

    def set_baud(self, baud: int) -> None:
        self._record("port", f"baud {baud}".encode())
        self._inner.set_baud(baud)

    def reopen(self, timeout_s: float) -> None:
        self._inner.reopen(timeout_s)
        self._record("port", b"reopened")

    def close(self) -> None:
        self._inner.close()
        # What cannot be written has been reported before, or is the last of a run that has ended.
        with contextlib.suppress(RunFolderError):
            self._write_out()
        with contextlib.suppress(OSError):
            self._file.close()

    def _record(self, to: str, data: bytes) -> None:
        self._unwritten.append((self._now_s(to), to, data))

    def _now_s(self, to: str) -> float:
        # A replay hurries; when things happened is what its own record says.
        return time.monotonic() - self._start_s if self._replay is None else self._replay.said_s(to)

    def _write_out(self) -> None:
        """Write what is recorded. Raises RunFolderError when the disk refuses."""
        entries, self._unwritten = self._unwritten, []
        try:
            if entries:
                self._file.write(b"".join(_entry(*entry) for entry in entries))
        except OSError as error:
            raise RunFolderError(f"cannot write the transcript {self._path}: {error}") from error


def _entry(t_s: float, to: str, data: bytes) -> bytes:
    """Return a line of the transcript."""
    text = data.isascii() and data.translate(None, b"\r\n").decode("ascii").isprintable()
    said = f'"text": {json.dumps(data.decode("ascii"))}' if text else f'"hex": "{data.hex()}"'
    return f'{{"t_s": {t_s:.6f}, "to": "{to}", {said}}}\n'.encode("ascii")
