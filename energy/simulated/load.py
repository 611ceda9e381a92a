"""What a simulated instrument measures: a DUT that draws current and marks its windows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Load(Protocol):
    """A DUT, by the time since the instrument began to sample."""

    def begin(self) -> None:
        """Time 0 is now: the instrument begins to sample."""
        ...

    def known_s(self) -> float:
        """Return up to which time it is known what the DUT does; the instrument waits there."""
        ...

    def current_a(self, start_s: float, dt_s: float, count: int) -> Floats:
        """Return the mean current of `count` successive samples of `dt_s`, shape [count]."""
        ...

    def falling_s(self, start_s: float, stop_s: float) -> Sequence[float]:
        """Return when the timing pin fell, start_s <= t < stop_s, in order."""
        ...


def active_s(
    windows_s: Sequence[tuple[float, float]], start_s: float, dt_s: float, count: int
) -> Floats:
    """Return how long a load was active in its windows, up to both ends of each sample."""
    edges_s = start_s + dt_s * np.arange(count + 1)
    total_s = np.zeros(count + 1)
    for begin_s, end_s in windows_s:
        total_s += np.clip(edges_s, begin_s, end_s) - begin_s
    return total_s


def mean_a(idle_a: float, active_a: float, active: Floats, dt_s: float) -> Floats:
    """Return exact mean currents of successive samples, shape [n - 1].

    `active`: how long the load was active up to the begin of each sample, and the end of the last,
    shape [n].
    """
    return idle_a + (active_a - idle_a) * np.diff(active) / dt_s


@dataclass(frozen=True)
class Windows:
    """Idle current, and more of it in windows that begin and end with a falling edge."""

    windows_s: Sequence[tuple[float, float]] = ((1.0, 2.0), (3.0, 4.0))
    idle_a: float = 1e-3
    active_a: float = 5e-3
    boot_s: float = 0.5
    """When the boot pulse falls."""

    def begin(self) -> None:
        """Nothing depends on it."""

    def known_s(self) -> float:
        """All of it is known."""
        return math.inf

    def current_a(self, start_s: float, dt_s: float, count: int) -> Floats:
        """Return exact means, of samples in which a window begins or ends, too."""
        active = active_s(self.windows_s, start_s, dt_s, count)
        return mean_a(self.idle_a, self.active_a, active, dt_s)

    def falling_s(self, start_s: float, stop_s: float) -> Sequence[float]:
        """Return the boot pulse and both ends of each window."""
        edges_s = sorted((self.boot_s, *(edge for window in self.windows_s for edge in window)))
        return [edge_s for edge_s in edges_s if start_s <= edge_s < stop_s]

    def energy_j(self, number: int, voltage_v: float) -> float:
        """Return the true energy of a window."""
        begin_s, end_s = self.windows_s[number]
        return voltage_v * self.active_a * (end_s - begin_s)


@dataclass(frozen=True)
class Blinking:
    """Active for `active_s` of every `period_s`, for ever; marks by falling edges."""

    period_s: float = 2.0
    active_s: float = 1.0
    idle_a: float = 1e-3
    active_a: float = 5e-3
    boot_s: float = 0.5

    def begin(self) -> None:
        """Nothing depends on it."""

    def known_s(self) -> float:
        """All of it is known."""
        return math.inf

    def current_a(self, start_s: float, dt_s: float, count: int) -> Floats:
        """Return exact means; it is active at the end of each period."""
        edges_s = start_s + dt_s * np.arange(count + 1)
        periods, within_s = np.divmod(edges_s, self.period_s)
        idle_s = self.period_s - self.active_s
        active = periods * self.active_s + np.clip(within_s - idle_s, 0.0, None)
        return mean_a(self.idle_a, self.active_a, active, dt_s)

    def falling_s(self, start_s: float, stop_s: float) -> Sequence[float]:
        """Return the boot pulse and both ends of each window."""
        first, last = int(start_s // self.period_s), int(stop_s // self.period_s) + 1
        edges_s = [self.boot_s]
        for period in range(max(first - 1, 0), last + 1):
            end_s = (period + 1) * self.period_s
            edges_s += [end_s - self.active_s, end_s]
        return [edge_s for edge_s in sorted(edges_s) if start_s <= edge_s < stop_s]
