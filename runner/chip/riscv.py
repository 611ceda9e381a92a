"""A RISC-V core in machine mode: its interrupts and exceptions, by its own registers.

Ref: The RISC-V Instruction Set Manual, Volume II: Privileged Architecture 20211203, 3.1.6 to
3.1.16.
"""

import importlib
from collections.abc import Callable
from typing import Any

from . import line
from .count import Count
from .machine import QUANTUM, Machine
from .registers import ModelError
from .second import BLOCK, Arch
from .system import System

MIE, MPIE, MPP = 1 << 3, 1 << 7, 3 << 11
"""Bits of mstatus."""
INTERRUPT = 1 << 31
"""Of mcause."""
WFI = b"\x73\x00\x50\x10"
MEIE, EXTERNAL = 1 << 11, 11
"""Of mie; of mcause: where the interrupts of peripherals are one of the core's."""
MEIEA = 0xBE0
"""Hazard3's own: which of them are let through, a window of 16 at a time. Ref: RP2350 data sheet,
3.8.6.1.2."""
CSRRW, CSRRS, CSRRC = 1, 2, 3
ILLEGAL, ACCESS = 2, 5
"""Causes: an instruction, a load or store. Unicorn does not say which one it was."""
SP = 2


def accessed(code: int, register: Callable[[int], int]) -> int | None:
    """Return the address that a load or store of whole numbers accesses; None for anything else.

    Ref: Volume I: Unprivileged Architecture 20191213, 2.6 and 16.3.
    """
    if code & 3 == 3:
        base = register(code >> 15 & 31)
        upper = code >> 20 if code & 0x7F == 0x03 else code >> 25 << 5 | code >> 7 & 31
        away = (upper ^ 0x800) - 0x800
    elif code & 3 == 0:
        base = register(8 + (code >> 7 & 7))
        away = (code >> 6 & 1) << 2 | (code >> 10 & 7) << 3 | (code >> 5 & 1) << 6
    elif code >> 13 & 7 == 2:
        base = register(SP)
        away = (code >> 4 & 7) << 2 | (code >> 12 & 1) << 5 | (code >> 2 & 3) << 6
    else:
        base = register(SP)
        away = (code >> 9 & 0xF) << 2 | (code >> 7 & 3) << 6
    loads = code & 0x7F in (0x03, 0x23) if code & 3 == 3 else code & 3 != 1 and code >> 13 & 3 == 2
    return (base + away) % (1 << 32) if loads else None


class RiscvMachine(Machine):
    """An emulated RISC-V of 32 bits with an image in its memory."""

    KIND = "riscv"
    CODE_BIT = 0
    _let = 0
    """The interrupts that Hazard3's own register lets through."""

    def _new_core(self) -> Any:
        self._riscv = importlib.import_module("unicorn.riscv_const")
        self._pc = self._riscv.UC_RISCV_REG_PC
        core = self._uc.Uc(self._uc.UC_ARCH_RISCV, self._uc.UC_MODE_RISCV32)
        core.ctl_set_cpu_model(self._riscv.UC_CPU_RISCV32_SIFIVE_E31)  # RV32IMAC
        self._trapped = False
        return core

    def _arch(self) -> Arch:
        riscv = self._riscv
        vectors, stack = riscv.UC_RISCV_REG_MTVEC, riscv.UC_RISCV_REG_SP
        return Arch(self._pc, stack, vectors, self.CODE_BIT, BLOCK, passes=False)

    def _second_core(self, system: System, failed: Callable[[Exception], int]) -> Any:
        """Return a core that stops before each h3.block: Unicorn's takes it for nothing."""
        core = super()._second_core(system, failed)
        for place, data in self._image.segments:
            at = data.find(BLOCK)
            while at >= 0:
                hook = (self._uc.UC_HOOK_CODE, lambda *_: core.emu_stop())
                core.hook_add(*hook, begin=place + at, end=place + at)
                at = data.find(BLOCK, at + 2)
        return core

    def _new_count(self) -> Count:
        return Count(until=QUANTUM, riscv=1, primask=self._riscv.UC_RISCV_REG_MSTATUS, xpsr=-1)

    def _begin(self, vectors: int) -> None:  # noqa: ARG002 - it has none
        self._core.reg_write(self._pc, self._image.entry)

    def _pending(self) -> list[int]:
        """Return the core's interrupts that peripherals ask for, and that are let through."""
        routes = self._chip.routes
        asked = line.asked(self.registers, self._console)
        if routes is None:
            let = any(self._let >> number & 1 for number in asked)
            on = self._core.reg_read(self._riscv.UC_RISCV_REG_MIE) & MEIE
            return [EXTERNAL] if let and on else []
        let = self.registers.value(routes.enable)
        if routes.mie:
            let &= self._core.reg_read(self._riscv.UC_RISCV_REG_MIE)
        cores = {self.registers.value(place) for source, place in routes.map if source in asked}
        return sorted(number for number in cores if let >> number & 1)

    def _sleeps(self) -> bool:
        pc = self._core.reg_read(self._pc)
        return bytes(self._core.mem_read(pc - 4, 4)) == WFI

    def _interrupts(self) -> None:
        """Take what is pending; the core comes back from it by itself."""
        status = self._core.reg_read(self._riscv.UC_RISCV_REG_MSTATUS)
        if status & MIE and (pending := self._pending()):
            vectors = self._core.reg_read(self._riscv.UC_RISCV_REG_MTVEC)
            vectored = vectors & 1 or self._chip.routes is not None
            handler = (vectors & ~3) + 4 * pending[0] * bool(vectored)
            self._enter(handler, INTERRUPT | pending[0])
        self._count.attention = bool(self._pending())

    def _enter(self, handler: int, cause: int) -> None:
        core, riscv = self._core, self._riscv
        status = core.reg_read(riscv.UC_RISCV_REG_MSTATUS)
        after = (status & ~(MIE | MPIE)) | MPP | (MPIE if status & MIE else 0)
        core.reg_write(riscv.UC_RISCV_REG_MEPC, core.reg_read(self._pc))
        core.reg_write(riscv.UC_RISCV_REG_MCAUSE, cause)
        core.reg_write(riscv.UC_RISCV_REG_MSTATUS, after)
        core.reg_write(self._pc, handler)
        self._count.stopped = 0

    def _own_register(self, pc: int) -> bool:
        """Do what an instruction does with the register that is Hazard3's alone; False: another."""
        code = int.from_bytes(self._core.mem_read(pc, 4), "little")
        if self._chip.riscv is None or code & 0x7F != 0x73 or code >> 20 != MEIEA:
            return False
        value = self._core.reg_read(self._riscv.UC_RISCV_REG_X0 + (code >> 15 & 31))
        bits, shift, how = value >> 16, (value & 0x1F) * 16, code >> 12 & 7
        if how not in (CSRRW, CSRRS, CSRRC) or code >> 7 & 31:
            raise ModelError(f"MEIEA is read, or written by {code:#010x}, which is not modelled")
        if how == CSRRW:
            self._let = self._let & ~(0xFFFF << shift) | bits << shift
        else:
            bits <<= shift
            self._let = self._let | bits if how == CSRRS else self._let & ~bits
        self._core.reg_write(self._pc, pc + 4)
        self._count.stopped = 0
        self._count.attention = bool(self._pending())
        return True

    def _fault(self, error: Exception) -> None:
        """Go on in the image's own handler of exceptions, as a chip would."""
        pc = self._core.reg_read(self._pc)
        if getattr(error, "errno", None) == self._uc.UC_ERR_EXCEPTION:
            pc -= 4  # Unicorn has gone on by as much, for the sake of ECALL
            self._core.reg_write(self._pc, pc)
            if self._own_register(pc):
                return
        if self._trapped:
            raise ModelError(f"an exception in the handler of exceptions, at {pc:#010x}: {error}")
        self._trapped = True
        code = int.from_bytes(self._core.mem_read(pc, 4), "little")
        touched = accessed(code, lambda n: self._core.reg_read(self._riscv.UC_RISCV_REG_X0 + n))
        self._core.reg_write(self._riscv.UC_RISCV_REG_MTVAL, touched or 0)
        table = self._core.reg_read(self._riscv.UC_RISCV_REG_MTVEC) & ~3
        self._enter(table, ILLEGAL if touched is None else ACCESS)
