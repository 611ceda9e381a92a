"""What every simulated instrument is given: a DUT to supply and to measure, a pace, and faults."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .load import Floats, Load

RATE_ERROR = 5e-3
"""Of an instrument with the fault "rate error": its clock is fast by so much."""
PULSE_S = 25e-6
"""How long firmware of ours holds the timing pin low. Ref: firmware/core/port.h."""
LOST_EDGE = 2
"""Number of the edge that the fault "event lost" takes away."""


@dataclass(frozen=True)
class Scene:
    """What an instrument sees, and what goes wrong with it.

    `faults` are names of the instrument's FAULTS; those in the stream happen at sample `fault_at`
    (None: the instrument's own), once or for a few samples. Without `real_time` it samples as fast
    as the host reads. `on_power` is told when the DUT is supplied, and when no more.
    """

    load: Load
    faults: frozenset[str] = frozenset()
    fault_at: int | None = None
    real_time: bool = True
    on_power: Callable[[bool], None] | None = None

    def true_hz(self, rate_hz: float) -> float:
        """Return the rate that the instrument has when it says `rate_hz`."""
        return rate_hz * (1 + RATE_ERROR) if "rate error" in self.faults else rate_hz

    def levels(
        self, start_s: float, rate_hz: float, count: int, pulse_s: float = PULSE_S
    ) -> NDArray[np.uint8]:
        """Return the timing pin at the end of each of `count` samples, 0 for `pulse_s` a mark."""
        levels = np.ones(count, np.uint8)
        for fall_s in self.load.falling_s(start_s - pulse_s, start_s + count / rate_hz):
            if "event lost" in self.faults:
                number = len(self.load.falling_s(0.0, fall_s + 1e-9)) - 1
                if number == LOST_EDGE:
                    continue
            begin = max(0, int(np.ceil((fall_s - start_s) * rate_hz)))
            end = max(0, int(np.ceil((fall_s + pulse_s - start_s) * rate_hz)))
            levels[begin:end] = 0
        return levels


class Supply:
    """What a DUT is supplied with: off at first."""

    def __init__(self, scene: Scene) -> None:
        self._told = scene.on_power
        self.on = False

    def switch(self, on: bool) -> None:
        """Switch it; the scene is told of each change."""
        if on != self.on and self._told is not None:
            self._told(on)
        self.on = on

    def current_a(self, load: Load, start_s: float, dt_s: float, count: int) -> Floats:
        """Return the mean current of a load's samples, shape [count]; none while it is off."""
        return load.current_a(start_s, dt_s, count) if self.on else np.zeros(count)
