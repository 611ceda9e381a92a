"""What a line to a device is, whatever carries it: bytes out, bytes in, each with a deadline."""

from typing import Protocol


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
