"""An estimate of the clock cycles of an inference: between an exact count and a measurement."""

import msgspec


class Cycles(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Clock cycles of one inference, estimated: instructions counted, and priced by a model."""

    core: str
    """Name of the core's declared timings."""
    memory: str
    """Name of the memory system's; empty where nothing waits for memory."""
    timings_sha256: str
    """Of the declarations of both."""
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

    def milliseconds(self, cycles: int) -> float:
        """Return how long so many cycles take, at the clock."""
        return cycles / self.clock_hz * 1e3
