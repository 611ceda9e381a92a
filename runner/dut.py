"""The device under test: the client side of the MLPerf Tiny serial protocol.

Ref: mlcommons/tiny, benchmark/api. Every reply is checked line by line against its command;
whatever does not fit raises ProtocolError and never becomes part of a result.
"""

import math
import re
import time
from dataclasses import dataclass

from .errors import DeadlineError, ProtocolError
from .transport import Transport

CHUNK_B = 31
"""Data bytes of one `db`: stock ports are promised 64 bytes without a handshake."""
REPLY_TIMEOUT_S = 5.0
HANDSHAKE_TIMEOUT_S = 2.0
HANDSHAKE_TRIES = 5
QUIET_S = 0.05
DRAIN_TIMEOUT_S = 5.0
LINE_LIMIT_B = 65536
MICROS_WRAP = 1 << 32

_LAP = re.compile(r"m-lap-us-([0-9]{1,10})")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True)
class Identity:
    """What the DUT says it is."""

    vendor: str
    model_id: str
    caps: tuple[str, ...]
    """What the firmware can do beyond the stock protocol; empty for stock firmware."""


@dataclass(frozen=True)
class Inference:
    """The reply to one `infer`."""

    iterations: int
    elapsed_us: int
    """Time from the first to the second time stamp, on the DUT's clock."""
    results: str
    """The numbers of `m-results` as the DUT printed them, separated by commas."""


class Dut:
    """A DUT behind a transport; `handshake` first, then `load` and `infer` in turn."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._pending = b""

    def handshake(self) -> Identity:
        """Find the DUT on the line, whatever is on it: a boot banner, half a line, old replies.

        Raises DeadlineError when nothing answers `name`, ProtocolError when what answers does not
        speak the protocol.
        """
        seen: list[str] = []
        for _ in range(HANDSHAKE_TRIES):
            if old := self._drain():
                seen.append(_shown(old))
            self._send("name")
            try:
                name = self._await_name(seen)
            except DeadlineError:
                continue
            self._drain()
            return Identity(name, self._profile(), self._caps())
        raise DeadlineError(
            f"the DUT did not answer 'name%' {HANDSHAKE_TRIES} times, {HANDSHAKE_TIMEOUT_S:.0f} s "
            f"each; seen: {_excerpt(seen, self._pending)}. Check the power, the port, the baud rate"
        )

    def load(self, data: bytes) -> None:
        """Upload one input. Raises ProtocolError unless the DUT counted and took every byte."""
        self._expect(f"db load {len(data)}", [f"m-[Expecting {len(data)} bytes]"])
        for start in range(0, len(data), CHUNK_B):
            chunk = data[start : start + CHUNK_B]
            last = start + CHUNK_B >= len(data)
            self._expect(f"db {chunk.hex()}", ["m-load-done"] if last else [])

    def infer(self, iterations: int, warmup: int, timeout_s: float) -> Inference:
        """Run `iterations` timed inferences after `warmup` untimed ones on the loaded input.

        `timeout_s` bounds the whole reply. Raises ProtocolError unless each line of the reply is
        the expected one and the results are finite numbers.
        """
        command = f"infer {iterations} {warmup}"
        lines = self.command(command, timeout_s)
        fixed = [
            f"m-warmup-start-{warmup}",
            "m-warmup-done",
            f"m-infer-start-{iterations}",
            None,
            None,
            "m-infer-done",
            None,
        ]
        if len(lines) != len(fixed) or any(
            want is not None and want != line for want, line in zip(fixed, lines, strict=True)
        ):
            raise ProtocolError(f"unexpected reply to '{command}%': {_excerpt(lines)}")
        laps = [_LAP.fullmatch(lines[3]), _LAP.fullmatch(lines[4])]
        if laps[0] is None or laps[1] is None:
            raise ProtocolError(f"'{command}%': no two time stamps in {_excerpt(lines[3:5])}")
        elapsed_us = (int(laps[1][1]) - int(laps[0][1])) % MICROS_WRAP
        return Inference(iterations, elapsed_us, _results(lines[6], command))

    def command(self, text: str, timeout_s: float = REPLY_TIMEOUT_S) -> list[str]:
        """Send one command and return the lines of its reply, without the closing `m-ready`.

        Raises DeadlineError when the reply is not complete within `timeout_s`, ProtocolError when
        it has bytes that are no text, or when the DUT has restarted.
        """
        self._send(text)
        deadline_s = time.monotonic() + timeout_s
        lines: list[str] = []
        while (line := self._line(deadline_s, f"'{text}%'", timeout_s, lines)) != "m-ready":
            lines.append(line)
            if line.startswith("e-[Hard fault"):
                raise ProtocolError(f"the firmware crashed during '{text}%': {line}")
            if line == "m-init-done" or line.startswith("m-timestamp-mode-"):
                raise ProtocolError(
                    f"the DUT restarted during '{text}%': its boot banner came instead of the "
                    "reply. Check its power supply and its watchdog"
                )
        return lines

    def _expect(self, text: str, wanted: list[str]) -> None:
        lines = self.command(text)
        if lines != wanted:
            shown = text if len(text) <= 24 else text[:24] + "..."
            raise ProtocolError(
                f"unexpected reply to '{shown}%': wanted {wanted or 'no line'}, "
                f"seen {_excerpt(lines)}"
            )

    def _profile(self) -> str:
        for line in self.command("profile"):
            if line.startswith("m-model-[") and line.endswith("]"):
                return line.removeprefix("m-model-[").removesuffix("]")
        raise ProtocolError("the reply to 'profile%' has no line m-model-[...]")

    def _caps(self) -> tuple[str, ...]:
        for line in self.command("caps"):
            if line.startswith("m-caps-[") and line.endswith("]"):
                return tuple(line.removeprefix("m-caps-[").removesuffix("]").split())
        return ()

    def _await_name(self, seen: list[str]) -> str:
        """Read until the answer to `name` is complete; lines of a boot banner may come first."""
        deadline_s = time.monotonic() + HANDSHAKE_TIMEOUT_S
        name: str | None = None
        while True:
            try:
                line = self._line(deadline_s, "'name%'", HANDSHAKE_TIMEOUT_S, seen)
            except ProtocolError as error:  # noise before the answer is no answer
                seen.append(str(error))
                continue
            seen.append(line)
            if line.startswith("m-name-dut-[") and line.endswith("]"):
                name = line.removeprefix("m-name-dut-[").removesuffix("]")
            elif line == "m-ready" and name is not None:
                return name

    def _drain(self) -> bytes:
        """Read until the line is quiet; return what came. Raises ProtocolError when it never is."""
        deadline_s = time.monotonic() + DRAIN_TIMEOUT_S
        old, self._pending = self._pending, b""
        while data := self._transport.read(QUIET_S):
            old += data
            if time.monotonic() > deadline_s:
                raise ProtocolError(
                    f"the line is never quiet: bytes came for {DRAIN_TIMEOUT_S:.0f} s without a "
                    "command. Is this the right port, at the right baud rate?"
                )
        return old

    def _send(self, text: str) -> None:
        self._transport.write(text.encode("ascii") + b"%")

    def _line(self, deadline_s: float, doing: str, timeout_s: float, seen: list[str]) -> str:
        """Return the next line without its end; the last three arguments are for the message."""
        while b"\n" not in self._pending:
            left_s = deadline_s - time.monotonic()
            data = self._transport.read(left_s) if left_s > 0 else b""
            if not data and time.monotonic() >= deadline_s:
                raise DeadlineError(
                    f"{doing}: no complete reply within {timeout_s:.1f} s; "
                    f"seen: {_excerpt(seen, self._pending)}"
                )
            self._pending += data
            if len(self._pending) > LINE_LIMIT_B and b"\n" not in self._pending:
                raise ProtocolError(f"{doing}: a line of over {LINE_LIMIT_B} bytes without an end")
        raw, _, self._pending = self._pending.partition(b"\n")
        line = raw.removesuffix(b"\r")
        if not line.isascii() or any(byte < 0x20 for byte in line):
            raise ProtocolError(
                f"{doing}: bytes that are no text in the line {line!r}. "
                "Check the cable, the ground and the baud rate"
            )
        return line.decode("ascii")


def parse_results(text: str) -> list[float]:
    """Return the numbers of a comma-separated results text.

    Raises ProtocolError for anything that is not a plain finite decimal number.
    """
    values = []
    for word in text.split(","):
        if not _NUMBER.fullmatch(word) or not math.isfinite(float(word)):
            raise ProtocolError(f"the results [{text}] have '{word}', which is no number")
        values.append(float(word))
    return values


def _results(line: str, command: str) -> str:
    """Return what stands between the brackets of `m-results-[...]`, after a look at each number."""
    if not (line.startswith("m-results-[") and line.endswith("]")):
        raise ProtocolError(f"'{command}%': expected m-results-[...], seen {line!r}")
    text = line.removeprefix("m-results-[").removesuffix("]")
    try:
        parse_results(text)
    except ProtocolError as error:
        raise ProtocolError(f"'{command}%': {error}") from None
    return text


def _excerpt(lines: list[str], pending: bytes = b"") -> str:
    """Return the last few lines, quoted, for a message."""
    shown = [repr(line) for line in lines[-6:]]
    if pending:
        shown.append("unfinished " + _shown(pending))
    return ", ".join(shown) if shown else "nothing"


def _shown(data: bytes) -> str:
    """Return the end of some bytes as text that is safe to print."""
    return data[-80:].decode("ascii", errors="backslashreplace")
