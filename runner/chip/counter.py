"""Counters of time, by instructions that were executed: read, or latched to be read, and set."""

from collections.abc import Callable

from .declaration import Counter
from .registers import Registers

WORD = 1 << 32


def wire(registers: Registers, now_ns: Callable[[], int]) -> None:
    """Let each counter of a chip count. `now_ns`: since the chip started."""
    for name, one in registers.counters.items():
        _wire(registers, name, one, now_ns)


def _wire(registers: Registers, name: str, one: Counter, now_ns: Callable[[], int]) -> None:
    low, high, control = (
        registers.place(f"{name}.{what}") for what in (one.low, one.high, one.on[0])
    )
    values = registers.values
    held, began_ns = 0, 0
    """The count when it last was set, started or stopped, and when that was."""

    def runs() -> bool:
        return values[control] & one.on[1] == one.on[1]

    def count() -> int:
        return held + ((now_ns() - began_ns) * one.hz // 1_000_000_000 if running else 0)

    running = runs()

    def control_written(_: int) -> None:
        nonlocal held, began_ns, running
        if runs() != running:
            held, began_ns, running = count(), now_ns(), runs()

    def set_to(number: int) -> None:
        nonlocal held, began_ns
        held, began_ns = number, now_ns()

    registers.on_write[control] = control_written
    if one.latch is None or one.load is None:
        registers.on_read[low] = lambda: count() % WORD
        registers.on_read[high] = lambda: count() // WORD % WORD
        registers.on_write[low] = lambda value: set_to(count() // WORD * WORD + value)
        registers.on_write[high] = lambda value: set_to(value * WORD + count() % WORD)
        return
    latch, load, load_low, load_high = (
        registers.place(f"{name}.{what}")
        for what in (one.latch[0], one.load[0], one.load_low, one.load_high)
    )
    latch_bits, load_bits = one.latch[1], one.load[1]

    def latch_written(value: int) -> None:
        if value & latch_bits:
            values[high], values[low] = divmod(count() % (WORD * WORD), WORD)
            values[latch] |= one.latched

    def load_written(value: int) -> None:
        if value & load_bits:
            set_to(values[load_high] * WORD + values[load_low])

    registers.on_write[latch] = latch_written
    registers.on_write[load] = load_written
