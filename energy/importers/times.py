"""The times of a table's rows: on a grid of equal steps, with gaps, or refused as uneven."""

import tempfile
from bisect import bisect_right
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from tinybench.errors import TraceError

from ..trace import CHUNK, Floats, Gap
from .rows import EPOCH, Cells

GAP = 1.5
"""A step in time longer than so many samples is a gap."""
GAPS_MAX = 100_000
LOST_MAX = 10_000_000
LOST_SHARE = 10
"""Samples that gaps may make up, and a share of those that are there; more is no recording."""
EVEN = 0.75
"""How far a sample may be off the grid, in samples: a time that was rounded, a gap of a part."""
ROUNDED_SHARE = 0.05
"""Share of steps that are long from which on times may be rounded to a coarse step."""
STEP_ODD = 0.25
"""A step that differs by this share from the usual one is named where times are uneven."""
RATE_FITS = 0.01
"""Share by which a rate that is told may differ from that of the times."""

Numbers = NDArray[np.floating]


@dataclass(frozen=True)
class Grid:
    """Where the rows lie among samples of equal distance."""

    rate_hz: float
    count: int
    gaps: list[Gap]
    after: list[int]
    """First row after each gap."""
    doubt_s: float = 0.0
    """How far a row lies off its place at most."""

    def is_rate(self, rate_hz: float) -> bool:
        """Return whether the rate is this, but for rounded times."""
        return abs(rate_hz / self.rate_hz - 1) * self.count < EVEN

    def index(self, row: int) -> int:
        """Return the sample that a row is."""
        place = bisect_right(self.after, row)
        if not place:
            return row
        gap = self.gaps[place - 1]
        return gap.start_index + gap.count + row - self.after[place - 1]

    def filled(self, rows: Numbers) -> Floats:
        """Return the samples, shape [count], with NaN in the gaps."""
        if not self.gaps:
            return rows
        lost = [gap.count for gap in self.gaps]
        with tempfile.TemporaryFile() as file:
            done = 0
            for row, missing in zip([*self.after, len(rows)], [*lost, 0], strict=True):
                for first in range(done, row, CHUNK):
                    file.write(rows[first : min(first + CHUNK, row)].astype(np.float32).tobytes())
                for first in range(0, missing, CHUNK):
                    file.write(np.full(min(CHUNK, missing - first), np.nan, np.float32).tobytes())
                done = row
            file.flush()
            return np.memmap(file, np.float32, "r", shape=(self.count,))  # pyright: ignore[reportCallIssue, reportArgumentType]


class Times:
    """Checks times as they come, and lays them on a grid when all are there."""

    def __init__(self, path: str, rate_hz: float | None, *, timed: bool) -> None:
        if not timed and rate_hz is None:
            raise TraceError(f"{path}: no column of time; give the rate, with --rate in Hz")
        self._path, self._given_hz = path, rate_hz
        self._last_s: float | None = None
        self._lines: list[tuple[int, int]] = []
        """(row, line) wherever a row is not on the line after the last one's."""
        self._rows = 0
        self.start = ""
        """ISO 8601 in UTC, where times are dates."""

    def checked(self, cells: Cells) -> NDArray[np.float64]:
        """Return the times of a block, in s. Raises TraceError for one that cannot be."""
        times_s = cells.of("time")
        lines = np.array(cells.lines)
        for place in [0, *(np.flatnonzero(np.diff(lines) != 1) + 1)]:
            self._lines.append((self._rows + int(place), int(lines[place])))
        bad = np.flatnonzero(~np.isfinite(times_s))
        if len(bad):
            raise TraceError(
                f"{self._path}: line {lines[bad[0]]}: the time is {times_s[bad[0]]:g}, no moment"
            )
        if cells.stamped and not self._rows:
            at = EPOCH + timedelta(seconds=cells.epoch_s + float(times_s[0]))
            self.start = at.isoformat()
        before = times_s[0] - 1 if self._last_s is None else self._last_s
        still = np.flatnonzero(~(np.diff(times_s, prepend=before) > 0))
        if len(still):
            raise TraceError(
                f"{self._path}: line {lines[still[0]]}: time stands still, or runs backwards; "
                "where times are those of packets, leave them out: --columns -,i[ma],v --rate 5kHz"
            )
        self._last_s = float(times_s[-1])
        self._rows += len(times_s)
        return times_s

    def grid(self, times_s: Numbers | None, rows: int) -> Grid:
        """Return the grid of all rows; without times, by the rate that was told.

        Raises TraceError: times are uneven, they jump, or are not those of the rate.
        """
        if times_s is None:
            assert self._given_hz is not None  # noqa: S101  checked at the beginning
            return Grid(self._given_hz, rows, [], [])
        usual_s = float(np.median(np.diff(times_s[:CHUNK])))
        step_s, with_gaps = _mean_step_s(times_s, usual_s)
        rate_hz = float(f"{1 / step_s:.9g}")
        if not 0 < rate_hz < float("inf"):
            raise TraceError(f"{self._path}: {rate_hz} samples a second are no rate")
        if self._given_hz is not None and abs(self._given_hz / rate_hz - 1) > RATE_FITS:
            raise TraceError(
                f"{self._path}: its times make {rate_hz:g} samples a second, and --rate says "
                f"{self._given_hz:g}; name the unit of the time with --columns"
            )
        gaps: list[Gap] = []
        after: list[int] = []
        index, carry, doubt, left = 0, 0.0, 0.0, LOST_MAX + LOST_SHARE * rows
        for first in range(0, rows - 1, CHUNK):
            piece_s = np.asarray(times_s[first : first + CHUNK + 1])
            steps = np.diff(piece_s) * rate_hz
            ahead = np.ones(len(steps), np.int64)
            for place in np.flatnonzero(steps > GAP) if with_gaps else ():
                exact, row = float(steps[place]) + carry, first + int(place) + 1
                left -= exact
                if left < 0 or len(after) > GAPS_MAX:
                    raise TraceError(
                        f"{self._path}: line {self._line(row)}: time jumps by "
                        f"{float(times_s[row] - times_s[row - 1]):.4g} s, {exact:.4g} samples: "
                        "this is no recording; cut the file there"
                    )
                ahead[place] = max(1, round(exact))
                carry = exact - int(ahead[place])
            at = index + np.concatenate([[0], np.cumsum(ahead)])
            for place in np.flatnonzero(ahead > 1):
                gaps.append(Gap(int(at[place]) + 1, int(ahead[place]) - 1))
                after.append(first + int(place) + 1)
            off = np.abs((piece_s - times_s[0]) * rate_hz - at)
            if off.max() > EVEN:
                self._uneven(times_s, usual_s, first + int(np.argmax(off > EVEN)))
            doubt = max(doubt, float(off.max()))
            index = int(at[-1])
        # Float noise of the times is no doubt.
        return Grid(rate_hz, index + 1, gaps, after, doubt / rate_hz if doubt > 1e-3 else 0.0)

    def _uneven(self, times_s: Numbers, usual_s: float, row: int) -> None:
        for first in range(0, len(times_s) - 1, CHUNK):
            steps_s = np.diff(times_s[first : first + CHUNK + 1])
            odd = np.abs(steps_s / usual_s - np.maximum(np.rint(steps_s / usual_s), 1)) > STEP_ODD
            if odd.any():
                row = first + int(np.argmax(odd)) + 1
                break
        step_s = float(times_s[row] - times_s[row - 1])
        raise TraceError(
            f"{self._path}: line {self._line(row)}: the sample comes {step_s:.6g} s after the one "
            f"before, where {usual_s:.6g} s are usual: samples that are taken unevenly cannot be "
            "added up; record or export at one rate"
        )

    def _line(self, row: int) -> int:
        first, line = self._lines[bisect_right(self._lines, (row, 1 << 62)) - 1]
        return line + row - first


def _mean_step_s(times_s: Numbers, usual_s: float) -> tuple[float, bool]:
    """Return the mean step, and whether long ones are gaps: else times are rounded to a step.

    Where so many steps are long, all of them together make the mean.
    """
    total_s, regular, count = 0.0, 0, len(times_s) - 1
    for first in range(0, count, CHUNK):
        steps_s = np.diff(times_s[first : first + CHUNK + 1])
        kept = steps_s[(steps_s <= GAP * usual_s) & (steps_s >= usual_s / GAP)]
        total_s, regular = total_s + float(kept.sum()), regular + len(kept)
    if regular and regular >= (1 - ROUNDED_SHARE) * count:
        return total_s / regular, True
    mean_s = float(times_s[-1] - times_s[0]) / count
    for first in range(0, count, CHUNK):
        piece_s = times_s[first : first + CHUNK] - times_s[0]
        if np.abs(piece_s / mean_s - np.arange(first, first + len(piece_s))).max() > EVEN:
            return (total_s / regular if regular else usual_s), True
    return mean_s, False
