"""What counted instructions cost: each block priced once, times its executions."""

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from tinybench.declare import load
from tinybench.errors import BuildError, DeclarationError
from tinybench.files import DOCUMENT_MOST_B, read_bytes

from ..results.cycles import Cycles
from .code import Code
from .core import Core, Memory, Range, as_range
from .instruction import Instruction
from .plugin import Counts

WORDS = {"load_many": "load_word", "store_many": "store_word"}
SINGLE = ("load", "store", "store_offset")
LIMITS = {
    "alu": "arithmetic",
    "multiply": "multiply",
    "multiply_add": "multiply",
    "multiply_long": "multiply",
    "divide": "multiply",
    "branch": "branch",
    "load": "load",
    "load_many": "load",
    "store": "store",
    "store_offset": "store",
    "store_many": "store",
    "fpu": "floating point",
    "fpu_multiply_add": "floating point",
    "fpu_divide": "floating point",
    "vector": "vector",
    "vector_load": "load",
    "vector_store": "store",
}
"""What the cycles of each kind of instruction go to."""


class _Priced(NamedTuple):
    """All that the price of an instruction depends on."""

    kind: str
    words: int
    pipelined: bool


class Clocked(NamedTuple):
    """A core at a clock, with what its memory lets it wait."""

    core: Core
    memory: Memory | None
    timings_sha256: str
    """Of the declarations of both."""
    clock_hz: int

    @property
    def wait_states(self) -> int:
        """Of the flash."""
        return 0 if self.memory is None else self.memory.waits(self.clock_hz)


def declared(core: Path, memory: Path | None, clock_hz: int) -> Clocked:
    """Load a core and its memory system from their files. Raises DeclarationError, OSError."""
    files = [core] if memory is None else [core, memory]
    raw = b"\0".join(read_bytes(path, DOCUMENT_MOST_B) for path in files)
    return Clocked(
        load(core, Core),
        None if memory is None else load(memory, Memory),
        sha256(raw).hexdigest(),
        clock_hz,
    )


def price(clocked: Clocked, code: Code, counts: Counts) -> Cycles:
    """Return the cycles of what was counted.

    Raises DeclarationError where the core has no timing for an instruction that was executed,
    BuildError where the image does not hold the code that was.
    """
    core = clocked.core
    spent: dict[str, Range] = {}

    def spend(what: str, cost: Range, times: float) -> None:
        spent[what] = spent.get(what, Range()).plus(cost, times)

    executed = Counter[_Priced]()
    for (address, count), executions in counts.blocks.items():
        before: Instruction | None = None
        for one in _instructions(core, code, address, count):
            executed[_Priced(one.kind, one.words, _pipelined(one, before))] += executions
            before = one
    for priced, times in executed.items():
        spend(LIMITS[priced.kind], _cost(core, priced), times)
    spend("branch", as_range(core.cycles.taken), counts.taken)
    spend("load", as_range(core.cycles.unaligned), counts.unaligned)
    uncertainty = core.uncertainty
    if clocked.memory is not None and clocked.wait_states:
        uncertainty += clocked.memory.uncertainty
        for cost, missed in (
            (clocked.memory.code_next, counts.code_next),
            (clocked.memory.code_far, counts.code_far),
            (clocked.memory.data, counts.data),
        ):
            spend("flash", as_range(cost), missed * clocked.wait_states)
    low, usual, high = (sum(cost[i] for cost in spent.values()) for i in range(3))
    return Cycles(
        core=core.name,
        memory="" if clocked.memory is None else clocked.memory.name,
        timings_sha256=clocked.timings_sha256,
        clock_hz=clocked.clock_hz,
        wait_states=clocked.wait_states,
        instructions=executed.total(),
        low=round(low * (1 - uncertainty)),
        usual=round(usual),
        high=round(high * (1 + uncertainty)),
        limited_by={
            what: round(cost.usual)
            for what, cost in sorted(spent.items(), key=lambda item: -item[1].usual)
            if round(cost.usual)
        },
    )


def _instructions(core: Core, code: Code, address: int, count: int) -> Iterator[Instruction]:
    """Yield the instructions of a block."""
    held = code.at(address, 4 * count)
    for _ in range(count):
        try:
            one = core.decode(held)
        except ValueError as error:
            raise BuildError(
                f"the emulated core executed {count} instructions at {address:#x}, where the image "
                f"holds fewer: {error}"
            ) from error
        yield one
        held = held[one.size_b :]


def _pipelined(one: Instruction, before: Instruction | None) -> bool:
    """Whether a load's address does not wait for the single load or store right before it."""
    if one.kind != "load" or before is None or before.kind not in SINGLE:
        return False
    return not before.loaded & one.address


def _cost(core: Core, priced: _Priced) -> Range:
    if priced.pipelined:
        return as_range(core.cycles.load_next)
    cost = _timing(core, priced.kind)
    if priced.words:
        cost = cost.plus(_timing(core, WORDS[priced.kind]), priced.words)
    return cost


def _timing(core: Core, kind: str) -> Range:
    cost = getattr(core.cycles, kind)
    if cost is None:
        raise DeclarationError(
            f"core {core.name}: missing key 'cycles.{kind}': the firmware executes an instruction "
            "of this kind, and its price is not declared"
        )
    return as_range(cost)
