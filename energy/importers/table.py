"""Import a table of samples (CSV): the export of Nordic's Power Profiler (PPK2), ours, any other.

Columns are told by their names: time, current, voltage, power, energy (of a sample), each with its
unit (`Current(uA)`, `current_a`, `Voltage [mV]`). A column `edge` is 0 but in samples with an edge;
`D0`, `gpi[0]`, `trigger` and `D0-D7` are levels of digital inputs.
"""

import io
import itertools
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from tinybench.errors import TraceError
from tinybench.files import STREAM_MOST_B, open_regular

from ..trace import CHUNK, Edge, Gap, Trace, TraceHead, memory_trace
from .levels import Levels, choose

SCALES = {"": 1.0, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3, "k": 1e3}
KINDS = {"time": "s", "current": "A", "voltage": "V", "power": "W", "energy": "J"}
MAIN = ("current", "power", "energy")
"""What a sample may be; the first of them that is there counts."""
NAMES = {
    "time": ("timestamp", "time", "timer", "t"),
    "current": ("current", "i"),
    "voltage": ("voltage", "v", "u"),
    "power": ("power", "p"),
    "energy": ("energy", "e"),
}
UNIT = re.compile(r"^(.*?)[\s_(\[/]+([nuµμmk]?)([aswvj])[)\]]?\Z")
PINS = re.compile(
    r"^(d\d|gpio?\s*\[?\d?\]?|d0-d7|bits|digital.*|logic.*|trigger|sync|timing.*|pin\s*\d*)\Z"
)
EDGE = re.compile(r"^(edges?|events?|markers?)\Z")
GAP = 1.5
"""A step in time longer than so many samples is a gap."""


@dataclass(frozen=True)
class _Columns:
    """Indexes of what is there, and the scale to SI."""

    known: dict[str, tuple[int, float]]
    edge: int | None
    pins: dict[str, int]
    delimiter: str
    first_line: int
    """Lines before the first sample."""


def read_table(
    path: Path,
    *,
    voltage_v: float | None = None,
    rate_hz: float | None = None,
    channel: str | None = None,
) -> Trace:
    """Open a table; its samples go through a temporary file, not into memory.

    Raises TraceError with the line: no such columns, not a number, time that stands still;
    UsageError when several inputs change and `channel` names none.
    """
    try:
        with io.TextIOWrapper(
            open_regular(path, STREAM_MOST_B), encoding="utf-8-sig", errors="replace"
        ) as file:
            columns = _columns(path, file)
            return _read(path, file, columns, voltage_v, rate_hz, channel)
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error.strerror or error}") from error


def _columns(path: Path, file: IO[str]) -> _Columns:
    header, line_number = "", 0
    for line_number, line in enumerate(file, start=1):  # noqa: B007
        header = line.strip()
        if header and not header.startswith("#"):
            break
    delimiter = max(",;\t", key=header.count)
    names = [name.strip().strip('"').lower() for name in header.split(delimiter)]
    known: dict[str, tuple[int, float]] = {}
    edge, pins = None, {}
    for index, name in enumerate(names):
        unit = UNIT.match(name)
        plain = (unit[1] if unit else name).strip()
        for kind, symbol in KINDS.items():
            fits = not unit or unit[3] == symbol.lower()
            if fits and any(word in NAMES[kind] for word in re.split(r"[\s_]+", plain)):
                known.setdefault(kind, (index, SCALES[unit[2]] if unit else 1.0))
        if EDGE.match(name):
            edge = index
        elif PINS.match(name):
            pins[name] = index
    if not any(kind in known for kind in MAIN):
        raise TraceError(
            f"{path}: line {line_number} names no column of current, power or energy, such as "
            f"'time_s,current_a,voltage_v,edge' or 'Timestamp(ms),Current(uA),D0-D7'; found "
            f"'{header[:80]}'"
        )
    return _Columns(known, edge, pins, delimiter, line_number)


def _read(
    path: Path,
    file: IO[str],
    columns: _Columns,
    voltage_v: float | None,
    rate_hz: float | None,
    channel: str | None,
) -> Trace:
    known = columns.known
    kind = next(kind for kind in MAIN if kind in known)
    measured = kind == "current" and "voltage" in known and voltage_v is None
    clock = _Clock(path, rate_hz, timed="time" in known and rate_hz is None)
    levels: dict[str, Levels] = {}
    marked: list[int] = []
    with tempfile.TemporaryFile() as samples_file, tempfile.TemporaryFile() as voltage_file:
        for line, rows in _blocks(path, file, columns):
            times_s = rows[known["time"][0]] * known["time"][1] if "time" in known else None
            at = clock.indexes(line, len(rows[known[kind][0]]), times_s)
            _append(samples_file, at, clock, rows[known[kind][0]] * known[kind][1])
            if measured:
                _append(voltage_file, at, clock, rows[known["voltage"][0]] * known["voltage"][1])
            if columns.edge is not None:
                marked += at[rows[columns.edge] != 0].tolist()
            for name, index in columns.pins.items():
                for pin, level in _pins(name, rows[index]):
                    levels.setdefault(pin, Levels()).add(int(at[0]), _filled(at, level))
            clock.advance(at)
        if clock.count < 2:
            raise TraceError(f"{path}: {clock.count} samples are no trace")
        rate_hz = clock.rate_hz()
        samples = _mapped(samples_file, clock.count)
        voltages = _mapped(voltage_file, clock.count) if measured else None
    changes = {pin: len(found.indexes) for pin, found in levels.items()}
    edges = [Edge((at + 0.5) / rate_hz, None, 0.5 / rate_hz) for at in marked]
    if not edges and (pin := choose(changes, channel, str(path))):
        edges = list(levels[pin].edges(rate_hz, 0.5 / rate_hz, 0.5 / rate_hz))
    ppk2 = "d0-d7" in columns.pins or "bits" in columns.pins
    return memory_trace(
        TraceHead(
            rate_hz=rate_hz,
            unit=KINDS[kind],
            monitor="ppk2" if ppk2 else "",
            voltage_v=voltage_v,
            voltage_measured=measured,
            note="table",
        ),
        samples,
        voltages,
        edges=edges,
        gaps=clock.gaps,
        name=str(path),
    )


class _Clock:
    """Turns times into sample indexes: a step of more than one sample is a gap."""

    def __init__(self, path: Path, rate_hz: float | None, *, timed: bool) -> None:
        if not timed and rate_hz is None:
            raise TraceError(f"{path}: no column of time; give the rate, with --rate in Hz")
        self._path, self._given_hz, self._timed = path, rate_hz, timed
        self._step_s = 0.0
        self._last_s: float | None = None
        self._regular_s, self._regular = 0.0, 0
        self.count = 0
        self.gaps: list[Gap] = []

    def indexes(
        self, line: int, count: int, times_s: NDArray[np.float64] | None
    ) -> NDArray[np.int64]:
        """Return the sample indexes of `count` rows, the first of them from this line."""
        if times_s is None or not self._timed:
            return np.arange(self.count, self.count + count)
        steps_s = np.diff(times_s, prepend=times_s[0] if self._last_s is None else self._last_s)
        if self._last_s is None:
            steps_s = steps_s[1:]
        bad = np.flatnonzero(~(steps_s > 0))
        if len(bad):
            where = line + int(bad[0]) + (self._last_s is None)
            raise TraceError(f"{self._path}: line {where}: time stands still, or runs backwards")
        if not self._step_s and len(steps_s):
            self._step_s = float(np.median(steps_s))
        regular = steps_s[steps_s <= GAP * self._step_s]
        self._regular_s += float(regular.sum())
        self._regular += len(regular)
        ahead = np.maximum(np.rint(steps_s / self._step_s), 1).astype(np.int64)
        first = 0 if self._last_s is None else self.count - 1 + int(ahead[0])
        rest = ahead if self._last_s is None else ahead[1:]
        at = first + np.concatenate([[0], np.cumsum(rest)]).astype(np.int64)
        previous = np.concatenate([[at[0] if self._last_s is None else self.count - 1], at[:-1]])
        for place in np.flatnonzero(at - previous > 1):
            start = int(previous[place]) + 1
            self.gaps.append(Gap(start, int(at[place]) - start))
        self._last_s = float(times_s[-1])
        return at

    def advance(self, at: NDArray[np.int64]) -> None:
        """Note that the samples of these indexes are stored."""
        self.count = int(at[-1]) + 1

    def rate_hz(self) -> float:
        """Return the rate: as given, or over all steps that are no gap."""
        if self._given_hz is not None:
            return self._given_hz
        rate_hz = self._regular / self._regular_s
        return float(f"{rate_hz:.9g}")


def _blocks(
    path: Path, file: IO[str], columns: _Columns
) -> Iterator[tuple[int, dict[int, NDArray[np.float64]]]]:
    """Yield (number of the first line, {column: values}) of the columns that are known."""
    wanted = sorted({*(index for index, _ in columns.known.values()), *columns.pins.values()})
    if columns.edge is not None:
        wanted.append(columns.edge)
    line = columns.first_line + 1
    while lines := list(itertools.islice(file, CHUNK)):
        # Where columns are not parted by commas, a comma may be the decimal point.
        text = lines if columns.delimiter == "," else [row.replace(",", ".") for row in lines]
        try:
            rows = np.loadtxt(text, delimiter=columns.delimiter, ndmin=2, usecols=wanted)
        except ValueError as error:
            raise TraceError(f"{path}: after line {line}: {error}") from error
        if len(rows):
            yield line, dict(zip(wanted, rows.T, strict=True))
        line += len(lines)


def _pins(name: str, column: NDArray[np.float64]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield each input of a column with its levels: one, or eight as digits, the first leftmost."""
    if name not in ("d0-d7", "bits"):
        yield name, column != 0
        return
    digits = column.astype(np.int64)
    for place in range(8):
        yield f"d{place}", digits // 10 ** (7 - place) % 10 != 0


def _filled(at: NDArray[np.int64], level: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the level of every index from the first to the last; a gap keeps the one before."""
    if int(at[-1]) - int(at[0]) + 1 == len(at):
        return level
    return np.repeat(level, np.diff(at, append=at[-1] + 1))


def _append(
    file: IO[bytes], at: NDArray[np.int64], clock: _Clock, values: NDArray[np.float64]
) -> None:
    """Append values at their indexes; NaN where there is none."""
    filled = np.full(int(at[-1]) + 1 - clock.count, np.nan, np.float32)
    filled[at - clock.count] = values
    file.write(filled.tobytes())


def _mapped(file: IO[bytes], count: int) -> NDArray[np.float32]:
    file.flush()
    return np.memmap(file, np.float32, "r", shape=(count,))  # pyright: ignore[reportCallIssue, reportArgumentType]
