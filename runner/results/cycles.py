"""An estimate of the clock cycles of an inference: between an exact count and a measurement."""

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
