"""An estimate of the clock cycles of an inference: between an exact count and a measurement."""

from collections import Counter

import msgspec


class Drawn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Energy of one inference, estimated: cycles, and what a data sheet says of each."""

    low_j: float
    usual_j: float
    high_j: float
    voltage_v: float
    source: str
    """Of the declared current."""


class Cycles(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Clock cycles of one inference, estimated: instructions counted, and priced by a model."""

    core: str
    """Name of the core's declared timings."""
    memory: str
    """Name of the memory system's; empty where nothing waits for memory."""
    timings_sha256: str
    """Of the declarations of both, and of the calibration."""
    clock_hz: int
    wait_states: int
    """Of the flash, at this clock."""
    instructions: int
    """Exact."""
    low: int
    usual: int
    high: int
    limited_by: dict[str, int]
    """The usual cycles by what they went to."""
    calibrated_by: str = ""
    """Which measurement narrowed the model; empty where none did, as in older results."""
    energy: Drawn | None = None
    """None where no current of the board is declared."""

    @property
    def bounds_s(self) -> tuple[float, float, float]:
        """Time at the clock: lower, usual and upper figure."""
        return self.low / self.clock_hz, self.usual / self.clock_hz, self.high / self.clock_hz


def together(one: Cycles, other: Cycles) -> Cycles:
    """Return the cycles of two layers that one operator is computed by, on the same core."""
    limits = Counter(one.limited_by) + Counter(other.limited_by)
    return msgspec.structs.replace(
        one,
        instructions=one.instructions + other.instructions,
        low=one.low + other.low,
        usual=one.usual + other.usual,
        high=one.high + other.high,
        limited_by=dict(limits.most_common()),
        energy=_drawn_together(one.energy, other.energy),
    )


def _drawn_together(one: Drawn | None, other: Drawn | None) -> Drawn | None:
    if one is None or other is None:
        return None
    return msgspec.structs.replace(
        one,
        low_j=one.low_j + other.low_j,
        usual_j=one.usual_j + other.usual_j,
        high_j=one.high_j + other.high_j,
    )
