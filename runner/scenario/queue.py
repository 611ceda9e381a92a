"""One board as a server: queries that arrive by themselves wait for their turn.

The board's own time of each query was measured; that one waits for another is arithmetic, so an
emulated board has a queue as good as a real one's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .order import arrivals_s, gaps
from .tail import most_over

STEP = 0.01
"""The highest rate is found to this share of it."""
HALVINGS = 20
"""Of the board's own rate, before none is taken to hold."""


@dataclass(frozen=True)
class Load:
    """What arrives: at least so many queries, and over so long."""

    min_queries: int
    min_s: float
    deadline_s: float
    share: float
    """Of the queries that is to be answered within the deadline."""


def latencies_s(arriving_s: np.ndarray, services_s: np.ndarray) -> np.ndarray:
    """Return how long each query takes from its arrival to its answer: first come, first served.

    Both are (queries).
    """
    busy_s = np.cumsum(services_s)
    before_s = np.concatenate(([0.0], busy_s[:-1]))
    return busy_s + np.maximum.accumulate(arriving_s - before_s) - arriving_s


class Server:
    """A board that serves queries of known times, in the order of a seed."""

    def __init__(self, services_s: Sequence[float], seed: int, load: Load) -> None:
        """`services_s`: how long the board takes for each query."""
        self._services_s = np.array(services_s)
        self._gaps = gaps(len(services_s), seed)
        self._load = load

    def at(self, rate_per_s: float) -> tuple[np.ndarray, float]:
        """Return the latencies of the queries that arrive at a rate, and when the last arrives."""
        arriving_s = arrivals_s(self._gaps, rate_per_s)
        late = int(np.searchsorted(arriving_s, self._load.min_s)) + 1
        count = min(max(self._load.min_queries, late), len(arriving_s))
        return latencies_s(arriving_s[:count], self._services_s[:count]), float(
            arriving_s[count - 1]
        )

    def holds(self, rate_per_s: float) -> bool:
        """Return whether a rate proves that enough queries are answered within the deadline."""
        found, _ = self.at(rate_per_s)
        over = int((found > self._load.deadline_s).sum())
        return over <= most_over(len(found), self._load.share)

    def highest_rate(self) -> float | None:
        """Return the highest rate that holds, to STEP of it; None where none does.

        What holds at a rate is taken to hold below it.
        """
        high = len(self._services_s) / float(self._services_s.sum())
        low = high / 2
        for _ in range(HALVINGS):
            if self.holds(low):
                break
            low, high = low / 2, low
        else:
            return None
        while high > low * (1 + STEP):
            middle = (low * high) ** 0.5
            low, high = (middle, high) if self.holds(middle) else (low, middle)
        return low
