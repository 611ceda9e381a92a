"""Import a table of samples (CSV): the export of Nordic's Power Profiler (PPK2), the Joulescope UI,
ours, any other.

Columns are told by their names: time, current, voltage, power, energy (of a sample). A column
`edge` is 0 but in samples with an edge; `D0`, `gpi[0]`, `trigger` and `D0-D7` are levels of digital
inputs, of which X is both within the sample, and - not sampled.
"""

import io
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec
import numpy as np
from numpy.typing import NDArray

from tinybench.errors import TraceError
from tinybench.files import STREAM_MOST_B, open_regular

from ..trace import Edge, Gap, Infer, Trace, TraceHead, memory_trace
from .header import EIGHT, KINDS, LINE_MAX, MAIN, Columns, read_header, told_columns
from .levels import Codes, Levels, choose_sampled
from .rows import Cells, read_rows
from .times import Times

ROW_MAX = 4096
"""Length of a line with a sample at most."""
POWER_FITS = 0.05
"""Share that a column of power may differ by from current times voltage, over the whole table."""
SUM_ROWS, SUM_SHARE = 10, 0.5
"""An energy that never falls, and rises at this share of so many rows, is a running sum."""
VOLTAGES_V = (0.3, 60.0)
CURRENT_MAX_A = 20.0
"""What the supply of a microcontroller is; anything else is in another unit than it says."""


def read_table(
    path: Path,
    *,
    voltage_v: float | None = None,
    rate_hz: float | None = None,
    channel: str | None = None,
    columns: str | None = None,
) -> Trace:
    """Open a table; its samples go through temporary files, not into memory.

    `columns` names them where the file does not, or wrongly. Raises TraceError with the line: no
    such columns, no unit, not a number, time that stands still or is uneven; UsageError when
    several inputs change and `channel` names none.
    """
    told = None if columns is None else told_columns(columns)
    try:
        encoding = _encoding(path)
        with io.TextIOWrapper(
            open_regular(path, STREAM_MOST_B), encoding=encoding, errors="replace"
        ) as file:
            try:
                header = iter(lambda: file.readline(LINE_MAX), "")
                found, first = read_header(str(path), header, told)
            except TraceError as error:
                if file.readline(LINE_MAX):
                    raise
                raise TraceError(f"{error}; the file ends there, without a sample") from None
            rows = iter(lambda: file.readline(ROW_MAX), "")
            lines = itertools.chain([first] if first else [], rows)
            with (
                tempfile.TemporaryFile() as times,
                tempfile.TemporaryFile() as samples,
                tempfile.TemporaryFile() as volts,
            ):
                files = (_Stored(times, np.float64), _Stored(samples), _Stored(volts))
                return _read(path, lines, found, files, voltage_v, rate_hz, channel)
    except (OSError, UnicodeError) as error:
        raise TraceError(f"{path}: cannot be read: {error}") from error


def _encoding(path: Path) -> str:
    with open_regular(path, STREAM_MOST_B) as file:
        mark = file.read(2)
    return "utf-16" if mark in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


class _Stored:
    """Values of one column, a row each, in a temporary file."""

    def __init__(self, file: IO[bytes], kind: type[np.floating] = np.float32) -> None:
        self._file = file
        self._kind = kind
        self.count = 0

    def add(self, values: NDArray[np.float64]) -> None:
        self._file.write(values.astype(self._kind).tobytes())
        self.count += len(values)

    def mapped(self) -> NDArray[np.floating]:
        """Return all values, shape [count]; never an empty file."""
        self._file.flush()
        return np.memmap(self._file, self._kind, "r", shape=(self.count,))  # pyright: ignore[reportCallIssue, reportArgumentType]


def _read(
    path: Path,
    lines: Iterator[str],
    columns: Columns,
    files: tuple[_Stored, _Stored, _Stored],
    voltage_v: float | None,
    rate_hz: float | None,
    channel: str | None,
) -> Trace:
    known = columns.known
    kind = next(kind for kind in MAIN if kind in known)
    measured = kind == "current" and "voltage" in known and voltage_v is None
    times = Times(str(path), rate_hz, timed="time" in known)
    seconds, samples, volts = files
    levels: dict[str, Levels] = {}
    marked: list[int] = []
    lost: list[tuple[int, int]] = []
    check = _Plausible(str(path), columns)
    for cells in read_rows(str(path), lines, columns):
        check.add(cells)
        if "time" in known:
            seconds.add(times.checked(cells))
        if measured:
            volts.add(cells.of("voltage"))
        if columns.edge is not None:
            marked += (samples.count + np.flatnonzero(cells.edge())).tolist()
        for name, index in columns.pins.items():
            for pin, codes in _pins(name, cells.codes[index]):
                levels.setdefault(pin, Levels()).add(samples.count, codes)
        values = cells.of(kind)
        lost += _runs(samples.count, ~np.isfinite(values))
        samples.add(values)
    if samples.count < 2:
        raise TraceError(
            f"{path}: {samples.count} samples are no trace: record, or export, more of it"
        )
    check.done()
    own = columns.own
    grid = times.grid(seconds.mapped() if "time" in known else None, samples.count)
    rate_hz = own.head.rate_hz if own and grid.is_rate(own.head.rate_hz) else grid.rate_hz
    edges = [
        Edge((grid.index(row) + 0.5) / rate_hz, None, 0.5 / rate_hz + grid.doubt_s)
        for row in marked
    ]
    if not edges and (pin := choose_sampled(levels, channel, str(path))):
        edges = [
            Edge(
                (grid.index(fall.before) + grid.index(fall.after) + 1) / 2 / rate_hz,
                False,
                (grid.index(fall.after) - grid.index(fall.before) + 1) / 2 / rate_hz + grid.doubt_s,
                grid.index(fall.after) / rate_hz,
            )
            for fall in levels[pin].falls()
        ]
    head = TraceHead(
        rate_hz=rate_hz,
        unit=KINDS[kind],
        start=times.start,
        monitor=columns.program,
        voltage_v=voltage_v,
        voltage_measured=measured,
        note=" ".join(filter(None, ("table", columns.program))),
    )
    infers: list[Infer] = []
    if own and own.head.voltage_measured == measured and _same_unit(own.head.unit, kind):
        head = msgspec.structs.replace(
            own.head,
            rate_hz=rate_hz,
            unit=KINDS[kind],
            voltage_v=own.head.voltage_v if voltage_v is None else voltage_v,
        )
        infers = own.infers
    voltages = grid.filled(volts.mapped()) if measured else None
    return memory_trace(
        head,
        grid.filled(samples.mapped()),
        voltages,
        edges=edges,
        gaps=sorted(
            [*grid.gaps, *(Gap(grid.index(row), count) for row, count in lost)],
            key=lambda gap: gap.start_index,
        ),
        infers=infers,
        name=str(path),
    )


def _runs(start: int, missing: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return (first row, rows) of each run of rows without a sample."""
    if not missing.any():
        return []
    bounds = np.flatnonzero(np.diff(missing, prepend=False, append=False))
    return [
        (start + int(first), int(last - first))
        for first, last in zip(bounds[::2], bounds[1::2], strict=True)
    ]


def _same_unit(unit: str, kind: str) -> bool:
    return {"A": "current", "W": "power", "J": "energy", "uJ": "energy"}.get(unit) == kind


class _Plausible:
    """Holds columns against each other, and against what a microcontroller takes."""

    def __init__(self, path: str, columns: Columns) -> None:
        self._path, self._known = path, columns.known
        self._three = all(kind in columns.known for kind in ("current", "voltage", "power"))
        self._product_w = self._power_w = self._differ_w = 0.0
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        self._sum = "energy" in columns.known and not {"current", "power"} & set(columns.known)
        """Whether an energy makes the samples: then it is one a sample, and no running sum."""
        self._last_j, self._steps, self._rising = -float("inf"), 0, 0

    def add(self, cells: Cells) -> None:
        for kind in ("current", "voltage"):
            if kind in self._known:
                values = cells.of(kind)
                values = values[np.isfinite(values)]
                self._sums[kind] = self._sums.get(kind, 0.0) + float(np.abs(values).sum())
                self._counts[kind] = self._counts.get(kind, 0) + len(values)
        if self._sum:
            values = cells.of("energy")
            steps = np.diff(values[np.isfinite(values)], prepend=self._last_j)
            self._steps += len(steps)
            self._rising += int((steps > 0).sum())
            self._sum = not (steps < 0).any()
            self._last_j = float(np.nanmax(np.append(values, self._last_j)))
        if self._three:
            product_w, power_w = cells.of("current") * cells.of("voltage"), cells.of("power")
            there = np.isfinite(product_w) & np.isfinite(power_w)
            self._differ_w += float(np.abs(product_w - power_w)[there].sum())
            self._product_w += float(np.abs(product_w)[there].sum())
            self._power_w += float(np.abs(power_w)[there].sum())

    def done(self) -> None:
        """Raise TraceError for what cannot be."""
        if self._differ_w > POWER_FITS * max(self._product_w, self._power_w):
            raise TraceError(
                f"{self._path}: its power is not its current times its voltage: a column is in "
                "another unit than it says; name them with --columns"
            )
        if self._sum and self._steps >= SUM_ROWS and self._rising > SUM_SHARE * self._steps:
            raise TraceError(
                f"{self._path}: its energy only ever rises: it is a running sum, not the energy of "
                "each sample; export current and voltage, or power"
            )
        low_v, high_v = VOLTAGES_V
        mean = {kind: self._sums[kind] / n for kind, n in self._counts.items() if n}
        if "voltage" in mean and not low_v <= mean["voltage"] <= high_v:
            said = f"a supply of {mean['voltage']:g} V"
        elif mean.get("current", 0.0) > CURRENT_MAX_A:
            said = f"a current of {mean['current']:g} A"
        else:
            return
        raise TraceError(
            f"{self._path}: {said} is none of a microcontroller: the column is in another unit "
            "than it says; name it with --columns"
        )


def _pins(name: str, codes: Codes) -> Iterator[tuple[str, Codes]]:
    """Yield each input of a column with its levels, shape [n]: one, or eight."""
    if name not in EIGHT:
        yield name, codes[:, 0]
        return
    for place in range(8):
        yield f"d{place}", codes[:, place]
