"""Edges from a digital channel that was sampled: which channel, and where its level changes."""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinybench.errors import UsageError

from ..trace import Edge

LOW, HIGH, BOTH, NONE = 0, 1, 2, 3
"""Levels of a sample: `BOTH` where the channel had both within it, `NONE` where nobody knows."""
Codes = NDArray[np.int8]
PULSE = 2
"""Samples that one pulse may show both levels in; more are as many pulses."""


def choose(
    changes: dict[str, int], wanted: str | None, name: str, unsampled: Collection[str] = ()
) -> str | None:
    """Return the channel with the timing pin: the one asked for, or the only one that changes.

    `changes` counts level changes by channel; `unsampled` are those that a file has and did not
    sample. Returns None where no channel changes. Raises
    UsageError when it takes a choice.
    """
    if wanted is not None:
        for channel in (*changes, *unsampled):
            if wanted.lower() in (channel.lower(), channel.lower().removeprefix("d")):
                if channel in changes:
                    return channel
                raise UsageError(
                    f"{name}: the channel '{wanted}' was not sampled; sampled: "
                    f"{', '.join(changes) or 'none'}"
                )
        raise UsageError(f"{name}: no channel '{wanted}'; it has {', '.join(changes) or 'none'}")
    moving = [channel for channel, count in changes.items() if count]
    if len(moving) > 1:
        raise UsageError(
            f"{name}: several channels change ({', '.join(moving)}); name the timing pin's with "
            "--channel"
        )
    return moving[0] if moving else None


def choose_sampled(levels: Mapping[str, "Levels"], wanted: str | None, name: str) -> str | None:
    """Return the channel with the timing pin among those that were sampled, as `choose`."""
    changes = {pin: found.changes for pin, found in levels.items() if found.sampled}
    return choose(changes, wanted, name, [pin for pin in levels if pin not in changes])


class Fall(NamedTuple):
    """A falling edge: after the sample `before` (within it, where both are one), by `after`."""

    before: int
    after: int


class Levels:
    """Finds the changes of one channel in pieces of its samples.

    Ref: MLPerf Tiny API, `timestamp`: a falling edge, held for at least 1 us; such a pulse shows
    as a sample with both levels.
    """

    def __init__(self) -> None:
        self.changes = 0
        self.sampled = False
        self._falls: list[Fall] = []
        self._last: tuple[int, int] | None = None
        """(index, level) of the last sample with one level."""
        self._both: list[int] = []
        """Samples since then that had both."""

    def add(self, start: int, codes: Codes) -> None:
        """Take the samples from index `start` on, shape [n]."""
        at = np.flatnonzero(codes != NONE)
        if not len(at):
            return
        self.sampled = True
        known = codes[at]
        before = np.concatenate([known[:1], known[:-1]])
        if self._last is None or self._both or known[0] != self._last[1]:
            before[0] = -1
        eventful = np.flatnonzero((known != before) | (known == BOTH))
        for place in eventful.tolist():
            if place:
                self._steady(start + int(at[place - 1]), int(known[place - 1]))
            self._steady(start + int(at[place]), int(known[place]))
        self._steady(start + int(at[-1]), int(known[-1]))

    def falls(self) -> list[Fall]:
        """Return the falling edges of all samples."""
        if self._both:  # it ends here: with the level that it had, for all that is known
            self._settle(HIGH if self._last is None else self._last[1])
            self._both = []
        return self._falls

    def edges(self, rate_hz: float, offset_s: float, uncertainty_s: float) -> Iterator[Edge]:
        """Yield the falling edges: each between the last high sample and the first low one."""
        for before, after in self.falls():
            at_s = (before + after) / 2 / rate_hz + offset_s
            half_s = (after - before) / 2 / rate_hz + uncertainty_s
            yield Edge(at_s, False, half_s, after / rate_hz + offset_s)

    def _steady(self, index: int, level: int) -> None:
        """Take a sample that is known; the same one twice does no harm."""
        if level == BOTH:
            if not self._both or self._both[-1] != index:
                self._both.append(index)
                self.changes += 1
            return
        if self._both:
            self._settle(level)
        elif self._last is not None and self._last[1] != level:
            self.changes += 1
            if level == LOW:
                self._falls.append(Fall(self._last[0], index))
        self._last, self._both = (index, level), []

    def _settle(self, level: int) -> None:
        """Place the falling edges of samples with both levels, before one with `level`."""
        both = self._both
        was = level if self._last is None else self._last[1]
        if len(both) > PULSE:
            self._falls += [Fall(one, one) for one in both]
        elif was == HIGH and level == HIGH:
            self._falls.append(Fall(both[0], both[0]))
        elif level == LOW:  # it fell for good, or a pulse began and ended
            self._falls.append(Fall(both[0], both[-1]))
