"""A transport that damages what passes through it, as told."""

from collections.abc import Callable

from tinybench.transport.transport import Transport

Rewrite = Callable[[bytes], bytes]


def unchanged(data: bytes) -> bytes:
    """Pass bytes on as they are."""
    return data


class FaultyLine:
    """Rewrites every block of bytes to and from the DUT; an empty block is a silent line."""

    def __init__(
        self, inner: Transport, to_host: Rewrite = unchanged, to_dut: Rewrite = unchanged
    ) -> None:
        self._inner = inner
        self.byte_s = inner.byte_s
        self.to_host = to_host
        self.to_dut = to_dut

    def read(self, timeout_s: float) -> bytes:
        """Return what the DUT sent, damaged."""
        return self.to_host(self._inner.read(timeout_s))

    def write(self, data: bytes) -> None:
        """Send damaged bytes to the DUT."""
        self._inner.write(self.to_dut(data))

    def set_baud(self, baud: int) -> None:
        """Change the rate."""
        self._inner.set_baud(baud)

    def reopen(self, timeout_s: float) -> None:
        """Open the line again, still with its faults."""
        self._inner.reopen(timeout_s)

    def close(self) -> None:
        """Close the line."""
        self._inner.close()
