"""An emulated board as the load of a simulated instrument: its marks, and a model of its power.

Time stands still in the emulator while the board waits for the host, and does not run at the
host's pace while it infers. So the instrument's time is put together: it passes as the host's while
the board waits, and by the emulated microseconds from the mark that begins a window to the one that
ends it.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tinybench.errors import BenchError, MonitorError, UsageError
from tinybench.scratch import scratch

from .load import Floats, active_s, mean_a

MICROS_WRAP = 1 << 32
PACE = 0.05
"""Of the host's pace: how fast the instrument's time passes in a window of unknown length ..."""
GRACE_S = 0.25
"""... once the host has waited so long for its end: of a short one both marks come within it."""
MARK_B = 9
"""Eight hex digits and a newline."""


class EmulatedLoad:
    """Draws `active_a` between the marks of a window and `idle_a` elsewhere.

    The first mark after power-up is the boot pulse, the first after sampling began the answer to
    `timestamp`; all others come in pairs.
    """

    def __init__(self, idle_a: float, active_a: float) -> None:
        self._idle_a = idle_a
        self._active_a = active_a
        self._lock = threading.Lock()
        self._late = ""
        """Why nothing is known any more."""
        self._reset()

    def begin(self) -> None:
        """Time 0 is now."""
        with self._lock:
            self._reset()

    def boot(self) -> None:
        """The board is switched on: the next mark is its boot pulse."""
        with self._lock:
            self._booted = False

    def rest(self, seconds: float) -> None:
        """Let so much of the instrument's time pass at once, between two windows.

        Raises as `check`.
        """
        self.check()
        with self._lock:
            self._at = (time.monotonic(), self._now_s() + seconds)

    def mark(self, micros: int) -> None:
        """Take an edge at an emulated microsecond; one that comes too late is the last."""
        with self._lock:
            if self._late:
                return
            now_s = self._now_s()
            if not self._booted:
                self._booted = True
            elif self._window is None:
                self._window = (now_s, micros)
            else:
                began_s, began_us = self._window
                ended_s = began_s + ((micros - began_us) % MICROS_WRAP) * 1e-6
                if ended_s < now_s:
                    self._late = (
                        f"a window of {ended_s - began_s:.3f} s is modelled too late: the "
                        "emulator is far slower than the board. Free this computer's processor"
                    )
                    return
                now_s = ended_s
                self._windows_s.append((began_s, ended_s))
                self._window = None
            self._falling_s.append(now_s)
            self._at = (time.monotonic(), now_s)

    def check(self) -> None:
        """Raise MonitorError once a window was longer for the host than for the emulated clock."""
        with self._lock:
            if self._late:
                raise MonitorError(self._late)

    def known_s(self) -> float:
        """Return up to which time it is known what the DUT does. Raises as `check`."""
        self.check()
        with self._lock:
            return self._now_s()

    def current_a(self, start_s: float, dt_s: float, count: int) -> Floats:
        """Return the mean current of `count` successive samples of `dt_s`, shape [count]."""
        with self._lock:
            spans = list(self._windows_s)
            if self._window is not None:
                spans.append((self._window[0], np.inf))
        active = active_s(spans, start_s, dt_s, count)
        return mean_a(self._idle_a, self._active_a, active, dt_s)

    def falling_s(self, start_s: float, stop_s: float) -> list[float]:
        """Return when the timing pin fell, start_s <= t < stop_s, in order."""
        with self._lock:
            return [edge_s for edge_s in self._falling_s if start_s <= edge_s < stop_s]

    def _reset(self) -> None:
        self._booted = False
        self._window: tuple[float, int] | None = None
        self._windows_s: list[tuple[float, float]] = []
        self._falling_s: list[float] = []
        self._at = (time.monotonic(), 0.0)
        """A moment by the host's clock and by the instrument's."""

    def _now_s(self) -> float:
        host_s, own_s = self._at
        passed_s = time.monotonic() - host_s
        return own_s + (passed_s if self._window is None else PACE * max(0.0, passed_s - GRACE_S))


@contextlib.contextmanager
def timing_pin(load: EmulatedLoad, at: Path | None = None) -> Iterator[str]:
    """Listen for an emulated board's marks; yields the path of the socket it connects to.

    The socket is made `at` a path, else in a folder of its own. Leaving raises the MonitorError of
    a mark that came too late, entering UsageError where no socket can be made.
    """
    with scratch() as folder:
        path = str(at or folder / "pin")
        with socket.socket(socket.AF_UNIX) as listener:
            try:
                listener.bind(path)
            except OSError as error:
                raise UsageError(f"no socket can be made at {path}: {error.strerror}") from error
            listener.listen()

            def serve() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        connection, _ = listener.accept()
                        with connection:
                            _take_marks(connection, load)

            thread = threading.Thread(target=serve, name="timing pin", daemon=True)
            thread.start()
            try:
                yield path
            except BenchError:
                load.check()  # a mark that came too late is an edge that is missed
                raise
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                Path(path).unlink(missing_ok=True)
        thread.join(5)
        load.check()


def _take_marks(connection: socket.socket, load: EmulatedLoad) -> None:
    """Pass on the marks of one emulator, until it ends."""
    load.boot()
    heard = b""
    while data := connection.recv(1024):
        heard += data
        while len(heard) >= MARK_B:
            mark, heard = heard[:MARK_B], heard[MARK_B:]
            load.mark(int(mark, 16))
