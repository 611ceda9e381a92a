"""Simulated interface boards of both kinds, in front of a DUT that is another transport.

They behave as the real ones do. Ref: mlcommons/tiny, benchmark/interface (InterfaceMenu,
DeviceUnderTest, Uart); of the legacy one, whose source is not public, the published logs of rounds
v0.5 to v1.1 and eembc/energyrunner, README.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

from tinybench.errors import TransportError
from tinybench.transport.transport import Transport

from .studio import Studio

FAULTS = ("no passthrough", "other confirmation", "digit lost", "silence", "banner")
QUEUE_B = 100
"""Characters of a command, or of the DUT, that it keeps; what is more is dropped, silently."""
RESET_S = 0.3
"""After `setbaud` it is deaf for so long."""
BANNER = b"m-timestamp-mode-energy\r\nm-init-done\r\nm-ready\r\n"
PREFIX = b"[dut]: "
READY = b"m-ready\r\n"
ERROR = b"Error playing file. Check that the file exists and is a 2-channel wav file.\n"
FRAMES_A_TURN = 50
"""Of a recording: the line is looked after between them."""
MICROS = 4
"""Resolution of an Arduino's `micros()`."""


class _Dut:
    """The line between a board and its DUT, byte by byte at its rate."""

    def __init__(self, dut: Transport, byte_s: float) -> None:
        self._dut = dut
        self._byte_s = byte_s
        self._due_s = 0.0
        self._coming = b""

    def send(self, command: bytes) -> None:
        with contextlib.suppress(TransportError):
            self._dut.write(command)

    def inject(self, data: bytes) -> None:
        """Let the DUT say something by itself."""
        self._coming += data

    def heard(self, now_s: float) -> bytes:
        """Return what has come up to now."""
        with contextlib.suppress(TransportError):
            self._coming += self._dut.read(0.0)
        if not self._byte_s:
            data, self._coming = self._coming, b""
            return data
        self._due_s = max(self._due_s, now_s - 1.0)
        count = min(len(self._coming), int((now_s - self._due_s) / self._byte_s))
        data, self._coming = self._coming[:count], self._coming[count:]
        self._due_s = self._due_s + count * self._byte_s if self._coming else now_s
        return data


class SimulatedInterfaceBoard:
    """The STM32H573I-DK; put it behind a `PseudoPort`. `byte_s` slows the line to the DUT down.

    It hears the DUT only after `dut`, up to the first line `m-ready`, and obeys nothing meanwhile.
    Else what the DUT says waits in a queue. `baud` is what its flash says, `dut_baud` the rate that
    the DUT has: unless they are equal nothing passes. `studio` is its card, and what it notes.
    """

    def __init__(
        self,
        dut: Transport,
        *,
        faults: frozenset[str] = frozenset(),
        byte_s: float = 0.0,
        baud: int = 9600,
        dut_baud: int = 9600,
        studio: Studio | None = None,
    ) -> None:
        self._dut = _Dut(dut, byte_s)
        self.studio = studio or Studio()
        self._playing: Iterator[bool] | None = None
        self._played = False
        self._faults = faults
        self.baud = baud
        self._dut_baud = dut_baud
        self._typed = b""
        self._queued = b""
        self._reading = False
        self._data = 0
        self._deaf_s = 0.0
        self.passed = 0
        """Commands passed on."""
        self.resets = 0
        """Times that `setbaud` has written its flash and reset it."""

    def hear(self, data: bytes) -> bytes:
        """Take bytes from the host; return the answers."""
        if time.monotonic() < self._deaf_s:
            return b""
        if self._reading or self._playing is not None:
            self._typed = (self._typed + data)[:QUEUE_B]
            return b""
        self._typed += data
        return self._obey_all()

    def speak(self, now_s: float, room_b: int) -> bytes:  # noqa: ARG002
        """Return what it passes on of what the DUT says."""
        data = self._dut.heard(now_s)
        if self.baud != self._dut_baud or now_s < self._deaf_s:
            return b""
        if not self._reading:
            self._queued = (self._queued + data)[:QUEUE_B]
            return self._play_on()
        self._queued += data
        return self._pass_on()

    def overflow(self) -> bytes:
        """Drop what the host does not read."""
        return b""

    def _obey_all(self) -> bytes:
        """Obey the commands that have come, up to one that has the DUT's reply to wait for."""
        out = b""
        while b"%" in self._typed and not self._reading and self._playing is None:
            command, _, self._typed = self._typed.partition(b"%")
            out += self._obey(command[:QUEUE_B])
        return out

    def _obey(self, command: bytes) -> bytes:
        """Ref: Menu::HandleCommand; an unknown command is only `m-ready`."""
        if "silence" in self._faults:
            return b""
        word, _, rest = command.partition(b" ")
        if word == b"dut" and "no passthrough" not in self._faults:
            return self._pass(rest) if rest else b""
        if word == b"setbaud" and rest.isdigit():
            self.baud, self.resets = int(rest), self.resets + 1
            self._deaf_s = time.monotonic() + RESET_S
            self._typed = self._queued = b""
        if word == b"play" and rest:
            self._playing = self.studio.play(rest.decode("latin-1"))
            return b"Attempting to play " + rest + b"\n"
        if command == b"record_detections":
            self.studio.record()
        said: dict[bytes, Callable[[], bytes] | bytes] = {
            b"record_detections": b"Now recording detections\r\n",
            b"print_detections": self.studio.detections,
            b"print_dutycycle": self.studio.duty,
            b"ls": b"".join(b"%s\r\n" % name.encode() for name in self.studio.card),
            b"play": b"",
            b"name": b"tinyML Enhanced Interface Board\r\n",
            b"checkbaud": b"baud is: %d\n" % self.baud,
            b"setbaud": b"set baud to: " + rest + b"\n",
            b"dut": b"",
        }
        if word not in said and any(command.startswith(name) for name in said):
            return b""  # what begins as a command does, and goes on, has no answer at all
        answer = said.get(word, b"")
        return (answer() if callable(answer) else answer) + READY

    def _pass(self, inner: bytes) -> bytes:
        data = inner.startswith(b"db ") and not inner.startswith(b"db load")
        self._data += data
        if "digit lost" in self._faults and data and self._data == 2:
            inner = inner[:-1]
        if "banner" in self._faults and data and self._data == 2:
            self._queued = (self._queued + BANNER)[:QUEUE_B]
        self.passed += 1
        if self.baud == self._dut_baud:
            self._dut.send(inner + b"%")
        self._reading = True
        shown = b"name" if "other confirmation" in self._faults else inner
        return b"m-dut-passthrough(" + shown + b")\r\n" + READY + self._pass_on()

    def _play_on(self) -> bytes:
        """Play some frames; at the end say how it went, and obey what was typed meanwhile."""
        if self._playing is None:
            return b""
        for _ in range(FRAMES_A_TURN):
            step = next(self._playing, None)
            if step is None:
                self._playing = None
                said = b"succeeded.\n" if self._played else ERROR
                return said + READY + self._obey_all()
            self._played = step
        return b""

    def _pass_on(self) -> bytes:
        """Return the DUT's lines up to `m-ready`. Ref: DeviceUnderTest::IndirectSendCommand.

        A line ends with the first CR that a LF follows, but for CR CR LF: see Uart::ReadUntil.
        """
        out = b""
        while self._reading and (end := _line_end(self._queued)) is not None:
            line, self._queued = self._queued[: end - 2], self._queued[end:]
            out += PREFIX + line + b"\r\n"
            self._reading = line != b"m-ready"
        if not self._reading:
            self._queued = self._queued[:QUEUE_B]
            out += self._obey_all()
        return out


class SimulatedIoManager:
    """The Arduino of EEMBC's runner: what the DUT says is passed on at once, line by line.

    After `enable-timer` it tells of each falling edge by itself; `falls` returns when the timing
    pin has fallen so far, in seconds.
    """

    def __init__(
        self,
        dut: Transport,
        *,
        byte_s: float = 0.0,
        falls: Callable[[], Sequence[float]] = tuple,
    ) -> None:
        self._dut = _Dut(dut, byte_s)
        self._falls = falls
        self._seen = 0
        self._typed = b""
        self._said = b""
        self._timer = False

    def hear(self, data: bytes) -> bytes:
        """Take bytes from the host; return the answers."""
        out = b""
        for octet in data:
            if octet != ord("%"):
                self._typed = (self._typed + bytes([octet]))[:QUEUE_B]
                continue
            command, self._typed = self._typed, b""
            out += self._obey(command) + READY
        return out

    def speak(self, now_s: float, room_b: int) -> bytes:  # noqa: ARG002
        """Return the DUT's lines, and the edges."""
        falls = self._falls()
        new, self._seen = falls[self._seen :], len(falls)
        out = b""
        if self._timer:
            out = b"".join(_lap(fall_s) for fall_s in new)
        self._said += self._dut.heard(now_s)
        while b"\n" in self._said:
            line, _, self._said = self._said.partition(b"\n")
            out += PREFIX + line.removesuffix(b"\r") + b"\r\n"
        return out

    def overflow(self) -> bytes:
        """Drop what the host does not read."""
        return b""

    def _obey(self, command: bytes) -> bytes:
        if command.startswith(b"dut "):
            inner = command.removeprefix(b"dut ")
            self._dut.send(inner + b"%")
            return b"m-dut-passthrough(" + inner + b")\r\n"
        if command.startswith(b"tm "):
            self._timer, falling = False, command == b"tm 0"
            shown = b"FALLING" if falling else b"CHANGE"
            return b"m-timestmp-mode-" + shown + b"\r\nm-[Timer disabled after mode change]\r\n"
        if command in (b"enable-timer", b"disable-timer"):
            self._timer = command == b"enable-timer"
            return b"m-timer-" + (b"enabled" if self._timer else b"disabled") + b"\r\n"
        own = {
            b"name": b"m-name-ioman-[simulated]\r\n",
            b"version": b"m-version-[1.0.3]\r\n",
            b"timestamp": _lap(time.monotonic()),
        }
        return own.get(command, b"e-[Unknown command: " + command + b"]\r\n")


def _lap(time_s: float) -> bytes:
    return b"m-lap-us-%d\r\n" % (int(time_s * 1e6) // MICROS * MICROS % (1 << 32))


def _line_end(data: bytes) -> int | None:
    """Return where the first line ends as `Uart::ReadUntil` sees it; None while none does."""
    matched = 0
    for index, octet in enumerate(data):
        if octet == b"\r\n"[matched]:
            matched += 1
            if matched == 2:
                return index + 1
        else:
            matched = 0
    return None
