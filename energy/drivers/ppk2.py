"""Nordic Power Profiler Kit II, as the source of the DUT's supply.

    driver = "ppk2"
    voltage_v = 3.0
    pin = 0            # logic input D0..D7 that the timing pin is wired to

Samples are taken as the ADC gave them: the smoothing that Nordic's application applies after a
change of range is not applied, for it moves energy in time.
"""

import contextlib
import math
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ...runner.errors import DeadlineError, MonitorError, TinybenchError, UsageError
from ..line import SerialLine
from ..monitor import WANTED, Found, MonitorSpec, choose
from ..pace import SETTLE_S, Pace
from ..trace import Accuracy, Chunk, Edge, Gap, TraceHead
from ..usb import ports

USB = (0x1915, 0xC00A)
BAUD = 115200
RATE_HZ = 100_000
QUIET_S = 0.3
METADATA_S = 5.0
VOLTAGE_MV = (800, 5000)
CURRENT_MAX_A = 1.0

START = b"\x06"
STOP = b"\x07"
POWER = b"\x0c"
REGULATOR = b"\x0d"
MODE_SOURCE = b"\x11\x02"
METADATA = b"\x19"

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


def open(spec: MonitorSpec) -> "Ppk2":  # noqa: A001 - the name every driver has
    """Open a PPK2; see `open_monitor`."""
    if spec.rate_hz not in (None, RATE_HZ):
        raise UsageError(
            f"rate_hz = {spec.rate_hz:g}: a PPK2 always takes {RATE_HZ} samples a second"
        )
    if not VOLTAGE_MV[0] <= round(spec.voltage_v * 1000) <= VOLTAGE_MV[1]:
        raise UsageError(f"voltage_v = {spec.voltage_v}: a PPK2 supplies 0.8 to 5.0 V")
    if not 0 <= spec.pin <= 7:
        raise UsageError(f"pin = {spec.pin}: a PPK2 has the logic inputs 0 to 7")
    port, serial = spec.port, ""
    if port is None:
        found = choose(attached(), spec)
        port, serial = found.port, found.serial
    monitor = Ppk2(SerialLine(port, BAUD), spec, serial)
    try:
        monitor.set_up()
    except BaseException:
        monitor.close()
        raise
    return monitor


def attached() -> list[Found]:
    """Return the PPK2 that are plugged in; each shows one port or two, the first one measures."""
    by_serial = {port.serial: port.device for port in reversed(ports(*USB))}
    return [Found("ppk2", "PPK2", serial, device) for serial, device in sorted(by_serial.items())]


class Ppk2:
    """An open PPK2; made by `open`."""

    def __init__(self, line: SerialLine, spec: MonitorSpec, serial: str) -> None:
        self._line = line
        self._spec = spec
        self._serial = serial
        self._calibration = Calibration(UNCALIBRATED)
        self._firmware = ""
        self._stopping = threading.Event()
        self._closed = False

    @property
    def head(self) -> TraceHead:
        """What it is, and how it samples as now set."""
        unknown = ", ".join(self._calibration.unknown)
        return TraceHead(
            rate_hz=float(RATE_HZ),
            unit="A",
            monitor="PPK2",
            serial=self._serial,
            firmware=self._firmware,
            voltage_v=self._spec.voltage_v,
            range_max=CURRENT_MAX_A,
            accuracy=Accuracy(gain=0.10, voltage=0.03, quantisation=0.005),
            marks=self._spec.marks,
            note=f"uncalibrated: {unknown}" if unknown else "",
        )

    def set_up(self) -> None:
        """Stop what runs, read the calibration, switch the supply off, set the voltage."""
        self._line.write(STOP)
        self._line.drain(QUIET_S, METADATA_S)
        self._line.write(METADATA)
        self._calibration, self._firmware = parse_metadata(self._read_metadata())
        self.power_off()
        millivolts = round(self._spec.voltage_v * 1000)
        self._line.write(MODE_SOURCE)
        self._line.write(REGULATOR + millivolts.to_bytes(2, "big"))

    def power_on(self) -> None:
        """Supply the DUT."""
        self._line.write(POWER + b"\x01")

    def power_off(self) -> None:
        """Take the supply from the DUT."""
        self._line.write(POWER + b"\x00")

    def read_voltage(self) -> float | None:
        """Return None: a PPK2 does not measure its voltage."""
        return None

    def start(self) -> None:
        """Start to sample; sample 0 comes next."""
        self._stopping.clear()
        self._line.drain(QUIET_S, METADATA_S)
        self._line.write(START)

    def chunks(self, silent_s: float = 3.0) -> Iterator[Chunk]:
        """Yield what is sampled; see `Monitor.chunks`."""
        table = current_table(self._calibration, self._spec.voltage_v)
        decoder = Decoder(table, self._spec.pin, self._spec.edge)
        pace = Pace(RATE_HZ)
        heard_s = now_s = time.monotonic()
        stop_s: float | None = None
        stop_sent = False
        while True:
            if self._stopping.is_set() and stop_s is None:
                stop_s = now_s + SETTLE_S
            if stop_s is not None and now_s >= stop_s and not stop_sent:
                self._line.write(STOP)
                stop_sent = True
            data = self._line.read(0.05)
            now_s = time.monotonic()
            if data:
                heard_s = now_s
                yield from decoder.feed(data)
                if not stop_sent and pace.lost(decoder.count, now_s, drained=len(data) < 4096):
                    yield Chunk(
                        decoder.count,
                        np.empty(0, np.float32),
                        gaps=(Gap(pace.doubtful_from, decoder.count - pace.doubtful_from),),
                    )
            elif stop_sent and now_s > heard_s + QUIET_S:
                yield from decoder.finish()
                return
            elif now_s > heard_s + silent_s:
                raise DeadlineError(
                    f"the PPK2 at {self._line.port} sends nothing for {silent_s:.0f} s; is it "
                    "still plugged in?"
                )
            if decoder.stray_b > STRAY_MAX_B:
                raise MonitorError(
                    f"the PPK2 at {self._line.port} sends what are no samples; unplug it and plug "
                    "it in again"
                )

    def stop(self) -> None:
        """Ask `chunks` to end."""
        self._stopping.set()

    def close(self) -> None:
        """Stop, switch the supply off and let go."""
        if self._closed:
            return
        self._closed = True
        for command in (STOP, POWER + b"\x00"):
            with contextlib.suppress(TinybenchError):
                self._line.write(command)
        self._line.close()

    def _read_metadata(self) -> str:
        end_s = time.monotonic() + METADATA_S
        heard = b""
        while b"END" not in heard:
            if time.monotonic() > end_s:
                raise DeadlineError(
                    f"{self._line.port} does not send its metadata within {METADATA_S:.0f} s"
                    + (f"; it sent {heard[-60:]!r}" if heard else "")
                    + ". Is a PPK2 there, and this its first port? Unplug it and plug it in again"
                )
            heard += self._line.read(0.1)
        return heard.decode("latin-1")


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
