"""What counted instructions cost: each block priced once, times its executions."""

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from tinybench.declare import load
from tinybench.errors import BuildError, DeclarationError
from tinybench.files import DOCUMENT_MOST_B, read_bytes

from ..build.board import Running, Timed
from ..results.cycles import Cycles, Drawn
from .calibration import FLASH, Calibration, dot, narrowed
from .code import Code
from .core import Core, Memory, Range, as_range
from .instruction import Instruction
from .plugin import Counts

WORDS = {
    "load_many": "load_word",
    "store_many": "store_word",
    "vector_load": "vector_element",
    "vector_store": "vector_element",
}
SINGLE = ("load", "store", "store_offset")
LIMITS = {
    "alu": "arithmetic",
    "multiply": "multiply",
    "multiply_add": "multiply",
    "multiply_long": "multiply",
    "divide": "multiply",
    "branch": "branch",
    "taken": "branch",
    "load": "load",
    "load_next": "load",
    "load_many": "load",
    "load_word": "load",
    "unaligned": "load",
    "store": "store",
    "store_offset": "store",
    "store_many": "store",
    "store_word": "store",
    "fpu": "floating point",
    "fpu_multiply_add": "floating point",
    "fpu_divide": "floating point",
    "vector": "vector",
    "vector_load": "load",
    "vector_store": "store",
    "vector_element": "load",
    **dict.fromkeys(FLASH, "flash"),
}
"""What the cycles of each price go to."""
NO_INSTRUCTIONS = (*WORDS.values(), "taken", "unaligned", *FLASH)
"""What is paid beside the instructions."""
UA_PER_MHZ_C = 1e-12
"""A microampere a megahertz is so many coulombs a cycle."""


class Clocked(NamedTuple):
    """A core at a clock, with what its memory lets it wait."""

    core: Core
    memory: Memory | None
    timings_sha256: str
    """Of the declarations of both, and of the calibration."""
    clock_hz: int
    supply: str | None = None
    power: Running | None = None
    calibration: Calibration | None = None

    @property
    def wait_states(self) -> int:
        """Of the flash."""
        return 0 if self.memory is None else self.memory.waits(self.clock_hz, self.supply)

    @property
    def uncertainty(self) -> float:
        """Of the model itself, as a share of what it says."""
        waits = self.memory is not None and self.wait_states
        return self.core.uncertainty + (self.memory.uncertainty if self.memory and waits else 0)

    def prices(self) -> dict[str, Range]:
        """Return what each amount costs, as declared."""
        waits = self.wait_states
        found = {
            name: as_range(cost)
            for name in self.core.cycles.__struct_fields__
            if (cost := getattr(self.core.cycles, name)) is not None
        }
        if self.memory is not None and waits:
            for name in FLASH:
                found[name] = Range().plus(as_range(getattr(self.memory, name)), waits)
        return found

    def widened(self) -> dict[str, Range]:
        """Return the same with what the model leaves out."""
        unsure = self.uncertainty
        return {
            name: Range(low * (1 - unsure), usual, high * (1 + unsure))
            for name, (low, usual, high) in self.prices().items()
        }


def declared(
    core: Path, memory: Path | None, clock_hz: int, timed: Timed | None, calibration: Path | None
) -> Clocked:
    """Load a core, its memory system and a calibration from their files.

    Raises DeclarationError, UsageError, OSError.
    """
    files = [path for path in (core, memory, calibration) if path is not None]
    raw = b"\0".join(read_bytes(path, DOCUMENT_MOST_B) for path in files)
    return Clocked(
        load(core, Core),
        None if memory is None else load(memory, Memory),
        sha256(raw).hexdigest(),
        clock_hz,
        timed and timed.supply,
        timed and timed.power,
        None if calibration is None else load(calibration, Calibration),
    )


def amounts(clocked: Clocked, code: Code, counts: Counts) -> dict[str, int]:
    """Return how often each price is paid.

    Raises DeclarationError where the core has no timing for an instruction that was executed,
    BuildError where the image does not hold the code that was.
    """
    core, found = clocked.core, Counter[str]()
    for (address, count), executions in counts.blocks.items():
        before: Instruction | None = None
        for one in _instructions(core, code, address, count):
            found["load_next" if _pipelined(one, before) else one.kind] += executions
            if one.words:
                found[WORDS[one.kind]] += one.words * executions
            before = one
    found["taken"], found["unaligned"] = counts.taken, counts.unaligned
    if clocked.wait_states:
        for name in FLASH:
            found[name] = getattr(counts, name)
    for name in found:
        if name not in FLASH and getattr(core.cycles, name) is None:
            raise DeclarationError(
                f"core {core.name}: missing key 'cycles.{name}': the firmware executes an "
                "instruction of this kind, and its price is not declared"
            )
    return dict(found)


def price(clocked: Clocked, code: Code, counts: Counts) -> Cycles:
    """Return the cycles of what was counted. Raises as `amounts`, and as `narrowed`."""
    paid = amounts(clocked, code, counts)
    prices = clocked.prices()
    usual = {name: cost.usual for name, cost in prices.items()}
    calibration, by = clocked.calibration, ""
    if calibration is None:
        low, high = (dot(paid, {name: cost[i] for name, cost in prices.items()}) for i in (0, 2))
        unsure = clocked.uncertainty
        found = Range(low * (1 - unsure), dot(paid, usual), high * (1 + unsure))
    else:
        insist_same(clocked, calibration)
        found, usual = narrowed(calibration, clocked.widened(), paid)
        by = calibration.words
    limits = dict.fromkeys(LIMITS.values(), 0.0)
    for name, count in paid.items():
        limits[LIMITS[name]] += count * usual[name] if count else 0
    cycles = Cycles(
        core=clocked.core.name,
        memory="" if clocked.memory is None else clocked.memory.name,
        timings_sha256=clocked.timings_sha256,
        clock_hz=clocked.clock_hz,
        wait_states=clocked.wait_states,
        instructions=sum(count for name, count in paid.items() if name not in NO_INSTRUCTIONS),
        low=round(found.low),
        usual=round(found.usual),
        high=round(found.high),
        limited_by={
            what: round(spent)
            for what, spent in sorted(limits.items(), key=lambda item: -item[1])
            if round(spent)
        },
        calibrated_by=by,
    )
    return replace(cycles, energy=None if clocked.power is None else _drawn(cycles, clocked.power))


def insist_same(clocked: Clocked, calibration: Calibration) -> None:
    """Raise DeclarationError for a calibration of another core, memory or clock."""
    memory = "" if clocked.memory is None else clocked.memory.name
    for what, has, wanted in (
        ("core", calibration.core, clocked.core.name),
        ("memory system", calibration.memory, memory),
        ("clock in Hz", calibration.clock_hz, clocked.clock_hz),
        ("number of wait states", calibration.wait_states, clocked.wait_states),
    ):
        if has != wanted:
            raise DeclarationError(
                f"the calibration by {calibration.words} has the {what} {has or 'none'}, the board "
                f"{wanted or 'none'}: it is of another board, or of another version of its "
                "declaration. Calibrate again"
            )


def _drawn(cycles: Cycles, power: Running) -> Drawn:
    low_j, usual_j, high_j = (
        count * per_mhz * UA_PER_MHZ_C * power.voltage_v
        for count, per_mhz in zip(
            (cycles.low, cycles.usual, cycles.high), power.bounds, strict=True
        )
    )
    return Drawn(
        low_j=low_j,
        usual_j=usual_j,
        high_j=high_j,
        voltage_v=power.voltage_v,
        source=power.source,
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
