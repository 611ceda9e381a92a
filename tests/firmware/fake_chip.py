"""A port built for the host, and registers that answer it as a chip would."""

import ctypes
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tests import kept
from tests.firmware.dut_process import FIRMWARE
from tinybench.runner.build.board import Board

READ = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint32, ctypes.POINTER(ctypes.c_uint32))
WRITE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint32, ctypes.c_uint32)
SYST_RVR, SYST_CVR, ICSR = 0xE000E014, 0xE000E018, 0xE000ED04
PENDSTSET = 1 << 26
MAKERS = {"stm32": "stm32", "nrf5": "nordic", "rp2": "rp2"}
"""How the names of families begin, and where they have what they share."""
ACCESSES_MAX = 5000
"""More than any of a port's functions needs; one that waits for ever is stopped."""


class Access(NamedTuple):
    """One access of a register, with the value that was read or written."""

    write: bool
    address: int
    value: int


@dataclass(frozen=True)
class Ready:
    """A flag that follows a bit some reads later: a clock that was switched on, a switch made."""

    address: int
    of: int
    """Bits that are written; all of them as `when`."""
    when: int
    flag_address: int
    flag: int
    """Bits that are set while `of` is `when`, and clear otherwise."""


@dataclass
class Chip:
    """Registers at their reset values, with the flags that its clocks set, and a record."""

    registers: dict[int, int]
    ready: list[Ready]
    delay: int = 3
    """Reads of a flag before it follows."""
    accesses_max: int = ACCESSES_MAX
    ticks: int = 60
    """By which SysTick goes on until it is read again."""
    passed: int = 0
    """Ticks of SysTick until it was read last."""
    lost: int | None = None
    """Number of a write that does not arrive."""
    counter: int | None = None
    """Where a timer's count is, which goes on by one each time that it is read."""
    accesses: tuple[Any, Any] | None = None
    """What the library calls, also from an interrupt after the last call."""
    log: list[Access] = field(default_factory=list[Access])
    _writes: int = 0
    _waiting: dict[Ready, int] = field(default_factory=dict[Ready, int])

    def read(self, address: int) -> int:
        """Return what the port reads."""
        for rule in self.ready:
            if rule.flag_address == address:
                self._follow(rule)
        value = self.registers.get(address, 0)
        if address == self.counter:
            self.registers[address] = value + 1
        if address == SYST_CVR:
            self.passed += self.ticks
            if self.ticks > value:
                self.registers[ICSR] = PENDSTSET
            value = (value - self.ticks) % (self.registers.get(SYST_RVR, 0) + 1)
            self.registers[address] = value
        self.log.append(Access(write=False, address=address, value=value))
        return value

    def write(self, address: int, value: int) -> None:
        """Take what the port writes; flags are the chip's own."""
        self._writes += 1
        if self._writes - 1 == self.lost:
            return
        flags = 0
        for rule in self.ready:
            if rule.flag_address == address:
                flags |= rule.flag
        self.registers[address] = (value & ~flags) | (self.registers.get(address, 0) & flags)
        self.log.append(Access(write=True, address=address, value=value))

    def _follow(self, rule: Ready) -> None:
        on = self.registers.get(rule.address, 0) & rule.of == rule.when
        value = self.registers.get(rule.flag_address, 0)
        if not on:
            self._waiting.pop(rule, None)
            self.registers[rule.flag_address] = value & ~rule.flag
            return
        left = self._waiting.setdefault(rule, self.delay)
        self._waiting[rule] = left - 1
        if left <= 0:
            self.registers[rule.flag_address] = value | rule.flag

    def call(self, library: ctypes.CDLL, function: str, argument: int = 0) -> bool:
        """Call a function of the port; return whether it came to its end."""

        def on_read(address: int, value: Any) -> int:
            value[0] = self.read(address)
            return int(len(self.log) > self.accesses_max)

        def on_write(address: int, value: int) -> int:
            self.write(address, value)
            return int(len(self.log) > self.accesses_max)

        self.accesses = READ(on_read), WRITE(on_write)
        stopped = library.fake_call(function.encode(), argument, *self.accesses)
        assert stopped >= 0, f"the port has no {function}"
        return stopped == 0


def interrupt(library: ctypes.CDLL, family: str, number: int) -> None:
    """Take an interrupt by the port's vector table."""
    table = (ctypes.CFUNCTYPE(None) * (number + 1)).in_dll(library, f"{family}_interrupts")
    table[number]()


def build(board: Board, folder: Path, *, energy: bool = False, stream: bool = False) -> ctypes.CDLL:
    """Build the port of a board as a library of the host's, with registers to be faked.

    `stream`: that of firmware that hears. What one test has built others have a copy of,
    with variables of its own.
    """
    folder.mkdir(parents=True)
    library = folder / f"{board.name}{'-energy' * energy}{'-stream' * stream}.so"
    sources = [
        FIRMWARE / "ports" / f"{board.family}.c",
        Path(__file__).with_name("fake_registers.c"),
    ]
    sources += [FIRMWARE / "cortex_m" / name for name in ("systick.c", "received.c")]
    maker = next(folder for start, folder in MAKERS.items() if board.family.startswith(start))
    sources += (FIRMWARE / maker).glob("*.c")
    macros = {name: f"{value}u" for name, value in board.constants.items()}
    macros |= {"CLOCK_HZ": f"{board.clock_hz}u", "TB_FAKE_REGISTERS": "1"}
    macros["CHIP_H"] = f'"{board.family}.h"'
    macros |= {"TB_ENERGY": "1"} if energy else {}
    macros |= {"TB_STREAM": "1"} if stream else {}
    command = ["gcc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    command += [f"-I{FIRMWARE / name}" for name in ("core", "cortex_m", maker)]
    command += [f"-D{name}={value}" for name, value in macros.items()]
    command += map(str, sources)

    def make(into: Path) -> None:
        words = [*command, "-o", str(into / "made")]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    shutil.copyfile(kept.made(command, [], make), library)
    return ctypes.CDLL(str(library))
