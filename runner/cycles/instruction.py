"""One machine instruction, as far as its price goes."""

from typing import NamedTuple


class Instruction(NamedTuple):
    """What an instruction does, how many words it moves, and which registers are at stake."""

    kind: str
    """Field of `core.Timings`."""
    size_b: int
    words: int = 0
    """That it loads or stores, where it is one of several: LDM, PUSH, VLDR; or its elements, where
    it gathers or scatters."""
    address: int = 0
    """Registers that make its address, a bit each."""
    loaded: int = 0
    """Registers that it loads, likewise; of a single load only."""
