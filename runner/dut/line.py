"""The line to the DUT as text lines and zero-ended blocks; every wait on it has a deadline."""

import time
from dataclasses import dataclass

from tinybench.errors import DeadlineError, ProtocolError
from tinybench.transport.transport import Transport

LINE_LIMIT_B = 65536
READY = "m-ready"
READY_LINE = b"m-ready\r\n"


@dataclass(frozen=True)
class Patience:
    """How long the runner waits for a DUT, besides the time that bytes and inferences take."""

    reply_s: float = 1.0
    """For a reply."""
    name_s: float = 2.0
    """For the answer to `name`, when it is not known whether a DUT is there."""
    name_tries: int = 5
    quiet_s: float = 0.05
    """A line without bytes for so long is quiet."""
    noise_s: float = 5.0
    """For a line to become quiet."""
    return_s: float = 15.0
    """For a port that vanished to come back."""
    inference_s: float = 120.0
    """For an inference, before the first one has shown how long it takes."""
    tries: int = 5
    """Attempts at one upload and inference."""


@dataclass
class Tally:
    """What went wrong on the line, and was put right."""

    retries: int = 0
    """Uploads or inferences done again on any doubt."""
    restarts: int = 0
    """Times the DUT showed its boot banner where an answer was due."""
    reopened: int = 0
    """Times the port was closed and opened again."""
    resent_frames: int = 0
    quarantined_lines: int = 0
    """Lines with bytes that are no text: never parsed."""


class Line:
    """Bytes of a transport, cut into lines or blocks."""

    def __init__(self, transport: Transport, tally: Tally) -> None:
        self._transport = transport
        self._tally = tally
        self._pending = b""

    @property
    def byte_s(self) -> float:
        """Seconds that a byte takes on the line; 0 where it has no rate."""
        return self._transport.byte_s

    def set_baud(self, baud: int) -> None:
        """Go on at another rate. Raises TransportError where the line has none."""
        self._transport.set_baud(baud)

    def send(self, data: bytes) -> None:
        """Send bytes. Raises TransportError when the line is closed."""
        self._transport.write(data)

    def command(self, text: str, timeout_s: float) -> list[str]:
        """Send one command and return the lines of its reply, without the closing `m-ready`.

        Raises DeadlineError when the reply is not complete within `timeout_s`; ProtocolError when
        it has bytes that are no text, when the DUT has restarted or crashed, and when something
        came that nobody asked for, which would shift this reply and all that follow.
        """
        doing = quoted(text)
        if self._pending:
            raise ProtocolError(f"before {doing} came {shown(self._pending)!r}, unasked")
        self.send(text.encode("ascii") + b"%")
        deadline_s = time.monotonic() + timeout_s
        lines: list[str] = []
        while (line := self.text(deadline_s, doing, lines)) != READY:
            lines.append(line)
            if line.startswith("e-[Hard fault"):
                raise ProtocolError(f"the firmware crashed during {doing}: {line}")
            if line == "m-init-done" or line.startswith("m-timestamp-mode-"):
                self._tally.restarts += 1
                raise ProtocolError(
                    f"the DUT restarted during {doing}: its boot banner came instead of the "
                    "reply. Check its power supply and its watchdog"
                )
        return lines

    def text(self, deadline_s: float, doing: str, seen: list[str]) -> str:
        """Return the next line without its end; `doing` and `seen` are for the message.

        Raises DeadlineError, and ProtocolError for a line with bytes that are no text.
        """
        raw = self._until(b"\n", deadline_s)
        if raw is None:
            raise DeadlineError(
                f"{doing}: no complete reply in time; seen: {excerpt(seen, self._pending)}"
            )
        line = raw.removesuffix(b"\r")
        if not line.isascii() or any(byte < 0x20 for byte in line):
            self._tally.quarantined_lines += 1
            raise ProtocolError(
                f"{doing}: bytes that are no text in the line {line[-200:]!r}. "
                "Check the cable, the ground and the baud rate"
            )
        return line.decode("ascii")

    def block(self, deadline_s: float) -> bytes | None:
        """Return the bytes up to the next zero, without it; None when it does not come in time.

        Raises ProtocolError when the DUT talks text: it has restarted.
        """
        raw = self._until(b"\0", deadline_s, READY_LINE)
        if raw is None or not raw.endswith(READY_LINE):
            return raw
        self._tally.restarts += b"m-init-done" in raw
        raise ProtocolError(
            f"the DUT answers in text, {shown(raw)!r}: it has restarted. Check its power supply "
            "and its watchdog"
        )

    def unread(self) -> bytes:
        """Return what came since the last whole line or block."""
        return self._pending

    def drain(self, quiet_s: float, limit_s: float) -> bytes:
        """Read until the line is quiet; return what came. Raises ProtocolError when it never is."""
        deadline_s = time.monotonic() + limit_s
        old, self._pending = self._pending, b""
        while data := self._transport.read(quiet_s):
            old = (old + data)[-LINE_LIMIT_B:]
            if time.monotonic() > deadline_s:
                raise ProtocolError(
                    f"the line is never quiet: bytes came for {limit_s:.0f} s without a "
                    "command. Is this the right port, at the right baud rate?"
                )
        return old

    def reopen(self, timeout_s: float) -> None:
        """Close the line and open it again, as soon as it is there.

        Raises TransportError when it does not come back within `timeout_s`.
        """
        self._pending = b""
        self._tally.reopened += 1
        self._transport.reopen(timeout_s)

    def _until(self, end: bytes, deadline_s: float, stop: bytes | None = None) -> bytes | None:
        """Return the bytes up to `end`, without it; or up to `stop` and with it, if that is first.

        None when neither comes in time; what came stays for the next call.
        """
        while True:
            at = self._pending.find(end)
            stopped = -1 if stop is None else self._pending.find(stop)
            if stop is not None and stopped >= 0 and (at < 0 or stopped < at):
                at = stopped + len(stop)
                raw, self._pending = self._pending[:at], self._pending[at:]
                return raw
            if at >= 0:
                raw, self._pending = self._pending[:at], self._pending[at + len(end) :]
                return raw
            if len(self._pending) > LINE_LIMIT_B:
                self._pending = b""
                raise ProtocolError(f"a line of over {LINE_LIMIT_B} bytes without an end")
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return None
            self._pending += self._transport.read(left_s)


def quoted(command: str) -> str:
    """Return a command as messages name it; an upload is long."""
    return f"'{command if len(command) <= 24 else command[:24] + '...'}%'"


def excerpt(lines: list[str], pending: bytes = b"") -> str:
    """Return the last few lines, quoted, for a message."""
    quoted = [repr(line) for line in lines[-6:]]
    if pending:
        quoted.append("unfinished " + shown(pending))
    return ", ".join(quoted) if quoted else "nothing"


def shown(data: bytes) -> str:
    """Return the end of some bytes as text that is safe to print."""
    return data[-80:].decode("ascii", errors="backslashreplace")
