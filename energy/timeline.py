"""Puts decoded samples on the monitor's time axis; what is lost or doubtful becomes a gap."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .trace import Chunk, Edge, Gap

UNSETTLED_MAX = 5
"""Time stamps that agree neither with the samples nor with each other, before all is given up."""

Samples = NDArray[np.float32]


@dataclass
class _Stretch:
    """What came since the last time stamp that agreed with the samples."""

    pieces: list[Samples] = field(default_factory=list)
    count: int = 0
    suspects: list[int] = field(default_factory=list)
    """Counts of samples before each thing that was no sample and no known line."""
    edges: list[int] = field(default_factory=list)
    stamps: list[tuple[int, int]] = field(default_factory=list)
    """(count, index that the stamp says the next sample has) of stamps that did not agree."""


class Timeline:
    """Samples with a time stamp now and then, as the LPM01A sends them.

    Between two time stamps the number of samples is known; when fewer came, the missing ones lie
    between the first and the last suspect, and become NaN in a gap. Without a suspect nobody knows
    where they are missing, and the whole stretch is a gap.
    """

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._index = 0
        self._stretch = _Stretch()
        self._done: list[Samples] = []
        self._done_start = 0
        self._edges: list[Edge] = []
        self._gaps: list[Gap] = []
        self._last_edge = 0
        self.stamps = 0
        """Time stamps seen."""

    @property
    def count(self) -> int:
        """Index of the next sample, as far as is known."""
        return self._index + self._stretch.count

    @property
    def unsettled(self) -> int:
        """Samples that no time stamp has confirmed yet."""
        return self._stretch.count

    def add(self, samples: Samples) -> None:
        """Append samples, shape [n]."""
        self._stretch.pieces.append(samples)
        self._stretch.count += len(samples)

    def suspect(self) -> None:
        """Say that something here was no sample, perhaps one that was damaged."""
        self._stretch.suspects.append(self._stretch.count)

    def distrust(self) -> None:
        """Say that anything since the last time stamp may be damaged."""
        self._stretch.suspects += [0, self._stretch.count]

    def edge(self) -> None:
        """Note an edge within the last sample."""
        self._stretch.edges.append(self._stretch.count)

    def edges_lost(self) -> None:
        """Say that an edge was lost between the last one and here: no window there is whole."""
        self._gaps.append(Gap(self._last_edge, max(1, self.count - self._last_edge)))

    def stamp(self, time_s: float) -> bool:
        """Take a time stamp: the next sample is the one at `time_s`. Return whether all is well.

        False after too many stamps that contradict the samples and each other.
        """
        self.stamps += 1
        stretch = self._stretch
        index = round(time_s * self._rate_hz)
        if index == self._index + stretch.count:
            self._settle(index)
            return True
        here = (stretch.count, index)
        if stretch.stamps:
            count, before = stretch.stamps[-1]
            lost = before - self._index - count
            if index - before == stretch.count - count and lost > 0:
                self._split(count, before)
                self._settle(index)
                return True
        since = stretch.stamps[-1][0] if stretch.stamps else 0
        if not any(at > since for at in stretch.suspects):
            stretch.suspects += [since, stretch.count]  # lost, and nobody knows where
        stretch.stamps.append(here)
        if len(stretch.stamps) < UNSETTLED_MAX:
            return True
        rising = all(a[1] < b[1] for a, b in zip(stretch.stamps, stretch.stamps[1:], strict=False))
        if not rising or index <= self._index:
            return False
        self.distrust()
        self._settle(index)
        return True

    def finish(self) -> None:
        """Settle what came after the last time stamp: whole unless something there was suspect."""
        stretch = self._stretch
        if stretch.suspects:
            first = min(stretch.suspects)
            self._emit(_joined(stretch.pieces)[:first])
            self._place([at for at in stretch.edges if at <= first], -first)
            self._lose(stretch.count - first, [at for at in stretch.edges if at > first])
            self._stretch = _Stretch()
        else:
            self._settle(self._index + stretch.count)

    def take(self) -> Chunk | None:
        """Return what is settled since the last call."""
        if not self._done and not self._edges and not self._gaps:
            return None
        chunk = Chunk(
            self._done_start, _joined(self._done), None, tuple(self._edges), tuple(self._gaps)
        )
        self._done_start += len(chunk.samples)
        self._done, self._edges, self._gaps = [], [], []
        return chunk

    def _split(self, count: int, index: int) -> None:
        """Settle the first `count` samples of the stretch: they end at `index`."""
        stretch = self._stretch
        samples = _joined(stretch.pieces)
        rest = _Stretch([samples[count:]], stretch.count - count)
        rest.suspects = [at - count for at in stretch.suspects if at > count]
        rest.edges = [at - count for at in stretch.edges if at > count]
        self._stretch = _Stretch(
            [samples[:count]],
            count,
            [at for at in stretch.suspects if at <= count],
            [at for at in stretch.edges if at <= count],
        )
        self._settle(index)
        self._stretch = rest

    def _settle(self, index: int) -> None:
        """Settle the whole stretch: its last sample has the index `index` - 1."""
        stretch = self._stretch
        samples = _joined(stretch.pieces)
        lost = index - self._index - stretch.count
        if lost == 0:
            self._place(stretch.edges, 0)
            self._emit(samples)
        else:  # more samples than there is time for: all of them are doubtful
            first, last = 0, stretch.count
            if lost > 0 and stretch.suspects:
                first, last = min(stretch.suspects), max(stretch.suspects)
            self._place([at for at in stretch.edges if at <= first], 0)
            self._emit(samples[:first])
            self._lose(lost + last - first, [at for at in stretch.edges if first < at <= last])
            self._place([at for at in stretch.edges if at > last], -last)
            self._emit(samples[last:])
        self._stretch = _Stretch()

    def _emit(self, samples: Samples) -> None:
        if len(samples):
            self._done.append(samples)
            self._index += len(samples)

    def _lose(self, count: int, edges: list[int]) -> None:
        """Put `count` NaN in place, with the edges that fell somewhere among them."""
        if count == 0:
            return
        self._gaps.append(Gap(self._index, count))
        middle_s = (self._index + count / 2) / self._rate_hz
        for _ in edges:
            self._edges.append(Edge(middle_s, None, count / 2 / self._rate_hz))
            self._last_edge = self._index
        self._emit(np.full(count, np.nan, np.float32))

    def _place(self, edges: list[int], shift: int) -> None:
        """Note edges: each fell within the sample before it."""
        for at in edges:
            index = self._index + at + shift
            half_s = 0.5 / self._rate_hz
            stamp_s = index / self._rate_hz
            self._edges.append(Edge(stamp_s - half_s, None, half_s, stamp_s))
            self._last_edge = max(0, index - 1)


def _joined(pieces: list[Samples]) -> Samples:
    if len(pieces) == 1:
        return pieces[0]
    return np.concatenate(pieces) if pieces else np.empty(0, np.float32)
