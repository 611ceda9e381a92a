"""The other core of a chip with two: what its boot ROM does, then its code, a slice at a time.

The cores run one after the other, so that the same image does the same again: a slice of the
first, until it waits or has had its share, then one of the second. Peripherals are the first
core's: the second may touch memory, and its own control space.
"""

from collections import deque
from collections.abc import Callable
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
RETURN = 0x9FFF_FF00
LAUNCH = (0, 0, 1)
"""Words that its boot ROM waits for, before those of vectors, stack and entry. Ref: RP2040 data
sheet, 2.8.2."""


class SecondCore:
    """The core, its boot ROM, and the FIFOs between it and the first."""

    def __init__(
        self,
        declared: Second,
        registers: Registers,
        new_core: Callable[[System, Callable[[Exception], int]], Any],
        count: Count,
        arm: Any,
    ) -> None:
        """Wait in the boot ROM. `new_core` returns a core with the chip's memory, its code counted.

        It is given the core's control space, and what takes an error of it.
        """
        self._new_core, self._count, self._arm = new_core, count, arm
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
            self._core.reg_write(self._arm.UC_ARM_REG_SP, stack)
            self._core.reg_write(self._arm.UC_ARM_REG_PC, entry)
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
        waits = False
        try:
            self._core.emu_start(self._core.reg_read(self._arm.UC_ARM_REG_PC) | 1, RETURN)
        except Exception as error:  # Unicorn's, which is loaded late
            pc = self._core.reg_read(self._arm.UC_ARM_REG_PC)
            waits = bytes(self._core.mem_read(pc - 2, 2)) == WFE
            if self._failed is None and not waits:
                self._failed = ModelError(f"the second core, at {pc:#010x}: {error}")
        if self._failed is not None:
            raise ModelError(f"on the second core: {self._failed}") from self._failed
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
