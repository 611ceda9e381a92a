"""A simulated interface board: passes commands on to a DUT that is another transport."""

import contextlib

from tinybench.errors import TransportError
from tinybench.transport.transport import Transport

FAULTS = ("no passthrough", "other confirmation", "digit lost", "silence", "banner")
QUEUE_B = 100
"""Characters of a command that it keeps; what is more is dropped, silently."""
OWN = {
    b"name": b"m-name-ib-[simulated]\r\n",
    b"version": b"m-version-[1.0.0]\r\n",
    b"help": b"name, version, timestamp, tm, enable-timer, disable-timer, dut\r\n",
    b"timestamp": b"m-lap-us-1\r\n",
    b"tm": b"",
    b"enable-timer": b"",
    b"disable-timer": b"",
}


class SimulatedInterfaceBoard:
    """The board; put it behind a `PseudoPort`. `byte_s` slows the line to the DUT down."""

    def __init__(
        self, dut: Transport, *, faults: frozenset[str] = frozenset(), byte_s: float = 0.0
    ) -> None:
        self._dut = dut
        self._faults = faults
        self._byte_s = byte_s
        self._heard = b""
        self._from_dut = b""
        self._due_s = 0.0
        self._waiting = b""
        self.passed = 0
        """Commands passed on."""

    def hear(self, data: bytes) -> bytes:
        """Take bytes from the host; return the answers."""
        out = b""
        for octet in data:
            if octet != ord("%"):
                self._heard = (self._heard + bytes([octet]))[:QUEUE_B]
                continue
            command, self._heard = self._heard, b""
            out += self._obey(command)
        return out

    def speak(self, now_s: float, room_b: int) -> bytes:  # noqa: ARG002
        """Return what the DUT has said, line by line, as its rate allows."""
        with contextlib.suppress(TransportError):
            self._from_dut += self._dut.read(0.0)
        out, self._waiting = self._waiting, b""
        while b"\n" in self._from_dut and now_s >= self._due_s:
            line, _, self._from_dut = self._from_dut.partition(b"\n")
            self._due_s = max(self._due_s, now_s) + (len(line) + 1) * self._byte_s
            out += b"[dut]: " + line.removesuffix(b"\r") + b"\r\n"
        return out

    def overflow(self) -> bytes:
        """Drop what the host does not read."""
        return b""

    def _obey(self, command: bytes) -> bytes:
        if "silence" in self._faults:
            return b""
        if not command.startswith(b"dut "):
            own = OWN.get(command.split(b" ")[0])
            if own is None:
                own = b"e-[Unknown command: " + command + b"]\r\n"
            return own + b"m-ready\r\n"
        if "no passthrough" in self._faults:
            return b"e-[Unknown command: dut]\r\nm-ready\r\n"
        inner = command.removeprefix(b"dut ")
        if "digit lost" in self._faults and self.passed == 6:
            inner = inner[:-1]
        self.passed += 1
        self._dut.write(inner + b"%")
        shown = b"name" if "other confirmation" in self._faults else inner
        banner = b"m-init-done\r\n" if "banner" in self._faults and self.passed == 5 else b""
        return b"m-dut-passthrough(" + shown + b")\r\n" + banner + b"m-ready\r\n"
