"""Chips as they are emulated: memory, registers and their rules, lines, a clock tree; as data."""

from typing import Annotated, Literal

from msgspec import Meta

from tinybench.declare import Declaration
from tinybench.expected import like

Word = Annotated[int, Meta(ge=0, lt=2**32)]
Symbol = Annotated[
    str, like(r"^[A-Z][A-Za-z0-9_]*\Z", "a name such as RCC: a capital, then letters, digits and _")
]
Place = Annotated[
    str, like(r"^[A-Z][A-Za-z0-9_]*\.[A-Z][A-Za-z0-9_]*\Z", "a register such as RCC.CR")
]
"""A register: "RCC.CR"."""
Bits = tuple[Place, Word, Word]
"""A register, a mask, and what the bits of the mask are."""


class Region(Declaration, frozen=True, kw_only=True):
    """Memory."""

    origin: Word
    size_b: Annotated[int, Meta(ge=1024, le=2**26)]
    writes: bool = True
    """False: flash, of which a write is a fault."""
    same_as: Word | None = None
    """The memory that begins there, at a second place."""


class Line(Declaration, frozen=True, kw_only=True):
    """What makes a peripheral a serial line: the emulator's standard input and output."""

    status: Symbol
    idle: Word
    """Its value while no byte has come, and"""
    held: Word
    """while one is there."""
    receive: Symbol
    send: Symbol
    packet: tuple[Symbol, Word] | None = None
    """What is sent is held back until these bits are written, or a packet is full of it."""
    packet_b: Annotated[int, Meta(ge=1, le=4096)] = 1
    on: tuple[Symbol, Word]
    """The line is at work while these bits are set."""
    interrupt_on: tuple[Symbol, Word]
    """A byte that is there asks for the interrupt while these are."""
    interrupts: dict[Symbol, Annotated[int, Meta(ge=0, lt=480)]]
    """By the peripheral's name."""


class Transfer(Declaration, frozen=True, kw_only=True):
    """One direction of a line by DMA: its tasks, what it moves, and the event of its end."""

    start: Symbol
    stop: Symbol
    pointer: Symbol
    most: Symbol
    """Bytes to be moved."""
    amount: Symbol
    """Bytes that were."""
    end: Symbol


class Dma(Declaration, frozen=True, kw_only=True):
    """What makes a peripheral a serial line whose bytes go to and from RAM by themselves."""

    on: tuple[Symbol, Word]
    receive: Transfer
    send: Transfer
    interrupt_on: tuple[Symbol, Word]
    """The end of a reception asks for the interrupt while these bits are set."""
    interrupts: dict[Symbol, Annotated[int, Meta(ge=0, lt=480)]]


class Timer(Declaration, frozen=True, kw_only=True):
    """What makes a peripheral a counter of time, read by capture."""

    hz: Annotated[int, Meta(ge=1, lt=2**40)]
    """Before its prescaler, a power of two."""
    start: Symbol
    clear: Symbol
    capture: Symbol
    count: Symbol
    """Where the capture is put."""
    bits: tuple[Symbol, Word]
    """What must be set for it to count to 32 bits."""
    prescaler: Symbol


class Counter(Declaration, frozen=True, kw_only=True):
    """What makes a peripheral a counter of time that can be set, and may be latched to be read."""

    hz: Annotated[int, Meta(ge=1, lt=2**40)]
    on: tuple[Symbol, Word]
    """It counts while these bits are set."""
    latch: tuple[Symbol, Word] | None = None
    """Written to copy the count to `low` and `high`; without it they are the count, and set it."""
    latched: Word = 0
    """Bits of the same register that are set after that."""
    low: Symbol
    high: Symbol
    load: tuple[Symbol, Word] | None = None
    """Written to set the count to"""
    load_low: Symbol = "NONE"
    load_high: Symbol = "NONE"

    def __post_init__(self) -> None:
        """Refuse a counter that is latched and cannot be set, or the other way round."""
        if (self.latch is None) != (self.load is None):
            raise ValueError("a counter has both latch and load, or neither")


class Routes(Declaration, frozen=True, kw_only=True):
    """How a RISC-V gets the interrupts of its peripherals."""

    enable: Place
    """A bit for each of the core's."""
    map: list[tuple[Annotated[int, Meta(ge=0, lt=480)], Place]]
    """(of a peripheral, the register that holds which of the core's it is)."""
    mie: bool = False
    """Whether the core's own register of that name has to let them through as well."""


class Peripheral(Declaration, frozen=True, kw_only=True):
    """Peripherals that are alike: their registers, by name."""

    at: dict[Symbol, Word]
    """Where each begins."""
    registers: dict[Symbol, Annotated[list[Word], Meta(min_length=1, max_length=2)]]
    """[offset] or [offset, value after reset]."""
    size_b: Annotated[int, Meta(ge=4, le=2**20)] = 0x400
    clock: dict[Symbol, tuple[Place, Word]] = {}
    """Bits of a register without which no access of it is right."""
    reset: dict[Place, Word] = {}
    """Where one of them differs after reset."""
    clears: dict[Symbol, Word] = {}
    """Bits that are written to ask for something, and read as 0 once that is done: at once here."""
    line: Line | None = None
    dma: Dma | None = None
    timer: Timer | None = None
    counter: Counter | None = None


class Flag(Declaration, frozen=True, kw_only=True):
    """Bits that the chip sets, some reads after what they tell of: a clock that runs, a switch."""

    when: Bits
    sets: tuple[Place, Word]
    """Cleared otherwise."""
    reads: Annotated[int, Meta(ge=0, le=1000)] = 2


class Demand(Declaration, frozen=True, kw_only=True):
    """What must be so when bits are written as they are in `write`."""

    write: Bits
    needs: list[Bits]
    why: str


class Field(Declaration, frozen=True, kw_only=True):
    """A number in a register: (its bits + plus) * times."""

    register: Place
    shift: Annotated[int, Meta(ge=0, lt=32)] = 0
    width: Annotated[int, Meta(ge=1, le=32)]
    plus: Annotated[int, Meta(ge=0, le=16)] = 0
    times: Annotated[int, Meta(ge=1, le=16)] = 1


class Pll(Declaration, frozen=True, kw_only=True):
    """How the core's clock comes about once it is switched to the PLL."""

    switched: Bits
    sources: list[tuple[Bits, int]]
    """(bits, Hz): the first that fits feeds it; 0 Hz is what the board declares."""
    m: Field
    n: Field
    divide: list[Field]
    """Their product."""


class Second(Declaration, frozen=True, kw_only=True):
    """A second core, and the FIFOs by which its boot ROM is told what it shall run."""

    status: Place
    valid: Word
    """Set while there is a word to receive, and"""
    ready: Word
    """while one can be sent."""
    send: Place
    receive: Place
    off: tuple[Place, Word]
    """Holds it in reset while these bits are set."""


class Chip(Declaration, frozen=True, kw_only=True):
    """A chip, from `firmware/chips/<name>.toml`."""

    description: str
    source: str
    """Where registers and rules come from."""
    cpu: Literal["cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "rv32"]
    riscv: Literal["hazard3"] | None = None
    """The core that runs instead where the image is for RISC-V."""
    reset_hz: Annotated[int, Meta(ge=1, lt=2**40)]
    """What the core runs at before its port changes that."""
    boot: bool = False
    """What is at the start of the image runs first, and finds the vectors by itself."""
    memory: Annotated[list[Region], Meta(max_length=4)] = []
    """Beside the flash and the RAM of the board."""
    peripheral: Annotated[list[Peripheral], Meta(max_length=64)]
    flag: list[Flag] = []
    demand: list[Demand] = []
    pll: Pll | None = None
    routes: Routes | None = None
    """On a RISC-V; a Cortex-M has its own."""
    second: Second | None = None
    """Of a Cortex-M with two cores."""
