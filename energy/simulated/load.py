"""What a simulated instrument measures: a DUT that draws current and marks its windows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Load(Protocol):
    """A DUT, by the time since the instrument began to sample."""

    def current_a(self, start_s: float, dt_s: float, count: int) -> Floats:
        """Return the mean current of `count` successive samples of `dt_s`, shape [count]."""
        ...

    def falling_s(self, start_s: float, stop_s: float) -> Sequence[float]:
        """Return when the timing pin fell, start_s <= t < stop_s, in order."""
        ...


@dataclass(frozen=True)
class Windows:
    """Idle current, and more of it in windows that begin and end with a falling edge."""

    windows_s: Sequence[tuple[float, float]] = ((1.0, 2.0), (3.0, 4.0))
    idle_a: float = 1e-3
    active_a: float = 5e-3
    boot_s: float = 0.5
    """When the boot pulse falls."""

    def current_a(self, start_s: float, dt_s: float, count: int) -> Floats:
        """Return exact means, windows that begin or end within a sample included."""
        edges_s = start_s + dt_s * np.arange(count + 1)
        active_s = np.zeros(count + 1)
        for begin_s, end_s in self.windows_s:
            active_s += np.clip(edges_s, begin_s, end_s) - begin_s
        return self.idle_a + (self.active_a - self.idle_a) * np.diff(active_s) / dt_s

    def falling_s(self, start_s: float, stop_s: float) -> Sequence[float]:
        """Return the boot pulse and both ends of each window."""
        edges_s = sorted((self.boot_s, *(edge for window in self.windows_s for edge in window)))
        return [edge_s for edge_s in edges_s if start_s <= edge_s < stop_s]

    def energy_j(self, number: int, voltage_v: float) -> float:
        """Return the true energy of a window."""
        begin_s, end_s = self.windows_s[number]
        return voltage_v * self.active_a * (end_s - begin_s)


Power = Callable[[bool], None]
"""Told when the instrument switches the DUT's supply."""
