"""The interface board of energy mode, as a transport: the DUT isolated behind it, at 9600 baud.

Two kinds: the STM32H573I-DK ("enhanced") and the Arduino of EEMBC's runner (the IO manager). A
command to the DUT goes as `dut COMMAND%`; the board confirms it, and passes the DUT's lines on,
each after `[dut]: `. The enhanced one listens to the DUT only between a command and the next
`m-ready`: what the DUT says by itself, such as its boot banner, waits in a queue of 100 characters
and comes as the reply to the next command, so that every later reply is one late.

Ref: mlcommons/tiny, benchmark/interface (InterfaceMenu, DeviceUnderTest, Uart); eembc/energyrunner,
README, Energy Mode Hardware; published logs of rounds v0.5 to v1.1.
"""

import contextlib
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
BOOT_S = 10.0
"""For a DUT that has just got its supply, or a board that has just been reset, to answer."""
RESET_S = 1.0
QUIET_S = 0.05
STALE_S = 0.3
"""A reply that is late comes within so long, at 9600 baud."""
HELP_B = 1500
"""Bytes of the longest reply to `help`; any is longer than the 100 that the board's queue holds."""
ALIGNMENTS = 12
"""As often a bare `m-ready` fits into the queue, so often all replies can be late."""
PREFIX = b"[dut]: "
ENHANCED = "Interface Board"
"""In the name of the enhanced one."""
ASKED = {b"name": b"m-name-dut-[", b"profile": b"m-model-["}
"""How a line of the reply to each begins."""
PROOF = (b"name", b"profile", b"profile", b"name")
"""Replies that are late do not fit these commands, whatever waits in the queue."""
LAP = re.compile(rb"m-lap-us-[0-9]+")
OPEN = re.compile(rb"\A[0-9, ]*, m-ready\Z")
"""The last line of `print_dutycycle`, unless the one before it is full, is left open."""


class InterfaceBoard:
    """A transport to the DUT behind an interface board, of either kind.

    The DUT talks text only: frames do not pass. Uploads in longer `db` commands than the board
    takes are split on the way.
    """

    def __init__(self, inner: Transport, dut_baud: int = DUT_BAUD, boot_s: float = BOOT_S) -> None:
        """`inner` is the line to the board, `dut_baud` the rate between the board and the DUT;
        the DUT is waited for `boot_s` long."""
        self._inner = inner
        self._dut_baud = dut_baud
        self._boot_s = boot_s
        self._raw = b""
        self._ready = b""
        self._begun = b""
        self._asked = b""
        self._answered = False
        self._late = False
        self.laps = 0
        """Edges of the timing pin that a legacy IO manager has told of."""
        self.aligned = 0
        """Times that replies were late, and were brought back into step."""

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

        Raises ProtocolError when the board does not confirm one as it was sent, DeadlineError when
        it does not confirm at all.
        """
        text = (self._begun + data).rpartition(b"\0")[2]  # a frame has no way through
        *commands, self._begun = text.split(b"%")
        for command in commands:
            if command:
                if self._late:
                    self._align()
                self._send(command)

    def command(self, text: str, timeout_s: float = CONFIRM_S) -> list[str]:
        """Send one of the board's own commands, such as `version`; return the lines of its reply.

        Raises DeadlineError without a reply in time, ProtocolError when the board refuses.
        """
        self._inner.write(text.encode() + b"%")
        lines = [line.decode("latin-1") for line in self._reply(text, timeout_s)]
        if any(line.startswith("e-[") for line in lines):
            raise ProtocolError(f"the interface board refuses '{text}': {lines}")
        return lines

    def prepare(self, *, behind: bool = True) -> str:
        """Bring either kind into the state that a run needs; return what it says it is.

        Unless the DUT is `behind` it, the board only plays, and the enhanced one alone does.

        The enhanced one gets the DUT's rate, unless it has it: `setbaud` writes its flash and
        resets it. The legacy one is set to falling edges. Then replies are brought into step: the
        DUT must have its supply. Raises ProtocolError or DeadlineError when no interface board
        answers, or no DUT behind it.
        """
        name = self._named()
        if not behind:
            if ENHANCED not in name:
                raise ProtocolError(f"'{name}' is no interface board that plays recordings")
            return name
        if ENHANCED in name:
            self._insist_baud()
        else:
            for setting in ("tm 0", "enable-timer"):
                with contextlib.suppress(ProtocolError):  # a board without a timer
                    self.command(setting)
        self._align()
        return name

    def set_baud(self, baud: int) -> None:
        """Refuse: `setbaud` would rewrite the board's flash and reset it."""
        raise TransportError(f"the DUT behind an interface board stays at its rate, not {baud}")

    def reopen(self, timeout_s: float) -> None:
        """Open the line to the board again; see `Transport`."""
        self._raw = self._ready = self._begun = b""
        self._late = True
        self._inner.reopen(timeout_s)

    def close(self) -> None:
        """Close the line to the board."""
        self._inner.close()

    def _named(self) -> str:
        """Return the board's name. It may still wait for a DUT that was without supply."""
        deadline_s = time.monotonic() + self._boot_s
        while True:
            self._discard(QUIET_S)  # of an earlier run
            try:
                name = self.command("name")
            except DeadlineError as error:
                if time.monotonic() >= deadline_s:
                    raise DeadlineError(
                        f"{error} An interface board that waits for a reply of the DUT answers "
                        "nothing else: press its reset button"
                    ) from None
                continue
            return " ".join(name)

    def _insist_baud(self) -> None:
        """Give the enhanced board the DUT's rate, if it has another. Raises ProtocolError."""
        found = self._baud()
        if found in (None, self._dut_baud):  # firmware without `checkbaud` stays as it was built
            return
        self.command(f"setbaud {self._dut_baud}")
        time.sleep(RESET_S)
        self._named()
        if (now := self._baud()) != self._dut_baud:
            raise ProtocolError(
                f"the interface board was at {found} baud to the DUT, was set to {self._dut_baud}, "
                f"and now says {now}: is its flash protected? Press its reset button, try again"
            )

    def _baud(self) -> int | None:
        """Return the rate between the board and the DUT, if the board says it."""
        said = re.search(r"baud is: ([0-9]{1,8})\Z", " ".join(self.command("checkbaud")).strip())
        return None if said is None else int(said[1])

    def _align(self) -> None:
        """Bring replies into step, and prove it: each of PROOF gets the reply that fits it.

        A reply that is longer than the queue loses its end there, with its `m-ready`: after a
        `help` that nobody reads there is one reply less in the queue than there were commands.
        Raises DeadlineError when the DUT is silent, ProtocolError when replies stay out of step.
        """
        replies: list[list[bytes]] = []
        for attempt in range(ALIGNMENTS):
            if attempt:
                self._discard(STALE_S)  # a legacy IO manager passes everything on at once
            replies = [self._exchange(command) for command in PROOF]
            fits = [
                any(line.startswith(ASKED[command]) for line in reply)
                for command, reply in zip(PROOF, replies, strict=True)
            ]
            if all(fits):
                self._late = False
                return
            self.aligned += 1
            if not fits[-1]:
                self._exchange(b"help")
                time.sleep(2 * QUIET_S + HELP_B * 10 / self._dut_baud)
        raise ProtocolError(
            f"the DUT behind the interface board does not answer 'name' and 'profile': the last "
            f"replies are {replies}. Check the rate between them ({self._dut_baud} baud) and the "
            "wires, and reset the interface board"
        )

    def _discard(self, quiet_s: float) -> None:
        """Read until nothing comes, or for as long as a DUT may take to boot."""
        deadline_s = time.monotonic() + self._boot_s
        while self._inner.read(quiet_s) and time.monotonic() < deadline_s:
            pass
        self._raw = self._ready = b""

    def _exchange(self, command: bytes) -> list[bytes]:
        """Send the DUT a command; return the lines that come as its reply, without `m-ready`."""
        self._ready = b""
        self._send(command)
        deadline_s = time.monotonic() + self._boot_s
        while not self._ready.endswith(b"m-ready\r\n"):
            line = self._line(deadline_s)
            if line is None:
                raise DeadlineError(
                    f"the DUT behind the interface board does not answer '{command.decode()}' "
                    f"within {self._boot_s:.0f} s. Has it its supply, and an energy build at "
                    f"{self._dut_baud} baud? The board answers nothing more until the DUT does, or "
                    "its reset button is pressed"
                )
            self._keep(line)
        ready, self._ready = self._ready, b""
        return ready.split(b"\r\n")[:-2]

    def _send(self, command: bytes) -> None:
        """Send one command, in as many as it takes, and insist on each confirmation."""
        for part, last in _parts(command):
            if len(part) + len(b"dut %") > COMMAND_MAX_B:
                raise ProtocolError(
                    f"'{part[:24].decode('latin-1')}...' has {len(part)} characters; an interface "
                    f"board passes {COMMAND_MAX_B - len(b'dut %')}"
                )
            self._inner.write(b"dut " + part + b"%")
            self._asked, self._answered = part, False
            wanted = b"m-dut-passthrough(" + part + b")"
            confirmed = self._reply("dut " + part.decode("latin-1"), CONFIRM_S)
            if wanted not in confirmed:
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
            elif LAP.fullmatch(line) and doing != "timestamp":
                self.laps += 1
            elif line == b"m-ready":
                return lines
            elif OPEN.search(line):
                return [*lines, line.removesuffix(b"m-ready")]
            elif line:
                lines.append(line)
        raise DeadlineError(
            f"the interface board does not confirm '{doing[:24]}' within {timeout_s:.0f} s; seen: "
            f"{lines}. Is this its port, at 115200 baud?"
        )

    def _keep(self, line: bytes) -> None:
        """Keep a line of the DUT for `read`. Raises ProtocolError for one of the board's own.

        A legacy IO manager tells of each edge by itself; the monitor has seen it, too.
        """
        if line.startswith(PREFIX):
            said = line.removeprefix(PREFIX)
            self._ready += said + b"\r\n"
            self._watch(said)
        elif LAP.fullmatch(line):
            self.laps += 1
        elif line:
            raise ProtocolError(f"the interface board says {line[:80]!r}, unasked")

    def _watch(self, said: bytes) -> None:
        """Notice that replies are late: one does not fit its command, or is a boot banner."""
        fitting = ASKED.get(self._asked)
        self._answered = self._answered or (fitting is not None and said.startswith(fitting))
        if said == b"m-init-done" or (said == b"m-ready" and fitting and not self._answered):
            self._late = True

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
