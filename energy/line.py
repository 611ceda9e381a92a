"""The serial line of an instrument, which may still be talking when it is opened."""

import time

from tinybench.errors import DeadlineError
from tinybench.transport.serial_port import SerialTransport


class SerialLine:
    """A serial port, held by this process alone."""

    def __init__(self, port: str, baud: int) -> None:
        """Open `port`. Raises TransportError with what to try next."""
        self.port = port
        self._transport = SerialTransport(port, baud)

    def read(self, timeout_s: float) -> bytes:
        """Return what has come, at least one byte; b"" when none came within `timeout_s`."""
        return self._transport.read(timeout_s)

    def write(self, data: bytes) -> None:
        """Send all of `data`. Raises TransportError when the port is gone or takes nothing."""
        self._transport.write(data)

    def drain(self, quiet_s: float, deadline_s: float) -> bytes:
        """Read until nothing comes for `quiet_s`; return the last of what came.

        Raises DeadlineError when the line is still not quiet after `deadline_s`.
        """
        end_s = time.monotonic() + deadline_s
        old = b""
        while data := self.read(quiet_s):
            old = (old + data)[-200:]
            if time.monotonic() > end_s:
                raise DeadlineError(
                    f"{self.port} does not fall silent within {deadline_s:.0f} s; its last bytes: "
                    f"{old[-40:]!r}. Unplug the instrument and plug it in again"
                )
        return old

    def close(self) -> None:
        """Close the port; may be called twice."""
        self._transport.close()
