"""Registers of an emulated chip: values after reset, flags that follow, what must come first."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from tinybench.errors import DeclarationError, ProtocolError

from .declaration import Bits, Chip, Counter, Dma, Field, Flag, Line, Peripheral, Timer


class ModelError(ProtocolError):
    """The image did what the model of its chip does not know, or what its manual forbids."""


@dataclass
class Registers:
    """All registers by address, and the rules that hold for them."""

    chip: Chip
    values: dict[int, int] = field(default_factory=dict[int, int])
    names: dict[int, str] = field(default_factory=dict[int, str])
    """"RCC.CR" by address."""
    places: dict[str, int] = field(default_factory=dict[str, int])
    lines: dict[str, Line] = field(default_factory=dict[str, Line])
    dmas: dict[str, Dma] = field(default_factory=dict[str, Dma])
    timers: dict[str, Timer] = field(default_factory=dict[str, Timer])
    counters: dict[str, Counter] = field(default_factory=dict[str, Counter])
    on_read: dict[int, Callable[[], int]] = field(default_factory=dict[int, Callable[[], int]])
    on_write: dict[int, Callable[[int], None]] = field(
        default_factory=dict[int, Callable[[int], None]]
    )
    """What a register does beside holding its value, set by whoever models a line."""
    _origins: list[int] = field(default_factory=list[int])
    _spans: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    _clocks: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    _flags: dict[int, list[Flag]] = field(default_factory=dict[int, list[Flag]])
    _clears: dict[int, int] = field(default_factory=dict[int, int])
    _waited: dict[int, int] = field(default_factory=dict[int, int])

    def __post_init__(self) -> None:
        spans: list[tuple[int, str, int]] = []
        for one in self.chip.peripheral:
            spans += [(origin, name, one.size_b) for name, origin in one.at.items()]
            self._add(one)
        spans.sort()
        self._origins = [origin for origin, _, _ in spans]
        self._spans = [(name, size_b) for _, name, size_b in spans]
        for flag in self.chip.flag:
            self.place(flag.when[0])
            self._flags.setdefault(self.place(flag.sets[0]), []).append(flag)
        for demand in self.chip.demand:
            for place, _, _ in (demand.write, *demand.needs):
                self.place(place)

    def _add(self, one: Peripheral) -> None:
        for name, origin in one.at.items():
            for register, (offset, *reset) in one.registers.items():
                place = f"{name}.{register}"
                self.names[origin + offset] = place
                self.places[place] = origin + offset
                self.values[origin + offset] = one.reset.get(place, reset[0] if reset else 0)
            if one.line is not None:
                self.lines[name] = one.line
            if one.dma is not None:
                self.dmas[name] = one.dma
            if one.timer is not None:
                self.timers[name] = one.timer
            if one.counter is not None:
                self.counters[name] = one.counter
            self._clears |= {self.place(f"{name}.{at}"): bits for at, bits in one.clears.items()}
        self._clocks |= one.clock

    def place(self, name: str) -> int:
        """Return the address of a register. Raises DeclarationError for an undeclared one."""
        if name not in self.places:
            raise DeclarationError(f"the model of the chip has no register {name}")
        return self.places[name]

    def value(self, place: str) -> int:
        """Return what a register holds."""
        return self.values[self.place(place)]

    def are(self, bits: Bits) -> bool:
        """Whether bits of a register are so."""
        place, mask, wanted = bits
        return self.value(place) & mask == wanted

    def number(self, one: Field) -> int:
        """Return a number that stands in a register."""
        bits = self.value(one.register) >> one.shift & (1 << one.width) - 1
        return (bits + one.plus) * one.times

    def read(self, address: int) -> int:
        """Return what the core reads. Raises ModelError for what the model does not know."""
        place = self._known(address, "read")
        if (act := self.on_read.get(address)) is not None:
            self.values[address] = act()
        for flag in self._flags.get(address, ()):
            self._follow(flag)
        self._clocked(place, "read")
        return self.values[address]

    def write(self, address: int, value: int) -> None:
        """Take what the core writes. Raises ModelError for what is unknown or comes too early."""
        place = self._known(address, f"written ({value:#x})")
        self._clocked(place, f"written ({value:#x})")
        before = self.values[address]
        own = 0
        for flag in self._flags.get(address, ()):
            own |= flag.sets[1]
        for demand in self.chip.demand:
            at, mask, bits = demand.write
            if at != place or value & mask != bits or before & mask == bits:
                continue
            for needed in demand.needs:
                if not self.are(needed):
                    raise ModelError(
                        f"{place} is written ({value:#x}) while {needed[0]} is "
                        f"{self.value(needed[0]):#x}: {demand.why}"
                    )
        self.values[address] = value & ~own | before & own
        if (act := self.on_write.get(address)) is not None:
            act(value)
        self.values[address] &= ~self._clears.get(address, 0)

    def _known(self, address: int, how: str) -> str:
        if (place := self.names.get(address)) is not None:
            return place
        at = bisect_right(self._origins, address) - 1
        where = f"{address:#010x}"
        if at >= 0 and address - self._origins[at] < self._spans[at][1]:
            where = f"{self._spans[at][0]} + {address - self._origins[at]:#x} ({where})"
        raise ModelError(f"{where} is {how}, which the model of the chip does not have")

    def _clocked(self, place: str, how: str) -> None:
        clock = self._clocks.get(place.partition(".")[0])
        if clock is not None and self.value(clock[0]) & clock[1] != clock[1]:
            raise ModelError(
                f"{place} is {how} without its clock: {clock[0]} is {self.value(clock[0]):#x}, "
                f"and lacks {clock[1]:#x}"
            )

    def _follow(self, flag: Flag) -> None:
        address, mask = self.place(flag.sets[0]), flag.sets[1]
        if not self.are(flag.when):
            self._waited.pop(id(flag), None)
            self.values[address] &= ~mask
            return
        waited = self._waited.get(id(flag), 0)
        self._waited[id(flag)] = waited + 1
        if waited >= flag.reads:
            self.values[address] |= mask
