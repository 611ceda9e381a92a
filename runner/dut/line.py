"""The line to the DUT as text lines and zero-ended blocks; every wait on it has a deadline."""

import time
from collections import deque
from dataclasses import dataclass
from typing import NoReturn

from tinybench.errors import CrashError, DeadlineError, ProtocolError
from tinybench.transport.transport import Transport

from .last_words import CRASH_S, is_boot, is_fatal
from .reply import READY, Said, is_asked_for, is_echo, read_line, read_lines, shown, shown_lines

LINE_LIMIT_B = 1 << 19
LONG_B = 4096
"""A longer line is given time for each of its bytes: results of thousands of values ..."""
LONG_BYTE_S = 20e-6
"""... so much at least, for who prints them, and twice what a byte takes on the line."""
KEPT = 12
"""Lines that are remembered, for whoever asks what a DUT said last."""
TAIL_B = 512
"""Of what came among frames, in which a fault is looked for."""
READY_LINE = b"m-ready\r\n"
_READY = Said(READY)


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


@dataclass
class Talk:
    """What a DUT says beside the protocol: no fault."""

    lines: int = 0
    """Lines, or what is glued before a line of the protocol; empty ones do not count."""
    echoes: int = 0
    """... of these with the command in them that was sent."""


class Line:
    """Bytes of a transport, cut into lines or blocks."""

    def __init__(self, transport: Transport, tally: Tally, talk: Talk | None = None) -> None:
        self._transport = transport
        self._tally = tally
        self._talk = talk or Talk()
        self._pending = b""
        self._said: deque[Said] = deque(maxlen=KEPT)

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
        """Send one command and return the protocol's lines of its reply, without `m-ready`.

        Raises what `reply` raises.
        """
        return [one.word for one in self.reply(text, timeout_s) if one.word is not None]

    def reply(self, text: str, timeout_s: float) -> list[Said]:
        """Send one command and return the lines of its reply, without the closing `m-ready`.

        Lines beside the protocol are read through and counted. Raises DeadlineError when the reply
        is not complete within `timeout_s`; CrashError when the firmware says that it has died;
        ProtocolError when a line of it has bytes that are no text, when the DUT has restarted, and
        when something came that nobody asked for, which would shift this reply and all that follow.
        """
        if self._pending and not is_asked_for(self._pending):
            raise ProtocolError(f"before {quoted(text)} came {shown(self._pending)!r}, unasked")
        self.send(text.encode("ascii") + b"%")
        deadline_s = time.monotonic() + timeout_s
        if not self._pending and self._is_ready(deadline_s):
            return []
        doing = quoted(text)
        lines: list[Said] = []
        crashed = False
        while True:
            said = self.said(deadline_s, doing, lines, crashed=crashed)
            self._count(said, text)
            if said.word == READY:
                return lines
            if said.word is not None or said.beside:
                lines.append(said)
            if said.word is not None:
                self._insist_alive(said.word, doing)
            if is_boot(said.beside):
                self._restarted(doing, f"; its last words: {shown_lines(lines)}" if crashed else "")
            if not crashed and is_fatal(said.beside):
                # The registers follow; the reply may, too, if it was only talk of a fault.
                crashed, deadline_s = True, min(deadline_s, time.monotonic() + CRASH_S)

    def _is_ready(self, deadline_s: float) -> bool:
        """Return whether `m-ready` alone comes, as after each part of an upload; else it is kept.

        The next command follows at once: a fast line waits for nothing but the runner.
        """
        while READY_LINE.startswith(self._pending):
            if self._pending == READY_LINE:
                self._pending = b""
                self._said.append(_READY)
                return True
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                break
            self._pending += self._transport.read(left_s)
        return False

    def said(
        self,
        deadline_s: float,
        doing: str,
        lines: list[Said] | None = None,
        *,
        crashed: bool = False,
    ) -> Said:
        """Return the next line; `doing` and `lines`, those before it, are for the message.

        Raises DeadlineError, or CrashError where the DUT is known to have `crashed`; and
        ProtocolError for a line of the protocol with bytes that are no text.
        """
        raw = self._until(b"\n", deadline_s)
        if raw is None:
            seen = shown_lines(lines or [], self._pending)
            if crashed:
                raise CrashError(f"the firmware crashed during {doing}; its last words: {seen}")
            raise DeadlineError(f"{doing}: no complete reply in time; seen: {seen}")
        said = read_line(raw)
        if said.word is not None or said.beside:
            self._said.append(said)
        if not said.text:
            self._tally.quarantined_lines += 1
            if said.word is not None:
                raise ProtocolError(
                    f"{doing}: bytes that are no text in the line {raw[-200:]!r}. "
                    "Check the cable, the ground and the baud rate"
                )
        return said

    def last_words(self) -> str:
        """Return what the DUT said last, for a message."""
        return shown_lines(self._said, self._pending)

    def forget(self) -> None:
        """Forget what the DUT said until now."""
        self._said.clear()

    def _tail(self) -> str:
        return self._pending[-TAIL_B:].decode("ascii", errors="replace")

    def _count(self, said: Said, text: str) -> None:
        if said.beside:
            self._talk.lines += 1
            self._talk.echoes += is_echo(said, text)

    def _insist_alive(self, word: str, doing: str) -> None:
        """Raise CrashError or ProtocolError where a line says that the DUT has died or begun."""
        if word.startswith("e-[Hard fault"):
            raise CrashError(f"the firmware crashed during {doing}: {word}")
        if word == "m-init-done" or word.startswith("m-timestamp-mode-"):
            self._restarted(doing)

    def _restarted(self, doing: str, words: str = "") -> NoReturn:
        self._tally.restarts += 1
        raise ProtocolError(
            f"the DUT restarted during {doing}: its boot banner came instead of the "
            f"reply. Check its power supply and its watchdog{words}"
        )

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
        lines = read_lines(old + b"\n")
        self._said.extend(one for one in lines if one.word is not None or one.beside)
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

        None when neither comes in time; what came stays for the next call. Raises CrashError where
        a `stop` is waited for and the DUT says that it has died.
        """
        crashed = False
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
            if left_s <= 0 and crashed:
                words = shown_lines(read_lines(self._pending), self._pending.rpartition(b"\n")[2])
                raise CrashError(f"the firmware crashed; its last words: {words}")
            if left_s <= 0:
                return None
            came = self._transport.read(left_s)
            self._pending += came
            if len(self._pending) > LONG_B and not crashed:
                deadline_s += len(came) * max(LONG_BYTE_S, 2 * self.byte_s)
            if stop is not None and not crashed and is_fatal(self._tail()):
                crashed, deadline_s = True, min(deadline_s, time.monotonic() + CRASH_S)


def quoted(command: str) -> str:
    """Return a command as messages name it; an upload is long."""
    return f"'{command if len(command) <= 24 else command[:24] + '...'}%'"
