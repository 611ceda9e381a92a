"""Counters of time of an emulated chip, by the instructions that were executed."""

from collections.abc import Callable

from .declaration import Timer
from .registers import Registers


def wire(registers: Registers, now_ns: Callable[[], int]) -> None:
    """Connect each timer; `now_ns` returns the emulated time."""
    for name, one in registers.timers.items():
        _wire(registers, name, one, now_ns)


def _wire(registers: Registers, name: str, one: Timer, now_ns: Callable[[], int]) -> None:
    began_ns: int | None = None

    def place(register: str) -> int:
        return registers.place(f"{name}.{register}")

    def begin(_: int) -> None:
        nonlocal began_ns
        began_ns = now_ns()
        registers.values[place(one.start)] = 0

    def clear(_: int) -> None:
        nonlocal began_ns
        began_ns = None if began_ns is None else now_ns()
        registers.values[place(one.clear)] = 0

    def capture(_: int) -> None:
        registers.values[place(one.capture)] = 0
        hz = one.hz >> registers.value(f"{name}.{one.prescaler}")
        passed_ns = 0 if began_ns is None else now_ns() - began_ns
        whole = registers.are((f"{name}.{one.bits[0]}", one.bits[1], one.bits[1]))
        registers.values[place(one.count)] = (
            passed_ns * hz // 1_000_000_000 % (2**32 if whole else 2**16)
        )

    registers.on_write[place(one.start)] = begin
    registers.on_write[place(one.clear)] = clear
    registers.on_write[place(one.capture)] = capture
