"""Edges of the timing pin in a file of a logic analyser, put on the clock of a trace.

Ref: Saleae Logic 2, CSV (a row for each change, X where nothing was sampled) and binary export,
versions 0 and 1; sigrok session (.sr), version 2, and its CSV; IEEE 1364, value change dump (.vcd).
"""

import csv
import math
import re
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import msgspec
import numpy as np

from tinybench.errors import TraceError
from tinybench.files import STREAM_MOST_B, ZIP_FAULTS, open_regular, open_zip, read_bytes

from ..segments import segmented
from ..trace import Edge, Trace
from .levels import HIGH, LOW, Levels, choose

EDGES_MAX = 100_000
CHANNELS_MAX = 64
LINE_MOST_B = 1 << 16
RAW_MOST_B = 2 << 30
METADATA_MOST_B = 1 << 20
PIECE_B = 1 << 20
DRIFT_PPM = 200.0
"""By how much two clocks differ at most, each of a quartz that keeps 100 ppm."""
UNITS_S = {"": 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12, "fs": 1e-15}
HERTZ = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}
SALEAE = b"<SALEAE>"
_RATE = re.compile(r"samplerate\s*[:=]\s*(\d{1,12}(?:\.\d{1,9})?)\s*([kMG]?)(?:Hz)?", re.IGNORECASE)
_TIME = re.compile(r"time(?:stamp)?\s*[\[(_ ]?\s*([munpf]?s)?[\])]?\Z", re.IGNORECASE)
_SCALE = re.compile(r"\$timescale\s+(1|10|100)\s*([munpf]?s)\s+\$end")
_VAR = re.compile(r"\$var\s+\w+\s+1\s+(\S{1,16})\s+(\S{1,100})(?:\s+\S+)?\s+\$end")


def with_edges(
    trace: Trace, path: Path, *, channel: str | None = None, first_at_s: float | None = None
) -> Trace:
    """Return the trace with the falling edges of another file, in their own distances.

    The first of them is the first edge of the trace, or the first rise of its current where it has
    none; or it was at `first_at_s`. Further from there, edges are less certain: two clocks drift
    apart. Raises TraceError for a file that is none, or without an edge; UsageError where several
    channels change and `channel` names none.
    """
    falls = read_edges(path, channel)
    if not falls:
        raise TraceError(f"{path}: no falling edge in it; name the timing pin's with --channel")
    if first_at_s is not None:
        first, how = Edge(first_at_s, None, 0.5 / trace.head.rate_hz), "as told"
    elif trace.edges:
        first, how = min(trace.edges, key=lambda edge: edge.time_s), "by the first edge of both"
    else:
        first, how = segmented(trace, cut=True).windows[0][0], "by the first rise of the current"
    edges = [
        Edge(
            first.time_s + fall.time_s - falls[0].time_s,
            False,
            first.uncertainty_s
            + fall.uncertainty_s
            + DRIFT_PPM * 1e-6 * (fall.time_s - falls[0].time_s),
        )
        for fall in falls
    ]
    note = f"edges of {path.name}, aligned {how}"
    head = msgspec.structs.replace(
        trace.head, note="; ".join(filter(None, (trace.head.note, note)))
    )
    return replace(trace, head=head, edges=edges)


def read_edges(path: Path, channel: str | None = None) -> list[Edge]:
    """Return the falling edges in a file, by its own clock. Raises as `with_edges`."""
    try:
        with open_regular(path, STREAM_MOST_B) as file:
            start = file.read(len(SALEAE))
        if start == SALEAE:
            changes = {"0": list(_saleae(path))}
        elif start.startswith(b"PK"):
            return _sigrok(path, channel)
        else:
            with open_regular(path, STREAM_MOST_B) as file:
                lines = iter(lambda: file.readline(LINE_MOST_B), b"")
                text = (line.decode("utf-8-sig", "replace") for line in lines)
                changes = _dump(path, text) if path.suffix == ".vcd" else _table(path, text)
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error.strerror or error}") from error
    counts = {name: len(found) for name, found in changes.items()}
    chosen = choose(counts, channel, str(path))
    if chosen is None:
        return []
    return [
        Edge((before + after) / 2, False, (after - before) / 2)
        for before, after, level in changes[chosen]
        if level == LOW
    ]


Change = tuple[float, float, int]
"""Not before, not after, and the level from then on."""


class _Changes:
    """Collects the changes of each channel. Raises TraceError for too many, or times that fall."""

    def __init__(self, path: Path, names: list[str]) -> None:
        self._path = path
        self.found: dict[str, list[Change]] = {name: [] for name in names}
        self._levels: dict[str, int | None] = {}
        self._last_s = -math.inf
        self.still = 0
        """Moments at which nothing changed."""

    def at(self, time_s: float, levels: dict[str, int | None]) -> None:
        """Take a moment and the levels from it on; None where nothing was sampled."""
        if not (math.isfinite(time_s) and time_s >= self._last_s):
            raise TraceError(f"{self._path}: time runs backwards at {time_s:g} s")
        changed = False
        for name, level in levels.items():
            before = self._levels.get(name)
            if level is not None and before is not None and level != before:
                changed = True
                self.found[name].append((self._last_s, time_s, level))
                if len(self.found[name]) > EDGES_MAX:
                    raise TraceError(
                        f"{self._path}: channel {name} changes more than {EDGES_MAX} times: it is "
                        "no timing pin's"
                    )
            self._levels[name] = level
        self.still += not changed
        self._last_s = time_s

    def exact(self) -> dict[str, list[Change]]:
        """Return the changes of a file that has a moment for each of them only."""
        return {
            name: [(after, after, level) for _, after, level in found]
            for name, found in self.found.items()
        }


def _table(path: Path, lines: Iterator[str]) -> dict[str, list[Change]]:
    """Read a CSV: a row for each change, or for each sample."""
    rate_hz: float | None = None
    header: list[str] = []
    for line in lines:
        text = line.strip()
        if text.startswith((";", "#")):
            rate_hz = _rate_hz(text) or rate_hz
        elif text:
            header = [cell.strip().strip('"') for cell in text.split(",")]
            break
    times = [(at, found) for at, name in enumerate(header) if (found := _TIME.match(name))]
    time_at = times[0][0] if times else None
    scale_s = UNITS_S[(times[0][1][1] or "").lower()] if times else 1 / (rate_hz or 1.0)
    names = {at: name or f"column {at + 1}" for at, name in enumerate(header) if at != time_at}
    if len(set(names.values())) < len(names):
        names = {at: f"{name} {at + 1}" for at, name in names.items()}
    if not names or len(names) > CHANNELS_MAX or (time_at is None and rate_hz is None):
        raise TraceError(
            f"{path}: no edges are in it: a table of levels begins with 'Time [s],Channel 0', or "
            "says its samplerate in a comment"
        )
    changes = _Changes(path, list(names.values()))
    for number, row in enumerate(_rows(path, lines)):
        try:
            time_s = (float(row[time_at]) if time_at is not None else number) * scale_s
            levels = {name: _level(row[at]) for at, name in names.items()}
        except (ValueError, IndexError):
            raise TraceError(
                f"{path}: row {number + 1} is no moment with its levels (0, 1 or X)"
            ) from None
        changes.at(time_s, levels)
    # The first row and the last one of a file of changes change nothing.
    return changes.found if changes.still > 2 else changes.exact()


def _rows(path: Path, lines: Iterator[str]) -> Iterator[list[str]]:
    try:
        for row in csv.reader(line.replace("\0", "") for line in lines):
            if row and not row[0].startswith((";", "#")):
                yield row
    except csv.Error as error:
        raise TraceError(f"{path}: {error}") from error


def _level(cell: str) -> int | None:
    cell = cell.strip()
    return None if cell in ("", "X", "x", "-") else {0.0: LOW, 1.0: HIGH}.get(float(cell), HIGH)


def _rate_hz(text: str) -> float | None:
    found = _RATE.search(text)
    return float(found[1]) * HERTZ[found[2].lower()] or None if found else None


def _dump(path: Path, lines: Iterator[str]) -> dict[str, list[Change]]:
    """Read a value change dump: names, then moments and what changed."""
    scale_s: float | None = None
    names: dict[str, str] = {}
    head = ""
    for line in lines:
        head = (head + " " + line.strip())[-LINE_MOST_B:]
        if found := _SCALE.search(head):
            scale_s = int(found[1]) * UNITS_S[found[2]]
        if found := _VAR.search(line):
            names[found[1]] = found[2]
        if "$enddefinitions" in line:
            break
    if scale_s is None or not names or len(names) > CHANNELS_MAX:
        raise TraceError(f"{path}: no value change dump: no $timescale, or no $var of one bit")
    changes = _Changes(path, list(names.values()))
    time_s = 0.0
    for line in lines:
        text = line.strip()
        if text.startswith("#"):
            if not re.fullmatch(r"#\d{1,30}", text):
                raise TraceError(f"{path}: '{text[:20]}' is no time")
            time_s = int(text[1:]) * scale_s
        elif text[1:] in names and text[0] in "01xXzZ":
            level = {"0": LOW, "1": HIGH}.get(text[0])
            changes.at(time_s, {names[text[1:]]: level})
    return changes.exact()


def _saleae(path: Path) -> Iterator[Change]:
    """Read the binary export of one channel."""
    raw = memoryview(read_bytes(path, 16 * 8 * EDGES_MAX))
    at = len(SALEAE)

    def take(form: str) -> tuple[float, ...]:
        nonlocal at
        try:
            found = struct.unpack_from(form, raw, at)
        except struct.error:
            raise TraceError(f"{path}: the Saleae export was cut short") from None
        at += struct.calcsize(form)
        return found

    version, kind = take("<ii")
    if version not in (0, 1) or kind:
        raise TraceError(
            f"{path}: a Saleae export of version {version:g} and type {kind:g}; versions 0 and 1 "
            "of digital data (type 0) are read"
        )
    (chunks,) = take("<Q") if version else (1,)
    last_s = -math.inf
    for _ in range(int(min(chunks, EDGES_MAX))):
        (level,) = take("<I")
        take("<ddd" if version else "<dd")
        (count,) = take("<Q")
        if count > EDGES_MAX:
            raise TraceError(f"{path}: {count:g} changes are no timing pin's")
        level = int(bool(level))
        for time_s in take(f"<{int(count)}d"):
            if not (math.isfinite(time_s) and time_s >= last_s):
                raise TraceError(f"{path}: time runs backwards at {time_s:g} s")
            last_s, level = time_s, 1 - level
            yield time_s, time_s, level


def _sigrok(path: Path, channel: str | None) -> list[Edge]:
    """Read a session of sigrok."""
    try:
        with open_zip(path) as archive:
            text = (
                _stored(path, archive, "metadata", METADATA_MOST_B)
                .read()
                .decode("utf-8", "replace")
            )
            rate_hz = _rate_hz(text)
            unit = re.search(r"^unitsize=([1-8])\s*$", text, re.MULTILINE)
            stem = re.search(r"^capturefile=([\w.-]{1,60})\s*$", text, re.MULTILINE)
            names = dict(re.findall(r"^probe(\d{1,2})=(.{1,100}?)\s*$", text, re.MULTILINE))
            probes = {int(at) - 1: name for at, name in names.items()}
            if rate_hz is None or unit is None or stem is None or not probes:
                raise TraceError(f"{path}: its metadata name no samplerate, unitsize or probes")
            size = int(unit[1])
            probes = {at: name for at, name in probes.items() if 0 <= at < 8 * size}
            levels = {name: Levels() for name in probes.values()}
            count = left_b = 0
            parts = [
                name
                for name in archive.namelist()
                if re.fullmatch(rf"{re.escape(stem[1])}(-\d{{1,9}})?", name)
            ]
            for part in sorted(parts, key=lambda name: (len(name), name)):
                with _stored(path, archive, part, RAW_MOST_B - left_b) as stored:
                    while piece := stored.read(PIECE_B * size):
                        left_b += len(piece)
                        octets = np.frombuffer(piece[: len(piece) // size * size], np.uint8)
                        rows = octets.reshape(-1, size)
                        for at, name in probes.items():
                            bits = rows[:, at // 8] >> (at % 8) & 1
                            levels[name].add(count, bits.astype(np.int8))
                            if levels[name].changes > EDGES_MAX:
                                raise TraceError(
                                    f"{path}: {name} changes too often for a timing pin"
                                )
                        count += len(rows)
    except ZIP_FAULTS as e:
        raise TraceError(f"{path}: no session of sigrok, or damaged: {e}") from e
    chosen = choose({name: found.changes for name, found in levels.items()}, channel, str(path))
    return list(levels[chosen].edges(rate_hz, 0.5 / rate_hz, 0.0)) if chosen else []


def _stored(path: Path, archive: zipfile.ZipFile, name: str, most_b: int) -> IO[bytes]:
    try:
        entry = archive.getinfo(name)
    except KeyError:
        raise TraceError(f"{path}: holds no {name}: no session of sigrok") from None
    if entry.file_size > most_b:
        raise TraceError(f"{path}: {name} is to have {entry.file_size} bytes, more than {most_b}")
    return archive.open(entry)
