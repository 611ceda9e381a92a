"""The interface board of energy mode, as a transport: the DUT isolated behind it, at 9600 baud.

Ref: mlcommons/tiny, benchmark/interface. A command to the DUT goes as `dut COMMAND%`; the board
confirms it, and passes the DUT's lines on, each after `[dut]: `.
"""

import re
import time

from tinybench.errors import DeadlineError, ProtocolError, TransportError
from tinybench.transport.transport import Transport

DUT_BAUD = 9600
DATA_MAX_B = 26
"""Data bytes of one `db` command that fit into 64 characters behind `dut `."""
COMMAND_MAX_B = 64
"""Characters of one command; the board's queue holds 100 and drops what is more, silently."""
CONFIRM_S = 2.0
REPLY_S = 5.0
PREFIX = b"[dut]: "


class InterfaceBoard:
    """A transport to the DUT behind an interface board, or behind a legacy IO manager.

    The DUT talks text only: frames do not pass. Uploads in longer `db` commands than the board
    takes are split on the way.
    """

    def __init__(self, inner: Transport, dut_baud: int = DUT_BAUD) -> None:
        """`inner` is the line to the board, `dut_baud` the rate between the board and the DUT."""
        self._inner = inner
        self._dut_baud = dut_baud
        self._raw = b""
        self._ready = b""
        self._begun = b""

    @property
    def byte_s(self) -> float:
        """Seconds that a byte takes to the DUT and over both lines."""
        return 10 / self._dut_baud + self._inner.byte_s

    def read(self, timeout_s: float) -> bytes:
        """Return whole lines of the DUT; see `Transport`."""
        deadline_s = time.monotonic() + timeout_s
        while not self._ready:
            line = self._line(deadline_s)
            if line is None:
                return b""
            self._keep(line)
        ready, self._ready = self._ready, b""
        return ready

    def write(self, data: bytes) -> None:
        """Send commands to the DUT; see `Transport`.

        Raises ProtocolError when the board does not confirm one as it was sent.
        """
        text = (self._begun + data).rpartition(b"\0")[2]  # a frame has no way through
        *commands, self._begun = text.split(b"%")
        for command in commands:
            if command:
                self._send(command)

    def command(self, text: str) -> list[str]:
        """Send one of the board's own commands, such as `version`; return the lines of its reply.

        Raises DeadlineError without a reply, ProtocolError when the board refuses.
        """
        self._inner.write(text.encode() + b"%")
        lines = [line.decode("latin-1") for line in self._reply(text, CONFIRM_S)]
        if any(line.startswith("e-[") for line in lines):
            raise ProtocolError(f"the interface board refuses '{text}': {lines}")
        return lines

    def prepare(self) -> str:
        """Make a legacy IO manager watch for falling edges; return who answers.

        Raises ProtocolError or DeadlineError when no interface board does.
        """
        name = self.command("name")
        for setting in ("tm 0", "enable-timer"):
            try:
                self.command(setting)
            except ProtocolError:  # only the legacy IO manager has a timer
                break
        return " ".join(name)

    def set_baud(self, baud: int) -> None:
        """Refuse: `setbaud` would rewrite the board's flash and reset it."""
        raise TransportError(f"the DUT behind an interface board stays at its rate, not {baud}")

    def reopen(self, timeout_s: float) -> None:
        """Open the line to the board again; see `Transport`."""
        self._raw = self._ready = self._begun = b""
        self._inner.reopen(timeout_s)

    def close(self) -> None:
        """Close the line to the board."""
        self._inner.close()

    def _send(self, command: bytes) -> None:
        """Send one command, in as many as it takes, and insist on each confirmation."""
        for part, last in _parts(command):
            if len(part) + len(b"dut %") > COMMAND_MAX_B:
                raise ProtocolError(
                    f"'{part[:24].decode('latin-1')}...' has {len(part)} characters; an interface "
                    f"board passes {COMMAND_MAX_B - len(b'dut %')}"
                )
            self._inner.write(b"dut " + part + b"%")
            wanted = b"m-dut-passthrough(" + part + b")"
            confirmed = self._reply(part.decode("latin-1"), CONFIRM_S)
            if confirmed != [wanted]:
                raise ProtocolError(
                    f"the interface board confirms {confirmed} where {wanted} was due. Check its "
                    "cable, and that its firmware passes commands on ('dut')"
                )
            if not last:
                self._pass_ready(part)

    def _pass_ready(self, part: bytes) -> None:
        """Take the DUT's bare `m-ready` to a part of an upload; keep any other reply."""
        deadline_s = time.monotonic() + REPLY_S
        while (line := self._line(deadline_s)) is not None:
            if line == PREFIX + b"m-ready":
                return
            self._keep(line)
        raise DeadlineError(
            f"the DUT behind the interface board does not answer '{part[:24].decode('latin-1')}' "
            f"within {REPLY_S:.0f} s"
        )

    def _reply(self, doing: str, timeout_s: float) -> list[bytes]:
        """Return the board's own lines up to `m-ready`; keep the DUT's for `read`."""
        deadline_s = time.monotonic() + timeout_s
        lines: list[bytes] = []
        while (line := self._line(deadline_s)) is not None:
            if line.startswith(PREFIX):
                self._keep(line)
            elif line == b"m-ready":
                return lines
            elif line:
                lines.append(line)
        raise DeadlineError(
            f"the interface board does not confirm '{doing[:24]}' within {timeout_s:.0f} s; seen: "
            f"{lines}. Is this its port, at 115200 baud?"
        )

    def _keep(self, line: bytes) -> None:
        """Keep a line of the DUT for `read`. Raises ProtocolError for one of the board's own."""
        if line.startswith(PREFIX):
            self._ready += line.removeprefix(PREFIX) + b"\r\n"
        elif line:
            raise ProtocolError(f"the interface board says {line[:80]!r}, unasked")

    def _line(self, deadline_s: float) -> bytes | None:
        """Return the next line of the board without its end; None when none comes in time."""
        while b"\n" not in self._raw:
            data = self._inner.read(max(0.0, deadline_s - time.monotonic()))
            if not data and time.monotonic() >= deadline_s:
                return None
            self._raw += data
        line, _, self._raw = self._raw.partition(b"\n")
        return line.removesuffix(b"\r")


def _parts(command: bytes) -> list[tuple[bytes, bool]]:
    """Split an upload into commands that fit; return (command, whether it is the last)."""
    digits = re.fullmatch(rb"db ([0-9a-fA-F]+)", command)
    if digits is None or len(digits[1]) <= 2 * DATA_MAX_B:
        return [(command, True)]
    starts = range(0, len(digits[1]), 2 * DATA_MAX_B)
    parts = [b"db " + digits[1][start : start + 2 * DATA_MAX_B] for start in starts]
    return [(part, index == len(parts) - 1) for index, part in enumerate(parts)]
