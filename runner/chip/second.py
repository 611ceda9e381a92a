"""The other core of a chip with two: what its boot ROM does, then its code, a slice at a time.

The cores run one after the other, so that the same image does the same again: a slice of the
first, until it waits or has had its share, then one of the second. Peripherals are the first
core's: the second may touch memory, and its own control space.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .count import Count
from .declaration import Second
from .registers import ModelError, Registers
from .system import SPACE, System

SLICE = 20_000
"""Instructions of one core before the other's turn."""
ASLEEP = 64
"""Instructions in which a core that is woken finds that there is nothing to do."""
WFE = b"\x20\xbf"
BLOCK = b"\x33\x20\x00\x00"
"""h3.block of a Hazard3. Ref: RP2350 data sheet, 3.8.6.3."""
RETURN = 0x9FFF_FF00
LAUNCH = (0, 0, 1)
"""Words that its boot ROM waits for, before those of vectors, stack and entry. Ref: RP2040 data
sheet, 2.8.2."""


@dataclass(frozen=True)
class Arch:
    """What a kind of core has of its own: registers by Unicorn's numbers, and how it waits."""

    pc: int
    stack: int
    vectors: int | None
    """The register that holds them; None: its control space does."""
    code_bit: int
    """Lowest bit of an address that is jumped to."""
    wait: bytes
    """The instruction by which it waits for the other core."""
    passes: bool
    """Whether Unicorn stops behind that, with an error; else it is stopped before it."""


class SecondCore:
    """The core, its boot ROM, and the FIFOs between it and the first."""

    def __init__(
        self,
        declared: Second,
        registers: Registers,
        new_core: Callable[[System, Callable[[Exception], int]], Any],
        count: Count,
        arch: Arch,
    ) -> None:
        """Wait in the boot ROM. `new_core` returns a core with the chip's memory, its code counted.

        It is given the core's control space, and what takes an error of it.
        """
        self._new_core, self._count, self._arch = new_core, count, arch
        self._heard: list[int] = []
        """By the boot ROM, of a launch."""
        self._told = deque[int]()
        """To the first core."""
        self._core: Any = None
        self._failed: Exception | None = None
        self.asleep = True
        """Whether it waits for the first core, or is not there."""
        status, off = registers.place(declared.status), registers.place(declared.off[0])
        receive = registers.place(declared.receive)

        registers.on_read[status] = lambda: (declared.ready | (declared.valid if self._told else 0))
        registers.on_read[receive] = lambda: self._told.popleft() if self._told else 0
        registers.on_write[registers.place(declared.send)] = self._hear
        registers.on_write[off] = lambda value: self._reset(bool(value & declared.off[1]))

    def _reset(self, held: bool) -> None:
        """Forget all; let go, the boot ROM says that it is there."""
        self._heard, self._core, self.asleep = [], None, True
        self._told.clear()
        if not held:
            self._told.append(0)

    def _hear(self, word: int) -> None:
        if self._core is not None:
            raise ModelError("a word is sent to the second core, whose code reads none")
        self._heard.append(word)
        at = len(self._heard) - 1
        if at < len(LAUNCH) and word != LAUNCH[at]:
            self._heard, word = [], 0
        self._told.append(word)
        if len(self._heard) == len(LAUNCH) + 3:
            vectors, stack, entry = self._heard[len(LAUNCH) :]
            system = System(lambda: self._count.instructions, vectors)
            self._core = self._new_core(system, self._fail)
            self._core.reg_write(self._arch.stack, stack)
            self._core.reg_write(self._arch.pc, entry)
            if self._arch.vectors is not None:
                self._core.reg_write(self._arch.vectors, vectors)
            self.asleep = False

    @property
    def started(self) -> bool:
        """Whether it runs its own code."""
        return self._core is not None

    def _fail(self, error: Exception) -> int:
        self._failed = self._failed or error
        self._core.emu_stop()
        return 0

    def turn(self) -> None:
        """Run it until it waits, or for a slice. Raises ModelError."""
        if self._core is None:
            return
        count, began = self._count, self._count.instructions
        kept = count.attention, count.stopped, count.until
        count.attention, count.stopped, count.until = 0, 0, began + SLICE
        core, arch = self._core, self._arch
        error: Exception | None = None
        try:
            core.emu_start(core.reg_read(arch.pc) | arch.code_bit, RETURN)
        except Exception as raised:  # Unicorn's, which is loaded late
            error = raised
        pc = core.reg_read(arch.pc)
        waits = bytes(core.mem_read(pc - len(arch.wait) * arch.passes, len(arch.wait))) == arch.wait
        if error is not None and self._failed is None and not (waits and arch.passes):
            self._failed = ModelError(f"the second core, at {pc:#010x}: {error}")
        if self._failed is not None:
            raise ModelError(f"on the second core: {self._failed}") from self._failed
        if waits and not arch.passes:
            core.reg_write(arch.pc, pc + len(arch.wait))
        self.asleep = waits and count.instructions - began < ASLEEP
        count.attention, count.stopped, count.until = kept


def spaces(core: Any, peripherals: list[tuple[int, int]], system: System, failed: Any) -> None:
    """Map what the second core may touch beside memory, and what it may not."""

    def own(address: int, how: str) -> int:
        if address not in SPACE:
            raise ModelError(f"{address:#010x} is {how}: peripherals are the first core's")
        return address

    def read(_: object, offset: int, _size_b: int, start: int) -> int:
        try:
            return system.read(own(start + offset, "read"))
        except Exception as error:  # an exception must not go through Unicorn's C
            return failed(error)

    def write(_: object, offset: int, _size_b: int, value: int, start: int) -> None:
        try:
            system.write(own(start + offset, "written"), value)
        except Exception as error:  # an exception must not go through Unicorn's C
            failed(error)

    for start, end in (*peripherals, (SPACE.start, SPACE.stop)):
        core.mmio_map(start, end - start, read, start, write, start)
