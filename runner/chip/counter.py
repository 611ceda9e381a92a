"""Counters of time, by the instructions that were executed: read, latched or captured, and set."""

from collections.abc import Callable
from dataclasses import dataclass

from .declaration import Counter, Timer
from .registers import Registers

WORD = 1 << 32


def wire(registers: Registers, now_ns: Callable[[], int]) -> None:
    """Let each counter of a chip count. `now_ns`: since the chip started."""
    for name, one in registers.counters.items():
        _wire_counter(registers, name, one, now_ns)
    for name, one in registers.timers.items():
        _wire_timer(registers, name, one, now_ns)


@dataclass
class _Count:
    """A count that goes on while it runs."""

    hz: int
    now_ns: Callable[[], int]
    runs: bool = False
    held: int = 0
    """The count when it last was set, started or stopped, and when that was."""
    began_ns: int = 0

    @property
    def number(self) -> int:
        """What it is now."""
        passed_ns = self.now_ns() - self.began_ns if self.runs else 0
        return self.held + passed_ns * self.hz // 1_000_000_000

    def go_on(self, number: int, *, runs: bool) -> None:
        """Set it, and let it run or stand."""
        self.held, self.began_ns, self.runs = number, self.now_ns(), runs


def _wire_counter(registers: Registers, name: str, one: Counter, now_ns: Callable[[], int]) -> None:
    """Connect a counter that is on while some bits are set, and may be latched to be read."""
    low, high, control = (
        registers.place(f"{name}.{what}") for what in (one.low, one.high, one.on[0])
    )
    values = registers.values
    count = _Count(one.hz, now_ns)

    def control_written(_: int) -> None:
        runs = values[control] & one.on[1] == one.on[1]
        if runs != count.runs:
            count.go_on(count.number, runs=runs)

    def set_to(number: int) -> None:
        count.go_on(number, runs=count.runs)

    control_written(0)
    registers.on_write[control] = control_written
    if one.latch is None or one.load is None:
        registers.on_read[low] = lambda: count.number % WORD
        registers.on_read[high] = lambda: count.number // WORD % WORD
        registers.on_write[low] = lambda value: set_to(count.number // WORD * WORD + value)
        registers.on_write[high] = lambda value: set_to(value * WORD + count.number % WORD)
        return
    latch, load, load_low, load_high = (
        registers.place(f"{name}.{what}")
        for what in (one.latch[0], one.load[0], one.load_low, one.load_high)
    )
    latch_bits, load_bits = one.latch[1], one.load[1]

    def latch_written(value: int) -> None:
        if value & latch_bits:
            values[high], values[low] = divmod(count.number % (WORD * WORD), WORD)
            values[latch] |= one.latched

    def load_written(value: int) -> None:
        if value & load_bits:
            set_to(values[load_high] * WORD + values[load_low])

    registers.on_write[latch] = latch_written
    registers.on_write[load] = load_written


def _wire_timer(registers: Registers, name: str, one: Timer, now_ns: Callable[[], int]) -> None:
    """Connect a timer that is started, cleared and captured by tasks."""
    values = registers.values
    start, clear, capture, captured = (
        registers.place(f"{name}.{what}") for what in (one.start, one.clear, one.capture, one.count)
    )
    count = _Count(one.hz, now_ns)

    def begin(_: int) -> None:
        count.go_on(0, runs=True)
        values[start] = 0

    def begin_anew(_: int) -> None:
        count.go_on(0, runs=count.runs)
        values[clear] = 0

    def take(_: int) -> None:
        values[capture] = 0
        count.hz = one.hz >> registers.value(f"{name}.{one.prescaler}")
        whole = registers.are((f"{name}.{one.bits[0]}", one.bits[1], one.bits[1]))
        values[captured] = count.number % (WORD if whole else 1 << 16)

    registers.on_write[start] = begin
    registers.on_write[clear] = begin_anew
    registers.on_write[capture] = take
