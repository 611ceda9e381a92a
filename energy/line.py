"""A serial line to an instrument: opened for one process alone, every wait with a deadline."""

import contextlib
import time

import serial

from ..runner.errors import DeadlineError, TransportError

WRITE_TIMEOUT_S = 2.0
READ_MAX_B = 1 << 16


class SerialLine:
    """A serial port, raw bytes, eight bits, no parity, one stop bit."""

    def __init__(self, port: str, baud: int) -> None:
        """Open `port` exclusively. Raises TransportError with what to try next."""
        self.port = port
        try:
            self._serial = serial.Serial(
                port, baud, timeout=0, write_timeout=WRITE_TIMEOUT_S, exclusive=True
            )
        except (serial.SerialException, OSError, ValueError) as error:
            raise TransportError(
                f"cannot open {port}: {error}; is it plugged in, used by another program, and are "
                "you a member of the group 'dialout'?"
            ) from error

    def read(self, timeout_s: float) -> bytes:
        """Return what has come, at least one byte; b"" when none came within `timeout_s`.

        Raises TransportError when the port is gone.
        """
        try:
            waiting = self._serial.in_waiting
            if not waiting:
                self._serial.timeout = max(0.0, timeout_s)
                first = self._serial.read(1)
                self._serial.timeout = 0
                if not first:
                    return b""
                return first + self._serial.read(min(self._serial.in_waiting, READ_MAX_B))
            return self._serial.read(min(waiting, READ_MAX_B))
        except (serial.SerialException, OSError, TypeError) as error:
            raise TransportError(f"{self.port}: the line is gone: {error}") from error

    def write(self, data: bytes) -> None:
        """Send all of `data`. Raises TransportError when the port is gone or takes nothing."""
        try:
            self._serial.write(data)
        except (serial.SerialException, OSError, TypeError) as error:
            raise TransportError(f"{self.port}: cannot send {data[:40]!r}: {error}") from error

    def drain(self, quiet_s: float, deadline_s: float) -> bytes:
        """Read until nothing comes for `quiet_s`; return what came.

        Raises DeadlineError when the line is still not quiet after `deadline_s`.
        """
        end = time.monotonic() + deadline_s
        old = b""
        while data := self.read(quiet_s):
            old = (old + data)[-200:]
            if time.monotonic() > end:
                raise DeadlineError(
                    f"{self.port} does not fall silent within {deadline_s:.0f} s; its last bytes: "
                    f"{old[-40:]!r}. Unplug the instrument and plug it in again"
                )
        return old

    def close(self) -> None:
        """Close the port; may be called twice."""
        with contextlib.suppress(serial.SerialException, OSError):
            self._serial.close()
