"""Build the firmware with the tests' own engine, and talk to it over pipes."""

import os
import selectors
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests import ROOT
from tinybench.runner.build.board import Board
from tinybench.runner.build.firmware import compiler_version, sources_sha256
from tinybench.runner.build.make.board_mk import board_mk
from tinybench.runner.build.make.objects import keep, lend, objects_of

FIRMWARE = ROOT / "firmware"
FAKE_MODEL = Path(__file__).with_name("fake_model.c")
READY = b"m-ready\r\n"
PATIENCE_S = 120.0
"""Of a busy machine, which may not run a process for long; a hang ends by it, and is no pace."""


def build(
    board: Board,
    folder: Path,
    *options: str,
    model: str | None = None,
    engine: Path | None = None,
    firmware: Path = FIRMWARE,
    built: Path | None = None,
) -> Path:
    """Build the board's firmware in `folder` by make alone, and return the image.

    With the fake engine, with other C text in its place, or with an engine's folder. `built`: an
    image of the same board and options, of which all but the engine is taken as it is.
    """
    kept = {}
    if built is None:
        (folder / "model").mkdir(parents=True)
        (folder / "board.mk").write_text(board_mk(board))
        if engine is None and firmware == FIRMWARE:
            made_by = ["tests", compiler_version(board), sources_sha256(), options]
            kept = objects_of(board, made_by)
            lend(kept, folder)
    else:
        shutil.copytree(built.parent, folder)
        (folder / "model.o").unlink()
    (folder / "model" / "model.c").write_text(model or FAKE_MODEL.read_text())
    infers = f"ENGINE={engine}" if engine else f"MODEL={folder / 'model'}"
    command = ["make", "-s", "-C", str(firmware), f"BUILD={folder}", infers]
    done = subprocess.run(
        [*command, f"BOARD_MK={folder / 'board.mk'}", *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    keep(kept, folder)
    lend(kept, folder)  # tests look at them, too
    return folder / "firmware.elf"


class DutProcess:
    """A device under test that is a child process; every wait has a deadline."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._child = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            bufsize=0,
            start_new_session=True,
        )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._stdin = self._child.stdin
        self._stdout = self._child.stdout
        self._readable = selectors.DefaultSelector()
        self._readable.register(self._stdout, selectors.EVENT_READ)
        self._rest = b""

    def __enter__(self) -> "DutProcess":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.kill()
        self._child.wait()
        self._stdin.close()
        self._stdout.close()
        self._readable.close()
        self._words.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._stdin.write(data)

    def read_until(self, end: bytes, timeout_s: float = PATIENCE_S) -> bytes:
        """Return what the device sent, up to and with `end`."""
        deadline_s = time.monotonic() + timeout_s
        while end not in self._rest:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not self._readable.select(left_s):
                raise AssertionError(f"no {end!r} within {timeout_s} s, only {self._rest!r}")
            data = os.read(self._stdout.fileno(), 65536)
            if not data:
                raise AssertionError(f"ended after {self._rest!r}, saying {self.words()}")
            self._rest += data
        reply, mark, self._rest = self._rest.partition(end)
        return reply + mark

    def ask(self, command: bytes, timeout_s: float = PATIENCE_S) -> str:
        """Send a command, without its terminator, and return the reply, without m-ready."""
        self.send(command + b"%")
        return self.read_until(READY, timeout_s).removesuffix(READY).decode("ascii")

    def upload(self, data: bytes) -> None:
        """Upload one input, 31 bytes a command."""
        self.ask(f"db load {len(data)}".encode())
        for start in range(0, len(data), 31):
            self.ask(b"db " + data[start : start + 31].hex().encode())

    def pending(self, wait_s: float = 0.05) -> bytes:
        """Return bytes the device sent that nobody asked for."""
        if self._readable.select(wait_s):
            self._rest += os.read(self._stdout.fileno(), 65536)
        return self._rest

    def close_line(self, timeout_s: float = PATIENCE_S) -> int:
        """Close the device's input and return the exit status it then ends with."""
        self._stdin.close()
        return self._child.wait(timeout_s)

    def alive(self) -> bool:
        """Return whether the process still runs."""
        return self._child.poll() is None

    def words(self) -> str:
        """Return what the process wrote to its standard error, sanitizer reports among it."""
        self._words.seek(0)
        return self._words.read().decode(errors="replace")
