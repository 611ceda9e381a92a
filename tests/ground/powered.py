"""An emulated board that runs while a monitor supplies it."""

import threading

from tinybench.errors import TransportError
from tinybench.transport.process import ProcessTransport


class Powered:
    """An emulated board that runs while it has its supply, as a line that outlives it."""

    byte_s = 0.0

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._board: ProcessTransport | None = None
        self._lock = threading.Lock()

    def power(self, on: bool) -> None:
        """Switch the supply; the monitor's thread does, while the line's reads."""
        with self._lock:
            if self._board is not None:
                self._board.close()
            self._board = ProcessTransport(self._command) if on else None

    @property
    def powered(self) -> bool:
        """Whether it has its supply."""
        return self._board is not None

    def read(self, timeout_s: float) -> bytes:
        with self._lock:
            return self._board.read(timeout_s) if self._board is not None else b""

    def write(self, data: bytes) -> None:
        with self._lock:
            if self._board is not None:
                self._board.write(data)

    def set_baud(self, baud: int) -> None:
        raise TransportError(f"no {baud} baud")

    def reopen(self, timeout_s: float) -> None:
        raise TransportError(f"it has its supply or not, also in {timeout_s} s")

    def close(self) -> None:
        self.power(False)
