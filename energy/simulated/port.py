"""A pseudo-terminal with an instrument behind it: bytes in, bytes out, at the instrument's pace."""

import contextlib
import os
import select
import threading
import time
from types import TracebackType
from typing import Protocol

from tinybench.errors import MonitorError, TransportError

BUFFER_B = 1 << 16
"""Bytes the instrument keeps for a host that does not read."""


class Device(Protocol):
    """The instrument behind the port; all is called from one thread."""

    def hear(self, data: bytes) -> bytes:
        """Take bytes from the host; return the answer."""
        ...

    def speak(self, now_s: float, room_b: int) -> bytes:
        """Return what it sends by itself at `now_s`, about `room_b` bytes where it is fast."""
        ...

    def overflow(self) -> bytes:
        """Say that the host did not read in time; return what is sent instead."""
        ...


class PseudoPort:
    """Runs a device behind a pseudo-terminal in a thread, inside a `with`; `path` is the port.

    Raises TransportError on a system that has no pseudo-terminal to give.
    """

    def __init__(self, device: Device, *, real_time: bool = True) -> None:
        import pty  # only POSIX systems have it
        import tty

        self._device = device
        self._real_time = real_time
        try:
            self._master, self._slave = pty.openpty()
        except OSError as error:
            raise TransportError(
                f"a simulated instrument needs a pseudo-terminal: {error}; see that /dev/pts is "
                "mounted, as in a container, and close programs that hold many"
            ) from error
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="simulated", daemon=True)

    def __enter__(self) -> "PseudoPort":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(5)
        os.close(self._slave)

    def _run(self) -> None:
        # The port is closed, the device unplugs itself, or what it measures is not known any more.
        with contextlib.suppress(OSError, MonitorError):
            self._serve()
        os.close(self._master)

    def _serve(self) -> None:
        waiting = b""
        while not self._stop.is_set():
            pause_s = 0.002 if self._real_time or waiting else 0.0005
            readable, _, _ = select.select([self._master], [], [], pause_s)
            try:
                if readable:
                    waiting += self._device.hear(os.read(self._master, 4096))
                waiting += self._device.speak(time.monotonic(), BUFFER_B - len(waiting))
                while waiting:
                    sent = os.write(self._master, waiting[:BUFFER_B])
                    waiting = waiting[sent:]
                    if not self._real_time:
                        if select.select([self._master], [], [], 0)[0]:
                            break  # a host that reads as fast as this writes is heard all the same
                        waiting += self._device.speak(time.monotonic(), BUFFER_B - len(waiting))
            except BlockingIOError:
                if len(waiting) >= BUFFER_B and self._real_time:
                    waiting = self._device.overflow()
                    time.sleep(0.01)
