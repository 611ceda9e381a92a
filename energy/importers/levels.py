"""Edges from a digital channel that was sampled: which channel, and where its level changes."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tinybench.errors import UsageError

from ..trace import Edge


def choose(changes: dict[str, int], wanted: str | None, name: str) -> str | None:
    """Return the channel with the timing pin: the one asked for, or the only one that changes.

    `changes` counts level changes by channel. Returns None where no channel changes. Raises
    UsageError when it takes a choice.
    """
    if wanted is not None:
        for channel in changes:
            if wanted.lower() in (channel.lower(), channel.lower().removeprefix("d")):
                return channel
        raise UsageError(f"{name}: no channel '{wanted}'; it has {', '.join(changes) or 'none'}")
    moving = [channel for channel, count in changes.items() if count]
    if len(moving) > 1:
        raise UsageError(
            f"{name}: several channels change ({', '.join(moving)}); name the timing pin's with "
            "--channel"
        )
    return moving[0] if moving else None


class Levels:
    """Finds the changes of one channel in pieces of its samples."""

    def __init__(self) -> None:
        self.indexes: list[int] = []
        """First sample with the new level."""
        self.rising: list[bool] = []
        self._last: bool | None = None

    def add(self, start: int, levels: NDArray[np.bool_]) -> None:
        """Take the samples from index `start` on, shape [n]."""
        if not len(levels):
            return
        before = levels[0] if self._last is None else self._last
        changed = np.flatnonzero(np.diff(levels, prepend=before))
        self.indexes += (start + changed).tolist()
        self.rising += levels[changed].tolist()
        self._last = bool(levels[-1])

    def edges(self, rate_hz: float, offset_s: float, uncertainty_s: float) -> Iterator[Edge]:
        """Yield the falling edges: each between the last high sample and the first low one.

        Ref: MLPerf Tiny API, `timestamp`: a falling edge, held for at least 1 us.
        """
        for index, rising in zip(self.indexes, self.rising, strict=True):
            if not rising:
                at_s = (index - 0.5) / rate_hz + offset_s
                yield Edge(at_s, False, 0.5 / rate_hz + uncertainty_s, index / rate_hz + offset_s)
