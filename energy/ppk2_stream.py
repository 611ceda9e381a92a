"""Decodes the stream of a PPK2, and its calibration: bytes in any pieces to chunks."""

import math
import re
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tinybench.errors import MonitorError

from .monitor import WANTED
from .trace import Chunk, Edge, Gap

RATE_HZ = 100_000
RANGES = 5
ADC_STEP = 1.8 / 163840
COUNTER = 64
KEYS = ("R", "GS", "GI", "O", "S", "I", "UG")
UNCALIBRATED = {
    "R": (1031.64, 101.65, 10.15, 0.94, 0.043),
    "GS": (1.0,) * RANGES,
    "GI": (1.0,) * RANGES,
    "O": (0.0,) * RANGES,
    "S": (0.0,) * RANGES,
    "I": (0.0,) * RANGES,
    "UG": (1.0,) * RANGES,
}
"""What Nordic's application takes for a coefficient that the instrument does not know (nan)."""


@dataclass(frozen=True)
class Calibration:
    """Coefficients of the five ranges, by the names in the instrument's metadata."""

    values: dict[str, tuple[float, ...]]
    unknown: tuple[str, ...] = ()
    """Coefficients that the instrument itself says it does not have."""


def parse_metadata(text: str) -> tuple[Calibration, str]:
    """Return the calibration and the hardware number.

    Raises MonitorError when a coefficient is missing or cannot be.
    """
    found = {
        (match[1], int(match[2])): match[3]
        for match in re.finditer(r"^(R|GS|GI|O|S|I|UG)([0-4]): *(\S+)\s*$", text, re.MULTILINE)
    }
    unknown = []
    values: dict[str, tuple[float, ...]] = {}
    for key in KEYS:
        row = []
        for index in range(RANGES):
            word = found.get((key, index), "missing")
            if word.lstrip("-").lower() == "nan":
                unknown.append(f"{key}{index}")
                word = str(UNCALIBRATED[key][index])
            try:
                value = float(word)
            except ValueError:
                value = math.nan
            if not math.isfinite(value) or (key in ("R", "UG") and value <= 0):
                raise MonitorError(
                    f"the PPK2's calibration value {key}{index} is '{word}'; unplug it and plug "
                    "it in again, or calibrate it"
                )
            row.append(value)
        values[key] = tuple(row)
    hardware = re.search(r"^HW: *(\S+)", text, re.MULTILINE)
    return Calibration(values, tuple(unknown)), f"hardware {hardware[1]}" if hardware else ""


def current_table(calibration: Calibration, voltage_v: float) -> NDArray[np.float32]:
    """Return the current in A of every reading: 14 bits of ADC, then 3 of range; shape [2**17].

    Readings of a range that does not exist are NaN.
    """
    adc = 4.0 * np.arange(1 << 14)
    table = np.full((8, 1 << 14), np.nan)
    for index in range(RANGES):
        r, gs, gi, o, s, i, ug = (calibration.values[key][index] for key in KEYS)
        raw = (adc - o) * (ADC_STEP / r)
        table[index] = ug * (raw * (gs * raw + gi) + (s * voltage_v + i))
    return table.astype(np.float32).reshape(-1)


RUN = 8
"""Words with successive counters that make a place in the stream certain."""
LOOK_B = 8192
STRAY_MAX_B = 1 << 20
"""Bytes without such a run after which these are no samples."""


class Decoder:
    """Bytes of a PPK2's stream to chunks, in any pieces; never raises.

    A word is little-endian: ADC in bits 0-13, range in 14-16, a counter in 18-23 and the logic
    inputs in 24-31. Where the counter does not go on, the decoder looks for the next run of words
    where it does; what is between becomes NaN in a gap, its length by the counter.
    """

    def __init__(self, table: NDArray[np.float32], pin: int, edge: str = "falling") -> None:
        self._table = table
        self._wanted = WANTED[edge]
        self._pin = pin
        self._buffer = b""
        self._counter: int | None = None
        """Of the next word; None before the first."""
        self._lost = True
        self._level: int | None = None
        self._range: int | None = None
        """Of the word before the next one."""
        self.count = 0
        self.stray_b = 0

    def feed(self, data: bytes) -> list[Chunk]:
        """Decode the next bytes."""
        buffer = self._buffer + data if self._buffer else data
        at = 0
        chunks: list[Chunk] = []
        while True:
            if self._lost:
                found = self._find_run(buffer, at)
                if found is None:
                    keep = max(at, len(buffer) - 4 * RUN - 3)
                    self.stray_b += keep - at
                    at = keep
                    break
                chunks += self._skip(self.stray_b + found - at, _counter_at(buffer, found))
                at = found
                self._lost, self.stray_b = False, 0
            words = np.frombuffer(buffer, "<u4", (len(buffer) - at) // 4, at)
            good = self._good(words)
            self._lost = good < len(words)
            ready = good if self._lost else good - 1  # the last one waits for its neighbour
            if ready > 0:
                chunks.append(self._decode(words[:good], ready))
                at += 4 * ready
            if not self._lost:
                break
        self._buffer = buffer[at:]
        return chunks

    def finish(self) -> list[Chunk]:
        """Decode what waits for a neighbour; nothing comes after it."""
        words = np.frombuffer(self._buffer, "<u4", len(self._buffer) // 4)
        self._buffer = b""
        return [self._decode(words, len(words))] if len(words) and not self._lost else []

    def _good(self, words: NDArray[np.uint32]) -> int:
        """Return how many words follow each other by their counters."""
        counters = (words >> np.uint32(18)).astype(np.uint8) & np.uint8(COUNTER - 1)
        wanted = _ramp(len(words), self._counter or 0)
        wrong = counters != wanted
        return int(wrong.argmax()) if wrong.any() else len(words)

    def _decode(self, words: NDArray[np.uint32], ready: int) -> Chunk:
        """Return the samples of the first `ready` words."""
        start = self.count
        ranges = (words >> np.uint32(14)).astype(np.uint8) & np.uint8(7)
        islands = _islands(ranges, ready, self._range)
        self._range = int(ranges[ready - 1])
        words = words[:ready]
        samples = self._table[words & np.uint32(0x1FFFF)]
        self.count += len(words)
        self._counter = ((self._counter or 0) + len(words)) % COUNTER
        gaps = []
        samples[islands] = np.nan
        if np.isnan(samples.sum()):
            gaps = [Gap(start + int(index), 1) for index in np.flatnonzero(np.isnan(samples))]
        levels = (words >> np.uint32(24 + self._pin)).astype(np.uint8) & np.uint8(1)
        return Chunk(start, samples, None, self._edges(levels, start), tuple(gaps))

    def _edges(self, levels: NDArray[np.uint8], start: int) -> tuple[Edge, ...]:
        """Return where the pin changed: between the sample before and the one at the index."""
        changed = np.flatnonzero(levels[1:] != levels[:-1]) + 1
        indices = [int(index) for index in changed]
        if self._level is not None and levels[0] != self._level:
            indices = [0, *indices]
        self._level = int(levels[-1])
        half_s = 0.5 / RATE_HZ
        return tuple(
            Edge((start + index) / RATE_HZ - half_s, bool(levels[index]), half_s)
            for index in indices
            if levels[index] in self._wanted
        )

    def _skip(self, stray_b: int, counter: int) -> list[Chunk]:
        """Go on at a word with `counter` after `stray_b` bytes that were none; return the gap."""
        if self._counter is None:  # before the first sample there is nothing to lose
            self._counter = counter
            return []
        about = round(stray_b / 4)
        lost = about + (counter - self._counter - about + COUNTER // 2) % COUNTER - COUNTER // 2
        if lost < 0:
            lost += COUNTER
        if stray_b == 0:
            lost = (counter - self._counter) % COUNTER
        self._counter = counter
        if lost == 0:
            return []
        start = self.count
        self.count += lost
        samples = np.full(lost, np.nan, np.float32)
        return [Chunk(start, samples, None, (), (Gap(start, lost),))]

    def _find_run(self, buffer: bytes, at: int) -> int | None:
        """Return the first place at or after `at` where RUN words follow each other."""
        look = 4 * RUN
        while len(buffer) - at >= look:
            octets = np.frombuffer(buffer, np.uint8, min(LOOK_B, len(buffer) - at), at)
            counters = (octets[2:] >> 2) & np.uint8(COUNTER - 1)
            places = len(octets) - look + 1
            fits = np.ones(places, np.bool_)
            for step in range(1, RUN):
                later = counters[4 * step : 4 * step + places]
                fits &= later == ((counters[:places] + np.uint8(step)) & np.uint8(COUNTER - 1))
            if fits.any():
                return at + int(fits.argmax())
            at += places
        return None


def _counter_at(buffer: bytes, at: int) -> int:
    return buffer[at + 2] >> 2


def _ramp(count: int, first: int) -> NDArray[np.uint8]:
    """Return `count` successive counters."""
    turns = _turns(max(16, (first + count).bit_length()))
    return turns[first : first + count]


@cache
def _turns(bits: int) -> NDArray[np.uint8]:
    return (np.arange(1 << bits) % COUNTER).astype(np.uint8)


def _islands(ranges: NDArray[np.uint8], ready: int, before: int | None) -> NDArray[np.intp]:
    """Return which of the first `ready` words are two or more ranges away from both neighbours.

    A range holds for more than one sample; such a word was damaged on its way. `before` is the
    range of the word before the first one. A word that damage follows has one neighbour only.
    """
    first = int(ranges[0]) if before is None else before
    here = ranges[:ready].view(np.int8)
    left = np.concatenate((np.array([first], np.int8), here[:-1]))
    away = np.abs(here - left) >= 2
    if not away.any():
        return np.empty(0, np.intp)
    right = ranges[1 : ready + 1].view(np.int8)
    if len(right) < ready:
        right = np.append(right, left[-1])
    return np.flatnonzero(away & (np.abs(here - right) >= 2))
