"""Import what an LPM01A sent as text, as a terminal program logs it.

Ref: ST UM2269 Rev 6, data format 1 (ASCII); `event` is an edge of its input D7.
"""

import math
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tinybench.errors import TraceError
from tinybench.files import STREAM_MOST_B, open_regular

from ..accuracy import accuracy
from ..lpm01a_stream import AsciiDecoder
from ..trace import Chunk, Edge, Gap, Trace, TraceHead, memory_trace

LOOK_B = 1 << 16
PIECE_B = 1 << 20
STEPS = (1, 2, 5)
"""Rates of the instrument are these times a power of ten."""
STEP_FITS = 0.05
_SIGN = re.compile(rb"^\0*(TimeStamp:[ <>]*\d+s|\d{4}[+-]\d\d\0*\r?$|PowerShield >)", re.MULTILINE)
_FREQ = re.compile(rb"ack freq (\d+)(k?)")
_VOLT = re.compile(rb"ack volt get (\d{4})([+-]\d\d)")
_ENERGY = re.compile(rb"ack output energy")


def is_log(path: Path) -> bool:
    """Return whether a file begins as an LPM01A talks."""
    try:
        with open_regular(path, STREAM_MOST_B) as file:
            return _SIGN.search(file.read(LOOK_B)) is not None
    except OSError:
        return False


def read_log(path: Path, *, voltage_v: float | None = None, rate_hz: float | None = None) -> Trace:
    """Open a log; the rate is that of its `freq`, of its time stamps, or told.

    Raises TraceError: no samples, no rate, or what came is no stream of samples.
    """
    try:
        stamps, said = _stamps(path)
        rate_hz = rate_hz or _freq_hz(said) or _stamped_hz(stamps)
        if rate_hz is None:
            raise TraceError(f"{path}: nothing in it says the rate; give it, with --rate in Hz")
        start_s = stamps[0][1] - stamps[0][0] / rate_hz if stamps else 0.0
        decoder = AsciiDecoder(rate_hz, start_s)
        edges: list[Edge] = []
        gaps: list[Gap] = []
        count = 0
        with tempfile.TemporaryFile() as file:
            for chunk in _chunks(path, decoder):
                file.write(chunk.samples.astype(np.float32).tobytes())
                count += len(chunk.samples)
                edges += chunk.edges
                gaps += chunk.gaps
            if decoder.failure:
                raise TraceError(f"{path}: {decoder.failure}")
            if count < 2:
                raise TraceError(
                    f"{path}: {count} samples are no trace: record, or export, more of it"
                )
            file.flush()
            samples = np.memmap(file, np.float32, "r", shape=(count,))  # pyright: ignore[reportCallIssue, reportArgumentType]
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error.strerror or error}") from error
    measured = _VOLT.search(said)
    if voltage_v is None and measured is not None:
        voltage_v = int(measured[1]) * 10.0 ** int(measured[2])
    energy = _ENERGY.search(said) is not None
    head = TraceHead(
        rate_hz=rate_hz,
        unit="J" if energy else "A",
        monitor="lpm01a",
        voltage_v=voltage_v,
        accuracy=accuracy("lpm01a", code="dec4"),
        note="log of an LPM01A",
    )
    return memory_trace(head, samples, edges=edges, gaps=gaps, name=str(path))


def _chunks(path: Path, decoder: AsciiDecoder) -> Iterator[Chunk]:
    with open_regular(path, STREAM_MOST_B) as file:
        while not decoder.ended and (piece := file.read(PIECE_B)):
            decoder.feed(piece)
            if (chunk := decoder.take()) is not None:
                yield chunk
    if not decoder.ended:
        decoder.feed(b"\n")
    decoder.finish()
    if (chunk := decoder.take()) is not None:
        yield chunk


def _stamps(path: Path) -> tuple[list[tuple[int, float]], bytes]:
    """Return (samples before it, seconds) of the first and the last stamp, and all other words."""
    found: list[tuple[int, float]] = []
    said = b""
    count = 0
    with open_regular(path, STREAM_MOST_B) as file:
        while line := file.readline(AsciiDecoder.LINE_MAX_B):
            line = line.replace(b"\0", b"").strip()
            if AsciiDecoder.SAMPLE.fullmatch(line):
                count += 1
            elif stamp := AsciiDecoder.STAMP.fullmatch(line):
                found = [*found[:1], (count, int(stamp[1]) + int(stamp[2]) / 1000)]
            elif len(said) < LOOK_B:
                said += line + b"\n"
    return found, said


def _freq_hz(said: bytes) -> float | None:
    found = _FREQ.search(said)
    return int(found[1]) * (1e3 if found[2] else 1.0) or None if found else None


def _stamped_hz(stamps: list[tuple[int, float]]) -> float | None:
    """Return the rate of the instrument that fits the first and the last time stamp."""
    if len(stamps) < 2 or stamps[-1][1] <= stamps[0][1] or stamps[-1][0] <= stamps[0][0]:
        return None
    about_hz = (stamps[-1][0] - stamps[0][0]) / (stamps[-1][1] - stamps[0][1])
    power = math.floor(math.log10(about_hz))
    steps = [step * 10.0**at for step in STEPS for at in (power, power + 1)]
    nearest_hz = min(steps, key=lambda step_hz: abs(step_hz - about_hz))
    return nearest_hz if abs(nearest_hz / about_hz - 1) <= STEP_FITS else None
