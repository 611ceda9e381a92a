"""Reads the rows of a table in blocks: quickly where all are numbers, cell by cell where not."""

import csv
import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from tinybench.errors import TraceError
from tinybench.printable import one_line

from ..trace import CHUNK
from .header import EIGHT, Columns
from .levels import BOTH, HIGH, LOW, NONE, Codes

Numbers = NDArray[np.float64]
_DIGITS = re.compile(r"[01Xx-]{1,8}")
_STAMP = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)[T ](\d\d):?(\d\d):?(\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)?")
_CODES = {"0": LOW, "1": HIGH, "X": BOTH, "x": BOTH, "-": NONE, "": NONE}
MARKS = {ord("X"): "8", ord("-"): "9"}
DIGITS = np.array([LOW, HIGH, -1, -1, -1, -1, -1, -1, BOTH, NONE], np.int8)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Cells:
    """A block of rows."""

    path: str
    columns: Columns
    lines: list[int]
    """Line of each row."""
    numbers: dict[int, Numbers]
    """By column; NaN where a cell is empty."""
    codes: dict[int, Codes]
    """Of each column of inputs, shape [rows, 1 or 8]."""
    stamped: bool = False
    """Times are dates, in s since 1970."""
    epoch_s: float = field(default=0.0)

    def of(self, kind: str) -> Numbers:
        """Return a quantity in SI."""
        index, scale = self.columns.known[kind]
        return self.numbers[index] * scale

    def edge(self) -> NDArray[np.bool_]:
        """Return which samples have an edge. Raises TraceError for one that says nothing."""
        assert self.columns.edge is not None  # noqa: S101  asked for where it is
        values = self.numbers[self.columns.edge]
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise TraceError(
                f"{self.path}: line {self.lines[bad[0]]}: the column of edges holds no number: 0, "
                "or 1 in a sample with an edge"
            )
        return values != 0


def read_rows(path: str, lines: Iterator[str], columns: Columns) -> Iterator[Cells]:
    """Yield the rows in blocks. Raises TraceError with the line of a cell that is no number."""
    reader = _Reader(path, columns)
    number = columns.first_line + 1
    while block := list(itertools.islice(lines, CHUNK)):
        cells = reader.quickly(block, number) or reader.carefully(block, number)
        if cells.lines:
            yield cells
        number += len(block)


class _Reader:
    def __init__(self, path: str, columns: Columns) -> None:
        self._path, self._columns = path, columns
        self._numbers = [index for index, _ in columns.known.values()]
        if columns.edge is not None:
            self._numbers.append(columns.edge)
        self._time = columns.known.get("time", (None, 0.0))[0]
        self._base: datetime | None = None
        self._pins = columns.pins
        self._eight = [index for name, index in columns.pins.items() if name in EIGHT]

    def quickly(self, block: list[str], number: int) -> Cells | None:
        """Return the rows where every line is one of numbers; None where a cell is not."""
        # Where columns are not parted by commas, a comma may be the decimal point.
        delimiter = self._columns.delimiter
        wanted = sorted({*self._numbers, *self._pins.values()})
        text = block if delimiter == "," else [row.replace(",", ".") for row in block]
        if self._eight:
            text = _marked(text, delimiter) if self._eight == [wanted[-1]] else None
        if text is None or not block[0].strip():
            return None
        try:
            rows = np.loadtxt(
                text, delimiter=delimiter, ndmin=2, usecols=wanted, quotechar='"', comments=None
            )
        except ValueError:
            return None
        if len(rows) != len(block):
            return None
        found = dict(zip(wanted, rows.T, strict=True))
        codes = {
            index: _plain(found[index], eight=name in EIGHT) for name, index in self._pins.items()
        }
        if any(levels is None for levels in codes.values()):
            return None
        return Cells(
            self._path,
            self._columns,
            list(range(number, number + len(block))),
            {index: found[index] for index in self._numbers},
            {index: levels for index, levels in codes.items() if levels is not None},
        )

    def carefully(self, block: list[str], number: int) -> Cells:
        """Return the rows cell by cell."""
        lines: list[int] = []
        numbers: dict[int, list[float]] = {index: [] for index in self._numbers}
        codes: dict[int, list[list[int]]] = {index: [] for index in self._pins.values()}
        wide = {index: name in EIGHT for name, index in self._pins.items()}
        last = max([*numbers, *codes])
        delimiter = self._columns.delimiter
        for line, raw in enumerate(block, start=number):
            text = raw.strip("\r\n\0 ")
            if not text or text.startswith("#"):
                continue
            try:
                (row,) = csv.reader([text], delimiter=delimiter)
            except (csv.Error, ValueError) as error:
                raise TraceError(f"{self._path}: line {line}: {error}") from error
            if len(row) <= last:
                raise TraceError(
                    f"{self._path}: line {line} has {len(row)} columns, where {last + 1} belong: "
                    "the file was cut short, or this is no sample"
                )
            lines.append(line)
            for index, values in numbers.items():
                values.append(self._number(row[index].strip(), line, index))
            for index, found in codes.items():
                found.append(self._levels(row[index].strip(), line, eight=wide[index]))
        return Cells(
            self._path,
            self._columns,
            lines,
            {index: np.array(values, np.float64) for index, values in numbers.items()},
            {
                index: np.array(found, np.int8).reshape(len(lines), -1)
                for index, found in codes.items()
            },
            self._base is not None,
            0.0 if self._base is None else (self._base - EPOCH).total_seconds(),
        )

    def _number(self, cell: str, line: int, index: int) -> float:
        if not cell:
            return math.nan
        if index == self._time and (stamp := _STAMP.fullmatch(cell)):
            return self._since(stamp, line)
        text = cell if self._columns.delimiter == "," else cell.replace(",", ".")
        try:
            if "_" not in text:
                return float(text)
        except ValueError:
            pass
        raise TraceError(
            f"{self._path}: line {line}: column {index + 1} holds no number: "
            f"'{one_line(cell[:40])}'"
        )

    def _since(self, stamp: re.Match[str], line: int) -> float:
        """Return a date in s since the first one's second."""
        zone = stamp[8] or "Z"
        try:
            at = datetime(*(int(part) for part in stamp.groups()[:6]), tzinfo=UTC)  # type: ignore[arg-type]
            if zone != "Z":
                hours, minutes = int(zone[:3]), int(zone[-2:])
                at -= timedelta(hours=hours, minutes=minutes if hours >= 0 else -minutes)
        except (ValueError, OverflowError) as error:
            raise TraceError(f"{self._path}: line {line}: no date: {error}") from error
        if self._base is None:
            self._base = at
        scale = self._columns.known["time"][1]
        return ((at - self._base).total_seconds() + float(stamp[7] or 0.0)) / scale

    def _levels(self, cell: str, line: int, *, eight: bool) -> list[int]:
        if eight and _DIGITS.fullmatch(cell):
            return [_CODES[digit] for digit in cell.rjust(8, "0")]
        if not eight and cell in _CODES:
            return [_CODES[cell]]
        try:
            if not eight and math.isfinite(value := float(cell.replace(",", "."))):
                return [HIGH if value else LOW]
        except ValueError:
            pass
        raise TraceError(
            f"{self._path}: line {line}: '{one_line(cell[:40])}' is no level: 0, 1, X (both "
            "within the sample) or - (not sampled)"
        )


def _plain(column: Numbers, *, eight: bool) -> Codes | None:
    """Return the levels of a column of numbers, shape [n, 1 or 8]; None where some are none."""
    if not (np.isfinite(column) & (column >= 0) & (column < 1e8)).all():
        return None
    if not eight:
        return (column != 0).astype(np.int8)[:, None]
    codes = DIGITS[column.astype(np.int64)[:, None] // 10 ** np.arange(7, -1, -1) % 10]
    return codes if (codes >= 0).all() and (column == np.floor(column)).all() else None


def _marked(block: list[str], delimiter: str) -> list[str] | None:
    """Return lines of numbers, in whose last column 8 stands for X and 9 for -; None for others."""
    parts = [row.rpartition(delimiter) for row in block]
    last = "".join(part[2] for part in parts)
    if "8" in last or "9" in last:
        return None
    if "X" not in last and "-" not in last:
        return block
    return [f"{head}{delimiter}{tail.translate(MARKS)}" for head, _, tail in parts]
