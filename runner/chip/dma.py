"""Serial lines of an emulated chip whose bytes go to and from RAM by themselves."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

from .declaration import Dma, Transfer
from .line import Console
from .registers import ModelError, Registers

Ram = Callable[[int, int], int | None]
"""Where this process has `size_b` bytes of the chip's RAM from an address on; None: not in RAM."""


@dataclass
class Reception:
    """What one line receives, a byte at a time, while it was started and is not full."""

    registers: Registers
    console: Console
    ram: Ram
    name: str
    line: Dma
    started: bool = False

    def fill(self) -> None:
        """Move what has come, as far as it was asked for."""
        values, one = self.registers.values, self.line.receive
        amount, most = self._place(one.amount), self._place(one.most)
        while self.started and self.console.received and _on(self):
            at = _reached(self, one, values[amount] + 1) + values[amount]
            ctypes.c_uint8.from_address(at).value = self.console.received.popleft()
            values[amount] += 1
            if values[amount] >= values[most]:
                self.ended()

    def ended(self) -> None:
        """Stop, and say so."""
        self.started = False
        self.registers.values[self._place(self.line.receive.end)] = 1

    def start(self, _: int) -> None:
        """Take the task that starts it."""
        self.registers.values[self._place(self.line.receive.start)] = 0
        self.registers.values[self._place(self.line.receive.stop)] = 0
        self.registers.values[self._place(self.line.receive.amount)] = 0
        self.started = True
        self.fill()

    def stop(self, _: int) -> None:
        """Take the task that stops it."""
        if self.started:
            self.ended()

    def send(self, _: int) -> None:
        """Take the task that sends: all at once."""
        values, one = self.registers.values, self.line.send
        values[self._place(one.start)] = values[self._place(one.stop)] = 0
        size_b = values[self._place(one.most)]
        for byte in ctypes.string_at(_reached(self, one, size_b), size_b):
            self.console.send(byte)
        values[self._place(one.amount)] = size_b
        values[self._place(one.end)] = 1

    def _place(self, register: str) -> int:
        return self.registers.place(f"{self.name}.{register}")


def _on(one: Reception) -> bool:
    register, mask = one.line.on
    return one.registers.are((f"{one.name}.{register}", mask, mask))


def _reached(one: Reception, transfer: Transfer, size_b: int) -> int:
    """Return where this process has what a transfer reaches. Raises ModelError outside of RAM."""
    place = f"{one.name}.{transfer.pointer}"
    address = one.registers.value(place)
    found = one.ram(address, size_b)
    if found is None:
        raise ModelError(
            f"{place} is {address:#x}, and {size_b} bytes from there are not in RAM: it reaches "
            "nothing else"
        )
    return found


def wire(
    registers: Registers, console: Console, ram: Ram, changed: Callable[[], None]
) -> dict[str, Reception]:
    """Connect each line. `changed` is called when an interrupt may have come or gone."""
    found: dict[str, Reception] = {}
    for name, line in registers.dmas.items():
        one = found[name] = Reception(registers, console, ram, name, line)
        acts: dict[str, Callable[[int], None]] = {
            line.receive.start: one.start,
            line.receive.stop: one.stop,
            line.send.start: one.send,
            line.receive.end: lambda _: None,
            line.interrupt_on[0]: lambda _: None,
        }
        for register, act in acts.items():
            registers.on_write[registers.place(f"{name}.{register}")] = _then(act, changed)
    return found


def _then(act: Callable[[int], None], changed: Callable[[], None]) -> Callable[[int], None]:
    def both(value: int) -> None:
        act(value)
        changed()

    return both


def asked(registers: Registers, lines: dict[str, Reception]) -> list[int]:
    """Return the interrupts that the lines ask for, with what has come meanwhile in RAM."""
    found: list[int] = []
    for name, one in lines.items():
        one.fill()
        register, mask = one.line.interrupt_on
        if registers.value(f"{name}.{one.line.receive.end}") and registers.are(
            (f"{name}.{register}", mask, mask)
        ):
            found.append(one.line.interrupts[name])
    return found
