"""A DUT that is another process, or another's port: its line, its supply and its timing pin."""

import contextlib
import os
import select
import shlex
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from tinybench.errors import TransportError, UsageError
from tinybench.transport.process import ProcessTransport
from tinybench.transport.serial_port import SerialTransport
from tinybench.transport.transport import Transport

from .emulated import MARK_B, MICROS_WRAP, EmulatedLoad, timing_pin
from .studio import Deaf, Ear
from .wires import wires

PIN = "{pin}"
"""Stands in a DUT's command for the socket of its timing pin."""
WIRES = "{wires}"
"""... for that of its wires of sound, where it hears."""
POLL_S = 0.1
IDLE_A = 1e-3
ACTIVE_A = 5e-3


@dataclass(frozen=True)
class Foreign:
    """A DUT as a simulated bench needs it."""

    line: Transport
    power: Callable[[bool], None]
    """Gives it its supply, or takes it."""
    load: EmulatedLoad
    """What an instrument measures: more current between two marks."""
    ear: Ear = field(default_factory=Deaf)
    """What hears what an interface board plays."""
    ended: Callable[[], str] = str
    """Says how a program ended by itself; empty while it runs, or has no supply."""


class Supplied:
    """A DUT that is a program: it runs while it has its supply."""

    byte_s = 0.0

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._child: ProcessTransport | None = None
        self._lock = threading.Lock()

    def power(self, on: bool) -> None:
        """Start or end it; the monitor's thread does, while the line's reads."""
        with self._lock:
            if self._child is not None:
                self._child.close()
            self._child = ProcessTransport(self._command) if on else None

    def ended(self) -> str:
        """Return how it ended by itself; empty while it runs, or has no supply."""
        with self._lock:
            return "" if self._child is None else self._child.ended()

    def read(self, timeout_s: float) -> bytes:
        with self._lock:
            return b"" if self._child is None else self._child.read(timeout_s)

    def write(self, data: bytes) -> None:
        with self._lock:
            if self._child is not None:
                self._child.write(data)

    def set_baud(self, baud: int) -> None:
        raise TransportError(f"a program has no {baud} baud")

    def reopen(self, timeout_s: float) -> None:
        raise TransportError(f"it has its supply or not, also in {timeout_s:.0f} s")

    def close(self) -> None:
        self.power(False)


class Straight:
    """The DUT's own port: what goes in comes out; put it behind a `PseudoPort`."""

    def __init__(self, dut: Transport) -> None:
        self._dut = dut

    def hear(self, data: bytes) -> bytes:
        """Take bytes from the host."""
        with contextlib.suppress(TransportError):
            self._dut.write(data)
        return b""

    def speak(self, now_s: float, room_b: int) -> bytes:  # noqa: ARG002
        """Return what the DUT has said."""
        with contextlib.suppress(TransportError):
            return self._dut.read(0.0)
        return b""

    def overflow(self) -> bytes:
        """Drop what the host does not read."""
        return b""


@contextlib.contextmanager
def foreign_dut(way: str, baud: int, pin: Path | None) -> Iterator[Foreign]:
    """Yield a DUT that is a program, which runs while it is supplied, or is at a port.

    `way` is a port, or a command whose word "{pin}" becomes a socket for its marks, and "{wires}"
    one by which it hears what an interface board plays, as firmware of ours does. `pin`: marks come
    from this pipe or terminal instead, or from a socket that is made there. A mark is a line: eight
    hex digits are the DUT's microsecond, an empty line means now. Raises UsageError for a way that
    leads nowhere, TransportError for a port that cannot be opened.
    """
    load = EmulatedLoad(IDLE_A, ACTIVE_A)
    words = _words(way)
    with ExitStack() as stack:
        if pin is not None and pin.exists() and not stat.S_ISSOCK(pin.stat().st_mode):
            stack.enter_context(_followed(pin, load))
            path = str(pin)
        else:
            path = stack.enter_context(timing_pin(load, pin))
        if words is None:
            line = stack.enter_context(closing(SerialTransport(way, baud)))
            load.boot()
            yield Foreign(line, lambda _: load.boot(), load)
        else:
            heard = stack.enter_context(wires()) if any(WIRES in word for word in words) else None
            words = [word.replace(PIN, path) for word in words]
            words = [word.replace(WIRES, heard.path if heard else "") for word in words]
            program = Supplied(words)
            line = stack.enter_context(closing(program))
            yield Foreign(line, program.power, load, heard or Deaf(), program.ended)


def _words(way: str) -> list[str] | None:
    """Return the words of a command; None for a port. Raises UsageError."""
    if "://" in way or Path(way).is_char_device():
        return None
    try:
        words = shlex.split(way)
    except ValueError as error:
        raise UsageError(f"--dut '{way}' is no command: {error}") from None
    if not words:
        raise UsageError("--dut is empty: name a port, or a command")
    return words


@contextlib.contextmanager
def _followed(pin: Path, load: EmulatedLoad) -> Iterator[None]:
    """Take marks from a pipe or a terminal.

    Entering raises UsageError when it cannot be read, leaving MonitorError as `EmulatedLoad.check`.
    """
    try:
        source = os.open(pin, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        raise UsageError(f"--pin {pin} cannot be read: {error.strerror}") from error
    stop = threading.Event()

    def follow() -> None:
        heard = b""
        while not stop.is_set():
            if not select.select([source], [], [], POLL_S)[0]:
                continue
            try:
                heard += os.read(source, 1024)
            except BlockingIOError:
                continue
            except OSError:  # the other end of the terminal has closed
                return
            *lines, heard = heard.split(b"\n")
            heard = heard[-MARK_B:]
            for line in lines:
                load.mark(_micros(line.strip()))

    thread = threading.Thread(target=follow, name="timing pin", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(5)
        os.close(source)
    load.check()


def _micros(line: bytes) -> int:
    """Return the microsecond of a mark: the DUT's, or this computer's."""
    with contextlib.suppress(ValueError):
        return int(line, 16) % MICROS_WRAP
    return int(time.monotonic() * 1e6) % MICROS_WRAP
