"""A board that is a child process: an emulator, or the C core built for the host."""

import contextlib
import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

from .. import install
from ..errors import ToolMissingError, TransportError
from ..program import ask, first_line

STOP_TIMEOUT_S = 2.0
WRITE_TIMEOUT_S = 10.0
VERSION_TIMEOUT_S = 20.0
NO_CHILD = (
    "a board that is a child process (an emulator, or the board host) cannot be driven on this "
    "system, which cannot wait for the output of a process: on Windows run tinybench within WSL "
    "(docs/platforms.md), or a real board with --port COM3"
)


class ProcessTransport:
    """The line to a child process: its standard input and output.

    The child gets a session of its own, so that Ctrl-C in the terminal reaches only the runner, and
    is killed by the kernel when the runner dies without a chance to clean up (Linux).
    """

    byte_s = 0.0

    def __init__(self, argv: Sequence[str]) -> None:
        """Start the child. Raises ToolMissingError without its program, and on Windows."""
        if not hasattr(select, "poll"):
            raise ToolMissingError(NO_CHILD)
        self._argv = list(argv)
        self._closed = False
        self._start()

    def read(self, timeout_s: float) -> bytes:
        if not self._readable.poll(max(0.0, timeout_s) * 1000):
            return b""
        data = os.read(self._from.fileno(), 65536)
        if not data:
            raise TransportError(self._ended())
        return data

    def write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            if not self._writable.poll(WRITE_TIMEOUT_S * 1000):
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

    def ended(self) -> str:
        """Return how the child ended, with its last words; empty while it runs."""
        return self._ended() if not self._closed and self._child.poll() is not None else ""

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
        self._readable = select.poll()
        self._readable.register(self._from, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(self._to, select.POLLOUT)

    def _stop(self) -> None:
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


def _program(args: object) -> str:
    """Return the program of a child's argument list, without the setpriv in front of it."""
    words = [str(word) for word in args] if isinstance(args, list) else [str(args)]
    return words[words.index("--") + 1] if "--pdeathsig" in words else words[0]


def _not_installed(program: str) -> str:
    """Say what to type for a program that is missing."""
    package = {"qemu-system-riscv32": "qemu-system-misc"}.get(program, program)
    hint = f"install it with: {install.command(package)}"
    return f"cannot start the board: '{program}' is not installed or not on PATH; {hint}"


def program_version(program: str) -> str:
    """Return the first line a program prints for --version. Raises ToolMissingError without it."""
    path = shutil.which(program)
    if path is None:
        raise ToolMissingError(_not_installed(program))
    try:
        return first_line(ask([path, "--version"], VERSION_TIMEOUT_S).out)
    except (OSError, subprocess.SubprocessError) as error:
        raise TransportError(f"cannot run {path} --version: {error}") from error
