"""What a simulated interface board plays from its card, and what it notes of the DUT's pins.

Time is the board's own, and passes while it plays: as fast as the DUT hears, not as fast as a
recording lasts. Ref: mlcommons/tiny, benchmark/interface (InterfaceMenu, DeviceUnderTest,
WaveSource, RawI2SWaveSink).
"""

import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tinybench.errors import UsageError
from tinybench.files import read_bytes

FAULTS = ("stall", "first pulse lost", "line lost", "line garbled", "line doubled")
"""The recording stands still for a second in its middle; the pulse at the beginning is not seen; of
what is printed, a line is missing, has a wrong character, or comes twice: the first time only."""
RATE_HZ = 16_000
FRAME = 512
RING = 1024
"""Samples in one half of the ring that is played: what is in the last ones is not heard."""
TICK_HZ = 100_001
"""Of the timer, by its crystal and its divider; 100 kHz are meant."""
TICKS_PER_MS = 100
APART_MS = 10
"""A detection within so long of the last one is dropped."""
DETECTIONS_MOST = 10_000
PERIODS_MOST = 100
PER_LINE = 8
STALL_S = 1.0
FILE_MOST_B = 256 << 20
"""Of a recording; the official one has 73 MiB."""
MASK = (1 << 32) - 1
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")


@dataclass(frozen=True)
class Pins:
    """What the DUT's pins do for a frame, in seconds after its last sample."""

    busy_s: Sequence[tuple[float, float]] = ()
    """From when to when the processing pin is high."""
    detected_s: Sequence[float] = ()
    """When the wake-word pin falls."""


class Ear(Protocol):
    """A DUT at the I2S wires."""

    def hear(self, samples: NDArray[np.int16], came_s: float) -> Pins:
        """Take 512 samples, the last of which came at `came_s` by the board's time."""
        ...


class Deaf:
    """No DUT, or one without these wires."""

    def hear(self, samples: NDArray[np.int16], came_s: float) -> Pins:  # noqa: ARG002
        """Do nothing."""
        return Pins()


@dataclass
class Studio:
    """A card with wav files, a DUT that hears them, and the lists of what its pins did.

    The audio clock is slow by `slow_ppm`, against the timer.
    """

    card: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    ear: Ear = field(default_factory=Deaf)
    slow_ppm: float = 0.0
    faults: frozenset[str] = frozenset()
    now_s: float = 0.0
    """Since the board was switched on."""
    detections_ms: list[int] = field(default_factory=list[int])
    starts: list[int] = field(default_factory=list[int])
    stops: list[int] = field(default_factory=list[int])
    """Ticks."""
    _zero_s: float = 0.0
    _shown: set[str] = field(default_factory=set[str])

    def record(self) -> None:
        """Set the timer to 0 and clear the lists."""
        self._zero_s = self.now_s
        self.detections_ms, self.starts, self.stops = [], [], []
        self._shown.clear()

    def play(self, name: str) -> Iterator[bool]:
        """Play a file, a frame a step; the last step yields whether there was one to play."""
        samples = _parsed(self.card.get(name, b""))
        if samples is None:
            yield False
            return
        halves = -(-len(samples) // RING)
        frames = max(0, halves - 2) * RING // FRAME
        began_s = self.now_s
        period_s = FRAME / RATE_HZ * (1 + self.slow_ppm * 1e-6)
        stalled_s = 0.0
        for frame in range(frames):
            stalled_s = STALL_S if "stall" in self.faults and frame >= frames // 2 else 0.0
            self.now_s = began_s + (frame + 1) * period_s + stalled_s
            heard = self.ear.hear(samples[FRAME * frame : FRAME * (frame + 1)], self.now_s)
            if frame == 0 and "first pulse lost" in self.faults:
                heard = Pins(heard.busy_s)
            self._note(heard)
            yield True
        self.now_s = began_s + len(samples) / FRAME * period_s + stalled_s
        yield True

    def detections(self) -> bytes:
        """Return what `print_detections` prints."""
        rows = [b"%d,\r\n" % at_ms for at_ms in self.detections_ms]
        return b"Detection Timestamps (ms)\r\n" + b"".join(self._spoilt("detections", rows))

    def duty(self) -> bytes:
        """Return what `print_dutycycle` prints: `m-ready` follows without a line of its own."""
        return (
            b"Duty cycle start times (s)\r\n" + _rows(self.starts) + b"\r\n"
            b"Duty cycle stop times (s)\r\n" + _rows(self.stops)
        )  # fmt: skip

    def _note(self, heard: Pins) -> None:
        for began_s, ended_s in heard.busy_s:
            if len(self.starts) < PERIODS_MOST:
                self.starts.append(self._ticks(began_s))
            if len(self.stops) < PERIODS_MOST:
                self.stops.append(self._ticks(ended_s))
        for fell_s in heard.detected_s:
            at_ms = self._ticks(fell_s) // TICKS_PER_MS
            last_ms = self.detections_ms[-1] if self.detections_ms else 0
            apart = last_ms < (at_ms - APART_MS) & MASK or last_ms > at_ms
            if apart and len(self.detections_ms) < DETECTIONS_MOST:
                self.detections_ms.append(at_ms)

    def _ticks(self, after_s: float) -> int:
        return int((self.now_s - self._zero_s + after_s) * TICK_HZ) & MASK

    def _spoilt(self, what: str, rows: list[bytes]) -> list[bytes]:
        fault = next((name for name in self.faults if name.startswith("line ")), None)
        if fault is None or what in self._shown or not rows:
            return rows
        self._shown.add(what)
        middle = len(rows) // 2
        row = rows[middle]
        said = {"line lost": [], "line garbled": [b"\xff" + row[1:]], "line doubled": [row, row]}
        return rows[:middle] + said[fault] + rows[middle + 1 :]


def read_card(folder: Path | None, boards: Collection[str]) -> dict[str, bytes]:
    """Return the wav files of a folder; what is in them is the interface board's affair.

    Raises UsageError when there is none, or one is too long, or none of `boards` plays them.
    """
    if folder is None:
        return {}
    if "interface-board" not in boards:
        raise UsageError("--card is for the interface-board, which plays what is on it")
    try:
        found = {path.name: read_bytes(path, FILE_MOST_B) for path in sorted(folder.glob("*.wav"))}
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror or error}") from error
    if not found:
        raise UsageError(f"{folder}: there are no wav files in it")
    return found


def _rows(ticks: Sequence[int]) -> bytes:
    """Return numbers, eight a line; the last line is open unless it is full."""
    said = b""
    for number, tick in enumerate(ticks, start=1):
        said += b"%d, " % tick
        if number % PER_LINE == 0:
            said += b"\r\n"
    return said


def _parsed(raw: bytes) -> NDArray[np.int16] | None:
    """Return the left channel of a file with the one header that the board reads; else None."""
    if len(raw) < _HEADER.size:
        return None
    riff, _, wave, fmt, fmt_b, kind, channels, rate_hz, _, _, bits, data, data_b = (
        _HEADER.unpack_from(raw)
    )
    found = (riff, wave, fmt, fmt_b, kind, channels, rate_hz, bits, data)
    if found != (b"RIFF", b"WAVE", b"fmt ", 16, 1, 2, RATE_HZ, 16, b"data"):
        return None
    whole_b = min(data_b, len(raw) - _HEADER.size) // 4 * 4
    return np.frombuffer(raw, "<i2", whole_b // 2, _HEADER.size)[::2]
