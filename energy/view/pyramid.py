"""A trace of any length reduced to the columns of a picture, at any zoom, in milliseconds."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..integrate import powers_w
from ..pictures import Columns, envelope
from ..trace import Trace

BLOCK = 1024
"""Samples of the lowest step that is kept; below it the samples themselves are read."""
PIECE = 1 << 20
"""Samples read at a time, whole blocks."""


class Pyramid:
    """Lowest, highest, sum and count of each block of a trace: 32 bytes for 1024 samples."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        blocks = math.ceil(trace.count / BLOCK)
        self._low = np.full(blocks, math.nan)
        self._high = np.full(blocks, math.nan)
        self._sum = np.zeros(blocks)
        self._count = np.zeros(blocks)

    def build(self) -> Iterator[None]:
        """Read the whole trace once, a piece a step. Raises TraceError."""
        for first in range(0, self._trace.count, PIECE):
            stop = min(first + PIECE, self._trace.count)
            starts = np.arange(0, stop - first, BLOCK)
            power = powers_w(self._trace, first, stop)
            there = np.isfinite(power)
            at = slice(first // BLOCK, first // BLOCK + len(starts))
            with np.errstate(invalid="ignore"):
                self._low[at] = np.fmin.reduceat(np.where(there, power, math.nan), starts)
                self._high[at] = np.fmax.reduceat(np.where(there, power, math.nan), starts)
            self._sum[at] = np.add.reduceat(np.where(there, power, 0.0), starts)
            self._count[at] = np.add.reduceat(there.astype(float), starts)
            yield

    @property
    def pieces(self) -> int:
        """How many steps `build` takes."""
        return math.ceil(self._trace.count / PIECE)

    def columns(self, start_s: float, stop_s: float, most: int) -> Columns:
        """Return time in s and lowest, mean and highest power in W, of at most `most` columns."""
        rate_hz = self._trace.head.rate_hz
        if (stop_s - start_s) * rate_hz < 4 * BLOCK * most:
            return envelope(self._trace, start_s, stop_s, most)
        first = max(0, math.floor(start_s * rate_hz / BLOCK))
        last = min(len(self._low), math.ceil(stop_s * rate_hz / BLOCK))
        starts = np.arange(first, last, max(1, math.ceil((last - first) / most)))
        if not len(starts):
            return envelope(self._trace, start_s, stop_s, most)
        ends = np.append(starts[1:], last)
        local = starts - first

        def reduced(with_: np.ufunc, values: NDArray[np.float64]) -> NDArray[np.float64]:
            return with_.reduceat(values[first:last], local)

        count = reduced(np.add, self._count)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = reduced(np.add, self._sum) / count
        times_s = (starts + ends) / 2 * BLOCK / rate_hz
        return times_s, reduced(np.fmin, self._low), mean, reduced(np.fmax, self._high)
