"""A core, its memory and its registers, run until the line ends.

The core is Unicorn's. It is a package under the GPL, which is why it is loaded in a process of its
own, that speaks to the runner over a line alone; nothing of it is passed on with tinybench.
"""

import ctypes
import importlib
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from tinybench.errors import ToolMissingError, UsageError
from tinybench.extras import unicorn_version

from . import counter, dma, line
from .count import Count, built
from .declaration import Chip, Region
from .image import Image
from .line import LineEndedError
from .registers import ModelError, Registers
from .second import SLICE, WFE, Arch, SecondCore, spaces
from .system import SPACE, SYSTICK, System

QUANTUM = 2_000_000
"""Instructions after which the line is looked at, at the latest."""
PAGE_B = 0x1000
RETURN = 0x9FFF_FF00
"""Where an interrupt's handler returns to: code may be there (Armv7-M ARM, B3.1), and is nothing of
the chip's."""
CPUS = {
    "cortex-m0": "UC_CPU_ARM_CORTEX_M0",
    "cortex-m3": "UC_CPU_ARM_CORTEX_M3",
    "cortex-m4": "UC_CPU_ARM_CORTEX_M4",
    "cortex-m7": "UC_CPU_ARM_CORTEX_M7",
    "cortex-m33": "UC_CPU_ARM_CORTEX_M33",
}
HARD_FAULT = 3


def unicorn() -> tuple[Any, Any]:
    """Return Unicorn and the names of Arm's registers. Raises ToolMissingError."""
    try:
        return importlib.import_module("unicorn"), importlib.import_module("unicorn.arm_const")
    except ModuleNotFoundError:
        unicorn_version()  # says what to type
        raise


class Machine:
    """An emulated core with an image in its memory: a Cortex-M; for the others, riscv.py."""

    KIND = "arm"
    """Of image, and of core."""
    CODE_BIT = 1
    """Lowest bit of an address that is jumped to: Thumb."""

    def __init__(
        self,
        chip: Chip,
        image: Image,
        memory: Sequence[Region],
        *,
        instruction_ns: int,
        source_hz: int,
        plugin: str = "",
    ) -> None:
        """`plugin`: what QEMU is told of the plugin that counts for an estimate of cycles."""
        if image.machine != self.KIND:
            raise UsageError(f"the image is for {image.machine}, the chip has a {chip.cpu}")
        self._uc, self._arm = unicorn()
        self._pc: int = self._arm.UC_ARM_REG_PC
        self._image = image
        self._ns = instruction_ns
        self._hz = chip.reset_hz
        self._source_hz = source_hz
        self._memory = [*memory, *chip.memory]
        self._chip = chip
        self._console = line.Console()
        self.registers = Registers(chip)
        vectors = image.segments[0][0]
        self.system = System(self._ticks, vectors)
        self._failed: Exception | None = None
        self._handling = False
        """Whether an interrupt's handler runs."""
        self._buffers: list[Any] = []
        self._lines: dict[str, dma.Reception] = {}
        self._start(vectors)
        if plugin:
            self._count_cycles(plugin.replace(",,", "\0").split(","))

    def _start(self, vectors: int) -> None:
        uc = self._uc
        self._core = self._new_core()
        self._count = self._new_count()
        places: dict[int, int] = {}
        self._mapped: list[tuple[int, int, int, int]] = []
        """Of each memory: origin, bytes, access, and where this process has it."""
        for number, region in enumerate(self._memory):
            size_b = -(-region.size_b // PAGE_B) * PAGE_B
            if region.same_as is None:
                own = ctypes.create_string_buffer(size_b + PAGE_B)
                self._buffers.append(own)
                places[region.origin] = -(-ctypes.addressof(own) // PAGE_B) * PAGE_B
            at = places[region.origin if region.same_as is None else region.same_as]
            access = uc.UC_PROT_ALL if region.writes else uc.UC_PROT_READ | uc.UC_PROT_EXEC
            self._mapped.append((region.origin, size_b, access, at))
            if not region.writes:
                ctypes.memset(at, 0xFF, size_b)
            one = self._count.regions[number]
            one.origin, one.size_b, one.bytes = region.origin, region.size_b, at
        self._map_memory(self._core)
        self._load()
        self._hook()
        for start, end in (*self._spaces(), (SPACE.start, SPACE.stop)):
            self._map(start, end - start)
        line.wire(self.registers, self._console, self._attend)
        self._lines = dma.wire(self.registers, self._console, self._ram, self._attend)
        counter.wire(self.registers, lambda: self._count.instructions * self._ns)
        self._second = self._chip.second and SecondCore(
            self._chip.second, self.registers, self._second_core, self._count, self._arch()
        )
        if self._chip.boot:
            self._core.reg_write(self._pc, vectors)
            return
        self._begin(vectors)

    def _map_memory(self, core: Any) -> None:
        for origin, size_b, access, at in self._mapped:
            core.mem_map_ptr(origin, size_b, access, ctypes.c_void_p(at))
        core.mem_map(RETURN & -PAGE_B, PAGE_B)

    def _second_core(self, system: System, failed: Callable[[Exception], int]) -> Any:
        core = self._new_core()
        self._map_memory(core)
        spaces(core, self._spaces(), system, failed)
        self._hook_in(self._uc.UC_HOOK_BLOCK, self._libraries[1].block, core=core)
        return core

    def _arch(self) -> Arch:
        """Return what the second core is."""
        arm = self._arm
        return Arch(arm.UC_ARM_REG_PC, arm.UC_ARM_REG_SP, None, self.CODE_BIT, WFE, passes=True)

    def _new_core(self) -> Any:
        # With UC_MODE_MCLASS beside it, Unicorn takes a Cortex-M33 whatever is asked for.
        core = self._uc.Uc(self._uc.UC_ARCH_ARM, self._uc.UC_MODE_THUMB)
        core.ctl_set_cpu_model(getattr(self._arm, CPUS[self._chip.cpu]))
        return core

    def _new_count(self) -> Count:
        arm = self._arm
        return Count(until=QUANTUM, primask=arm.UC_ARM_REG_PRIMASK, xpsr=arm.UC_ARM_REG_XPSR)

    def _begin(self, vectors: int) -> None:
        self._core.reg_write(self._arm.UC_ARM_REG_SP, self._word(vectors))
        self._core.reg_write(self._pc, self._word(vectors + 4))

    def _load(self) -> None:
        for place, data in self._image.segments:
            held = any(
                one.origin <= place and place + len(data) <= one.origin + one.size_b
                for one in self._memory
            )
            if not held:
                raise UsageError(
                    f"the image has {len(data)} bytes at {place:#010x}, where the chip has no "
                    "memory: is it another chip's?"
                )
            self._core.mem_write(place, data)

    def _hook(self) -> None:
        """Let Unicorn call the counter directly: from Python each block would take microseconds."""
        package = Path(str(files("unicorn")))
        found = [at for at in sorted((package / "lib").glob("*unicorn*")) if at.suffix != ".a"]
        if not found:
            raise ToolMissingError(f"{package} holds no library of Unicorn's: install it again")
        library = ctypes.CDLL(str(found[0]))
        self._count.stop = ctypes.cast(library.uc_emu_stop, ctypes.c_void_p).value
        self._count.read = ctypes.cast(library.uc_reg_read, ctypes.c_void_p).value
        counter = ctypes.CDLL(str(built()))
        if ctypes.c_size_t.in_dll(counter, "count_size_b").value != ctypes.sizeof(Count):
            raise ToolMissingError(
                "the counter of instructions is another version's: empty the cache"
            )
        self._libraries: tuple[ctypes.CDLL, ...] = library, counter
        self._count.write = ctypes.cast(library.uc_reg_write, ctypes.c_void_p).value
        self._hook_in(self._uc.UC_HOOK_BLOCK, counter.block)

    def _hook_in(
        self, kind: int, called: Any, region: Region | None = None, core: Any = None
    ) -> None:
        handle = ctypes.c_size_t()
        status = self._libraries[0].uc_hook_add(
            getattr(core or self._core, "_uch"),  # noqa: B009 - Unicorn's own handle, which has no public name
            ctypes.byref(handle),
            ctypes.c_int(kind),
            ctypes.cast(called, ctypes.c_void_p),
            ctypes.byref(self._count),
            ctypes.c_uint64(1 if region is None else region.origin),
            ctypes.c_uint64(0 if region is None else region.origin + region.size_b - 1),
        )
        if status:
            raise ToolMissingError(f"Unicorn takes no hook (error {status}): another version?")

    def _count_cycles(self, words: list[str]) -> None:
        """Let a plugin count blocks and accesses, too. Ref: firmware/cycles/plugin.c."""
        path, *told = (word.replace("\0", ",") for word in words)
        counting = ctypes.CDLL(path)
        for word in told:
            if not counting.unicorn_take(word.encode()):
                raise UsageError(f"the plugin that counts cycles takes no '{word}'")
        self._count.counted = ctypes.cast(counting.unicorn_block, ctypes.c_void_p).value
        self._count.executed = ctypes.cast(counting.unicorn_executed, ctypes.c_void_p).value
        self._count.accessed = ctypes.cast(counting.unicorn_accessed, ctypes.c_void_p).value
        kinds = self._uc.UC_HOOK_MEM_READ | self._uc.UC_HOOK_MEM_WRITE
        for region in self._memory:
            self._hook_in(kinds, self._libraries[1].access, region)
        self._libraries += (counting,)

    def _spaces(self) -> list[tuple[int, int]]:
        """Return the address ranges of peripherals, whole pages; also the gaps between them."""
        pages = sorted({address & 0xFFF0_0000 for address in self.registers.names})
        return [(page, page + 0x10_0000) for page in pages if page != SPACE.start & 0xFFF0_0000]

    def _map(self, start: int, size_b: int) -> None:
        self._core.mmio_map(start, size_b, self._read, start, self._write, start)

    def _read(self, _: object, offset: int, size_b: int, start: int) -> int:
        address = start + offset
        shift = address % 4 * 8
        try:
            device = self.system if address in SPACE else self.registers
            return device.read(address & ~3) >> shift & (1 << size_b * 8) - 1
        except Exception as error:  # an exception must not go through Unicorn's C
            return self._fail(error)

    def _write(self, _: object, offset: int, size_b: int, value: int, start: int) -> None:
        address = start + offset
        try:
            if size_b != 4:
                said = f"{address:#010x} is written as {size_b} bytes, not as a word"
                self._fail(ModelError(said))
            elif address in SPACE:
                self.system.write(address, value)
                self._attend()
            else:
                self.registers.write(address, value)
                self._clock()
        except Exception as error:  # an exception must not go through Unicorn's C
            self._fail(error)

    def _fail(self, error: Exception) -> int:
        self._failed = self._failed or error
        self._core.emu_stop()
        return 0

    def _clock(self) -> None:
        """Follow the clock tree: what the core runs at once it is switched to the PLL."""
        pll = self._chip.pll
        if pll is None or not self.registers.are(pll.switched):
            return
        hz = next((hz for bits, hz in pll.sources if self.registers.are(bits)), 0)
        hz = hz or self._source_hz
        divide = 1
        for one in pll.divide:
            divide *= self.registers.number(one)
        hz = hz * self.registers.number(pll.n) // max(1, self.registers.number(pll.m) * divide)
        if hz != self._hz and hz > 0:
            if self.system.period:
                raise ModelError("the core's clock changes while SysTick runs")
            self._hz = hz

    def _ticks(self) -> int:
        return self._count.instructions * self._ns * self._hz // 1_000_000_000

    def _ram(self, address: int, size_b: int) -> int | None:
        """Return where this process has bytes of the chip's RAM; None: they are not in RAM."""
        for region, counted in zip(self._memory, self._count.regions, strict=False):
            away = address - region.origin
            if region.writes and 0 <= away <= region.size_b - size_b:
                return (counted.bytes or 0) + away
        return None

    def _word(self, address: int) -> int:
        return int.from_bytes(self._core.mem_read(address, 4), "little")

    def _pending(self) -> list[int]:
        self.system.advance()
        asked = [
            *line.asked(self.registers, self._console),
            *dma.asked(self.registers, self._lines),
        ]
        lines = [number for number in asked if number in self.system.enabled]
        return [SYSTICK] * self.system.pending_systick + lines

    def _attend(self) -> None:
        """Stop before the next block that may be interrupted, when there is an interrupt."""
        if not self._handling:
            self._count.attention = bool(self._pending())
            self._limit()

    def _limit(self) -> None:
        two = self._second is not None and self._second.started
        until = self._count.instructions + (SLICE if two else QUANTUM)
        if (tick := self.system.next_tick) is not None:
            until = min(until, -(-tick * 1_000_000_000 // (self._ns * self._hz)))
        self._count.until = until

    def run(self) -> None:
        """Run until the host closes the line and the core waits for it. Raises ModelError."""
        try:
            while True:
                self._go(None)
                if self._second is not None:
                    self._second.turn()
                self._console.take(wait=False)
                self._interrupts()
                self._limit()
        except LineEndedError:
            return
        finally:
            self._console.flush()

    def _go(self, until: int | None) -> None:
        """Run until something is to be done, or until an address."""
        pc = self._core.reg_read(self._pc)
        try:
            self._core.emu_start(pc | self.CODE_BIT, until or RETURN)
        except self._uc.UcError as error:
            self._raise()
            if self._stands_behind(WFE):
                self._wait_for_other()
            else:
                self._fault(error)
            return
        self._raise()
        if until is None and not self._count.stopped and self._sleeps():
            self._wait()

    def _raise(self) -> None:
        if self._failed is not None:
            where = self._image.function(self._count.block)
            if isinstance(self._failed, ModelError):
                raise ModelError(f"in {where}: {self._failed}")
            raise self._failed

    def _sleeps(self) -> bool:
        """Whether Unicorn stopped for a WFI, which it has just passed."""
        return self._stands_behind(b"\x30\xbf")

    def _stands_behind(self, instruction: bytes) -> bool:
        pc = self._core.reg_read(self._pc)
        return bytes(self._core.mem_read(pc - len(instruction), len(instruction))) == instruction

    def _wait_for_other(self) -> None:
        """Let time pass where the other core waits, too: until SysTick wakes this one, at most."""
        if self._second is None or self._second.asleep:
            self._count.instructions += SLICE

    def _wait(self) -> None:
        if not self._pending():
            if self._console.ended:
                raise LineEndedError
            self._console.wait()
        self._count.attention = bool(self._pending())

    def _interrupts(self) -> None:
        """Take what is pending, one after the other, if the core takes interrupts; it keeps its
        registers meanwhile, as a chip would on its stack."""
        arm = self._arm
        pending = self._pending()
        if pending and self._core.reg_read(arm.UC_ARM_REG_PRIMASK) & 1 == 0:
            kept = [
                (register, self._core.reg_read(register))
                for register in (
                    *(getattr(arm, f"UC_ARM_REG_R{n}") for n in range(13)),
                    arm.UC_ARM_REG_SP,
                    arm.UC_ARM_REG_LR,
                    arm.UC_ARM_REG_XPSR,
                    arm.UC_ARM_REG_PC,
                )
            ]
            while pending:
                self._take(pending[0])
                pending = self._pending()
            for register, value in kept:
                self._core.reg_write(register, value)
            self._count.stopped = 0
        self._count.attention = bool(self._pending())

    def _take(self, number: int) -> None:
        """Run a handler to its end. No other interrupt comes meanwhile: all have one priority."""
        arm = self._arm
        self.system.pending_systick &= number != SYSTICK
        self._core.reg_write(arm.UC_ARM_REG_LR, RETURN | 1)
        self._core.reg_write(
            arm.UC_ARM_REG_PC, self._word(self.system.vectors + 4 * (16 + number)) | 1
        )
        self._count.attention, self._count.until = 0, self._count.instructions + QUANTUM
        self._count.stopped = 0
        self._handling = True
        self._go(RETURN)
        self._handling = False
        if self._core.reg_read(arm.UC_ARM_REG_PC) & ~1 != RETURN:
            raise ModelError(
                f"the handler of interrupt {number} did not return within {QUANTUM} instructions"
            )

    def _fault(self, error: Exception) -> None:
        """Go on in the image's own handler of faults, as a chip would."""
        arm = self._arm
        pc, sp = (self._core.reg_read(r) for r in (arm.UC_ARM_REG_PC, arm.UC_ARM_REG_SP))
        handler = self._word(self.system.vectors + 4 * HARD_FAULT)
        if self._image.function(handler & ~1) == self._image.function(pc & ~1):
            raise ModelError(f"a fault in the handler of faults, at {pc:#010x}: {error}")
        names = ("R0", "R1", "R2", "R3", "R12", "LR", "PC", "XPSR")
        frame = [self._core.reg_read(getattr(arm, f"UC_ARM_REG_{name}")) for name in names]
        sp -= 4 * len(frame)
        for at, value in enumerate(frame):
            try:
                self._core.mem_write(sp + 4 * at, value.to_bytes(4, "little"))
            except self._uc.UcError:
                break  # the stack itself is what ran over
        self._core.reg_write(arm.UC_ARM_REG_SP, sp)
        self._core.reg_write(arm.UC_ARM_REG_PC, handler | 1)
        self._count.stopped = 0


def main_loop(machine: Machine, failed: Callable[[str], None]) -> int:
    """Run a machine; return the exit status of the process."""
    try:
        machine.run()
    except ModelError as error:
        failed(str(error))
        return 3
    except BrokenPipeError:
        return 0  # the runner has gone
    return 0
