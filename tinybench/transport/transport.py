"""The line to the board: a child process or a replayed transcript; and its recorder."""

import contextlib
import json
import os
import selectors
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Protocol, cast

from ..errors import RunFolderError, ToolMissingError, TransportError
from ..json_lines import open_lines

STOP_TIMEOUT_S = 2.0
UNWRITTEN_MAX = 1000
"""Pieces of an answer that a transcript may lack when the runner is killed."""
WRITE_TIMEOUT_S = 10.0
VERSION_TIMEOUT_S = 20.0
LONG_S = 0.5
"""A replay waits only for answers that took longer than this ..."""
HURRY = 50
"""... and for such a part of that."""


class Transport(Protocol):
    """A byte stream to the device under test."""

    @property
    def byte_s(self) -> float:
        """Seconds that one byte takes on the line; 0 where the line has no rate."""
        ...

    def read(self, timeout_s: float) -> bytes:
        """Return the bytes that have come, at least one; b"" when none came within `timeout_s`.

        Raises TransportError when the line is closed.
        """
        ...

    def write(self, data: bytes) -> None:
        """Send all of `data`. Raises TransportError when the line is closed or takes nothing."""
        ...

    def set_baud(self, baud: int) -> None:
        """Send and receive at another rate from now on. Raises TransportError without one."""
        ...

    def reopen(self, timeout_s: float) -> None:
        """Close the line and open it again, as soon as it is there.

        A child process is started anew. Raises TransportError when the line is not back within
        `timeout_s`, or has been closed for good.
        """
        ...

    def close(self) -> None:
        """Close the line and whatever stands behind it, for good; may be called twice."""
        ...


class ProcessTransport:
    """A board that is a child process: an emulator, or the C core built for the host.

    The child gets a session of its own, so that Ctrl-C in the terminal reaches only the runner, and
    is killed by the kernel when the runner dies without a chance to clean up (Linux).
    """

    byte_s = 0.0

    def __init__(self, argv: Sequence[str]) -> None:
        """Start the child. Raises ToolMissingError when its program is not installed."""
        self._argv = list(argv)
        self._closed = False
        self._start()

    def read(self, timeout_s: float) -> bytes:
        if not self._readable.select(timeout_s):
            return b""
        data = os.read(self._from.fileno(), 65536)
        if not data:
            raise TransportError(self._ended())
        return data

    def write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            if not self._writable.select(WRITE_TIMEOUT_S):
                raise TransportError(
                    f"{self._child.args!s}: takes no bytes for {WRITE_TIMEOUT_S:.0f} s"
                )
            try:
                left = left[os.write(self._to.fileno(), left) :]
            except BrokenPipeError:
                raise TransportError(self._ended()) from None

    def set_baud(self, baud: int) -> None:
        raise TransportError(f"a child process has no baud rate, least of all {baud}")

    def reopen(self, timeout_s: float) -> None:  # noqa: ARG002 - a process is there at once
        if self._closed:
            raise TransportError("the line was closed for good")
        self._stop()
        self._start()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._stop()

    def _start(self) -> None:
        program = shutil.which(self._argv[0])
        if program is None:
            raise ToolMissingError(_not_installed(self._argv[0]))
        command = [program, *self._argv[1:]]
        setpriv = shutil.which("setpriv")
        if setpriv is not None:
            command = [setpriv, "--pdeathsig", "KILL", "--", *command]
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed in _stop()
        try:
            self._child = subprocess.Popen(  # noqa: S603 - an argument list from a declaration
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._words,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            self._words.close()
            raise TransportError(f"cannot start {program}: {error}") from error
        self._to = cast(IO[bytes], self._child.stdin)
        self._from = cast(IO[bytes], self._child.stdout)
        os.set_blocking(self._to.fileno(), False)
        self._readable = selectors.DefaultSelector()
        self._readable.register(self._from, selectors.EVENT_READ)
        self._writable = selectors.DefaultSelector()
        self._writable.register(self._to, selectors.EVENT_WRITE)

    def _stop(self) -> None:
        self._readable.close()
        self._writable.close()
        with contextlib.suppress(OSError):
            self._to.close()
        if self._child.poll() is None:
            self._child.terminate()
        try:
            self._child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._from.close()
        self._words.close()

    def _ended(self) -> str:
        """Say how the child ended, with the last of its own words."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(STOP_TIMEOUT_S)
        status = self._child.returncode
        if status is None:
            how = "closed its output"
        elif status < 0:
            how = f"was killed by signal {-status}"
        else:
            how = f"ended with exit status {status}"
        self._words.seek(0)
        words = self._words.read().decode(errors="backslashreplace").strip()
        program = Path(_program(self._child.args)).name
        return f"{program} {how}" + (f"; its last words: {words[-500:]}" if words else "")


class Recorder:
    """A transport that writes all that passes through another one to a transcript.

    The transcript is JSON lines: {"t_s": seconds since the start, "to": "dut" or "host", "text":
    ...}; bytes that are no printable ASCII come as "hex". "to": "port" is an event of the port
    itself: "opened" by each run that writes here, "reopened", or "baud N".

    Entries are written right after a command was sent: while its answer is on its way, so that the
    line does not wait for them.
    """

    def __init__(self, inner: Transport, path: Path) -> None:
        """Record `inner` at the end of the file at `path`.

        Raises RunFolderError when it cannot be written.
        """
        self._inner = inner
        self._path = path
        self._start_s = time.monotonic()
        self._unwritten: list[tuple[float, str, bytes]] = []
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
        if not data or len(self._unwritten) > UNWRITTEN_MAX:
            self._write_out()
        return data

    def write(self, data: bytes) -> None:
        self._record("dut", data)
        self._inner.write(data)
        self._write_out()

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
        self._unwritten.append((time.monotonic() - self._start_s, to, data))

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
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunFolderError(f"{path}:{number}: not a transcript entry: {error}") from error


def _program(args: object) -> str:
    """Return the program of a child's argument list, without the setpriv in front of it."""
    words = [str(word) for word in args] if isinstance(args, list) else [str(args)]
    return words[words.index("--") + 1] if "--pdeathsig" in words else words[0]


def _not_installed(program: str) -> str:
    """Say what to type for a program that is missing."""
    package = {"qemu-system-riscv32": "qemu-system-misc"}.get(program, program)
    hint = f"install it with: sudo apt-get install {package}"
    return f"cannot start the board: '{program}' is not installed or not on PATH; {hint}"


def program_version(program: str) -> str:
    """Return the first line a program prints for --version. Raises ToolMissingError without it."""
    path = shutil.which(program)
    if path is None:
        raise ToolMissingError(_not_installed(program))
    try:
        words = subprocess.run(  # noqa: S603 - the program of a declaration
            [path, "--version"],
            capture_output=True,
            text=True,
            timeout=VERSION_TIMEOUT_S,
            check=False,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise TransportError(f"cannot run {path} --version: {error}") from error
    return words.splitlines()[0] if words else "unknown"
