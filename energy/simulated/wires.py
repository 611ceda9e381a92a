"""Wires of sound and pins to firmware of ours that runs as a process of this computer."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinybench.scratch import scratch

from .studio import Pins

VARIABLE = "TINYBENCH_WIRES"
"""By which the process is told of the socket. Ref: firmware/ports/host.c."""
ANSWER_S = 5.0
"""A process that hears answers sooner; one that does not is deaf from then on."""
PROCESSING_S = 2e-3
"""What a frame is said to take: how long it takes this computer is no property of a board."""
BUSY, DONE, DETECTED = b"B", b"b", b"W"


class Wires:
    """One process that hears, behind a socket."""

    def __init__(self, listener: socket.socket, path: str, processing_s: float) -> None:
        self.path = path
        self.processing_s = processing_s
        self._listener = listener
        self._line: socket.socket | None = None
        self._deaf = False

    @property
    def env(self) -> list[str]:
        """Words before the process's own command."""
        return ["env", f"{VARIABLE}={self.path}"]

    def hear(self, samples: NDArray[np.int16], came_s: float) -> Pins:
        """Send a frame, and wait for what the pins do."""
        if self._line is None:
            with contextlib.suppress(OSError):  # nobody has connected, and nobody hears
                self._line = self._listener.accept()[0]
                self._line.settimeout(ANSWER_S)
        if self._line is None or self._deaf:
            return Pins()
        try:
            came_us = int(came_s * 1e6) & 0xFFFFFFFF
            self._line.sendall(came_us.to_bytes(4, "little") + samples.astype("<i2").tobytes())
            said = b""
            while not said.endswith(DONE):
                said += self._line.recv(1) or DONE
        except OSError:
            self._deaf = True
            return Pins()
        done_s = self.processing_s
        return Pins(
            busy_s=[(0.0, done_s)] if BUSY in said else [],
            detected_s=[done_s] if DETECTED in said else [],
        )

    def close(self) -> None:
        """Close both ends."""
        if self._line is not None:
            self._line.close()


@contextlib.contextmanager
def wires(processing_s: float = PROCESSING_S) -> Iterator[Wires]:
    """Yield the wires for one process; they are cut on leaving."""
    with scratch() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = str(Path(folder) / "wires")
        listener.bind(path)
        listener.listen()
        listener.setblocking(False)
        found = Wires(listener, path, processing_s)
        try:
            yield found
        finally:
            found.close()
