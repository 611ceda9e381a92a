"""Declared cores and memory systems: what an instruction and a missed line cost."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta
from msgspec.structs import asdict

from tinybench.declare import Declaration, Name, find, load, named, nearest
from tinybench.errors import UsageError

from . import riscv, thumb
from .instruction import Instruction

Figure = Annotated[float, Meta(ge=0, le=1000)]
Cost = Figure | Annotated[list[Figure], Meta(min_length=3, max_length=3)]
"""A number, or the lowest, the usual and the highest one."""
Lines = Annotated[int, Meta(ge=1, le=2048)]
Step = Annotated[list[Annotated[int, Meta(ge=0, lt=2**32)]], Meta(min_length=2, max_length=2)]
Steps = Annotated[list[Step], Meta(min_length=1, max_length=32)]


class Range(NamedTuple):
    """An amount of which only bounds are known, or of several such the sum."""

    low: float = 0.0
    usual: float = 0.0
    high: float = 0.0

    def plus(self, cost: "Range", times: float = 1.0) -> "Range":
        """Return the sum with another one, as many times."""
        return Range(*(one + times * more for one, more in zip(self, cost, strict=True)))


def as_range(cost: Cost) -> Range:
    """Return a cost with its bounds."""
    return Range(cost, cost, cost) if isinstance(cost, (int, float)) else Range(*cost)


class Timings(Declaration, frozen=True, kw_only=True):
    """Cycles of each kind of instruction; None where the core has none of this kind."""

    alu: Cost
    """Arithmetic, logic, shifts, moves, packed arithmetic, and all that has no kind of its own."""
    multiply: Cost
    """MUL, and the signed multiplies of the DSP extension."""
    multiply_add: Cost | None = None
    """MLA and MLS."""
    multiply_long: Cost
    """Of 64 bits."""
    divide: Cost
    branch: Cost
    """Taken or not."""
    taken: Cost
    """More, for each branch that is taken."""
    load: Cost
    load_next: Cost
    """A load behind another single load or store, on which its address does not depend."""
    store: Cost
    store_offset: Cost | None = None
    """A store whose address is the sum of two registers."""
    load_many: Cost | None = None
    """LDM, LDRD, POP, VLDR, VLDM: and `load_word` for each word."""
    load_word: Cost | None = None
    store_many: Cost | None = None
    store_word: Cost | None = None
    unaligned: Cost
    """More, for each access to a word or half word that is not aligned."""
    fpu: Cost | None = None
    fpu_multiply_add: Cost | None = None
    fpu_divide: Cost | None = None
    """VDIV and VSQRT."""
    vector: Cost | None = None
    """Of the vector extension (MVE)."""
    vector_load: Cost | None = None
    vector_store: Cost | None = None
    vector_element: Cost | None = None
    """More, for each element that is gathered or scattered, not side by side with the others."""

    def __post_init__(self) -> None:
        """Refuse bounds that are none."""
        _insist_sorted(asdict(self))


class Core(Declaration, frozen=True, kw_only=True):
    """A core, from `firmware/cores/<name>.toml`."""

    name: Name
    description: str
    source: str
    """Where the timings come from."""
    instructions: Literal["thumb", "riscv"]
    uncertainty: Annotated[float, Meta(ge=0, lt=1)]
    """Of the model itself, as a share: what it leaves out."""
    cycles: Timings

    @property
    def decode(self) -> Callable[[bytes], Instruction]:
        """What tells its instructions apart. Raises ValueError for code that is cut."""
        return thumb.decode if self.instructions == "thumb" else riscv.decode


class Memory(Declaration, frozen=True, kw_only=True):
    """Flash that is slower than its core, from `firmware/memories/<name>.toml`."""

    name: Name
    description: str
    source: str
    uncertainty: Annotated[float, Meta(ge=0, lt=1)]
    """Beside that of the core, as a share."""
    line_b: Annotated[int, Meta(ge=4, le=1024)]
    code_lines: Lines
    data_lines: Lines
    ways: Annotated[int, Meta(ge=1, le=16)] | None = None
    """Places that a line may take; None: any."""
    unified: bool = False
    """One cache for both, of as many lines as either says."""
    wait_states: Steps | Annotated[dict[str, Steps], Meta(min_length=1, max_length=16)]
    """Steps [clock in Hz, wait states up to there], the fastest last; or such steps for each
    supply, by its name."""
    code_next: Cost
    """Times the wait states that the line of code costs which follows the one before."""
    code_far: Cost
    """... any other line of code."""
    data: Cost
    """... a line of constants."""

    def __post_init__(self) -> None:
        """Refuse bounds that are none, and steps out of order."""
        costs = {"code_next": self.code_next, "code_far": self.code_far, "data": self.data}
        _insist_sorted(costs)
        if self.unified and self.code_lines != self.data_lines:
            raise ValueError("a unified cache has as many data_lines as code_lines: all of it")
        if self.ways and (self.code_lines % self.ways or self.data_lines % self.ways):
            raise ValueError(f"code_lines and data_lines are no multiple of {self.ways} ways")
        every = self.wait_states
        for steps in every.values() if isinstance(every, dict) else [every]:
            if steps != sorted(steps) or [one[1] for one in steps] != sorted(w for _, w in steps):
                raise ValueError("wait_states are not in the order of their clocks")

    def waits(self, clock_hz: int, supply: str | None = None) -> int:
        """Return the wait states at a clock; `supply` None: of the first one that goes so fast.

        Raises UsageError for a supply that there is not, or a clock that is too fast for it.
        """
        every = self.wait_states if isinstance(self.wait_states, dict) else {"": self.wait_states}
        if supply is not None and supply not in every:
            raise UsageError(f"memory {self.name}: no supply '{supply}': {nearest(supply, every)}")
        for steps in every.values() if supply is None else [every[supply]]:
            for up_to_hz, waits in steps:
                if clock_hz <= up_to_hz:
                    return waits
        fastest_hz = max(steps[-1][0] for steps in every.values())
        raise UsageError(
            f"memory {self.name}: its wait states are known up to {fastest_hz / 1e6:g} MHz"
            + (f", and fewer for '{supply}'" if supply else "")
            + f", not at {clock_hz / 1e6:g} MHz; look at clock_hz of the board"
        )


def _insist_sorted(costs: Mapping[str, Cost | None]) -> None:
    for name, cost in costs.items():
        if isinstance(cost, list) and cost != sorted(cost):
            raise ValueError(f"{name} is not [lowest, usual, highest]: {cost}")


def core_file(name: str) -> Path:
    """Return the declaration of a core, by name or path. Raises UsageError."""
    return find("core", name, named("firmware", "cores"))


def memory_file(name: str) -> Path:
    """Return the declaration of a memory system, by name or path. Raises UsageError."""
    return find("memory system", name, named("firmware", "memories"))


def load_core(name: str) -> Core:
    """Load a core by name or path. Raises UsageError, DeclarationError."""
    return load(core_file(name), Core)


def load_memory(name: str) -> Memory:
    """Load a memory system by name or path. Raises UsageError, DeclarationError."""
    return load(memory_file(name), Memory)
