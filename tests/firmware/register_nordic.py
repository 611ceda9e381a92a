"""What the product specifications of Nordic's nRF52840 and nRF5340 demand of their ports."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from tests.firmware.fake_chip import Access, Ready
from tests.firmware.register_order import NVIC_ISER, RATES, Check, Kind, Log, named, steps

ENABLE, CONFIG, BAUDRATE, PSEL_TXD, PSEL_RXD = 0x500, 0x56C, 0x524, 0x50C, 0x514
RXD_PTR, RXD_MAXCNT, TXD_PTR, TXD_MAXCNT = 0x534, 0x538, 0x544, 0x548
STARTRX, STOPRX, STARTTX, STOPTX = 0x000, 0x004, 0x008, 0x00C
ENDRX, ENDTX, RXTO, TXSTOPPED, INTENSET = 0x110, 0x120, 0x144, 0x158, 0x304
BAUD = {0x00275000: 9600, 0x01D60000: 115_200, 0x07400000: 460_800}
"""What BAUDRATE means, as far as it is used here."""
ENABLED, ENDRX_BIT = 8, 1 << 4
OUTSET, OUTCLR, PIN_CNF, PORT_B = 0x008, 0x00C, 0x200, 0x300
OUTPUT, INPUT_PULLED_UP, OPEN_DRAIN = 0x003, 0x00C, 0x603
START, CLEAR, CAPTURE_0, MODE, BITMODE, PRESCALER, CC_0 = (
    *(0x000, 0x00C, 0x040),
    *(0x504, 0x508, 0x510, 0x540),
)


@dataclass(frozen=True)
class Nordic(Kind):
    """Where a chip has what its port uses."""

    clock: int = 0
    uarte: int = 0
    timer: int = 0
    gpio: int = 0
    interrupt: int = 0
    last: Mapping[int, int] | None = None
    """What registers of its own hold in the end: supply, caches, access for a debugger."""

    def pin(self, access: Access, offset: int) -> bool:
        """Whether an access is of a register of one of its two GPIO ports."""
        away = access.address - self.gpio
        return 0 <= away < 2 * PORT_B and away % PORT_B == offset


def _writes(log: Log, address: int) -> list[int]:
    return [access.value for access in log if access.write and access.address == address]


def crystal(family: Nordic, log: Log) -> Iterator[str]:
    """The crystal was seen to run before the line has a rate of it, or time counts."""
    seen = cleared = started = False
    for _, access, _ in steps(family, log):
        if access.address == family.clock + 0x100:
            cleared |= access.write and access.value == 0
            seen |= not access.write and access.value == 1 and started
        if access.write and access.address == family.clock:
            started = access.value == 1
            if not cleared:
                yield f"{named(access)} before the event was cleared"
        enabled = access.address == family.uarte + ENABLE and access.value == ENABLED
        if access.write and (enabled or access.address == family.timer + START) and not seen:
            yield f"{named(access)} before HFCLKSTARTED was seen"


def pins(family: Nordic, log: Log) -> Iterator[str]:
    """A pin is set up before the UARTE is given it: an output that is high, a pulled-up input."""
    made = dict[int, int]()
    for _, access, _ in steps(family, log):
        away = access.address - family.gpio
        if access.write and 0 <= away < 2 * PORT_B and away % PORT_B >= PIN_CNF:
            made[away // PORT_B * 32 + (away % PORT_B - PIN_CNF) // 4] = access.value
        if access.write and access.address == family.uarte + PSEL_TXD:
            let_go = Access(
                write=True,
                address=family.gpio + access.value // 32 * PORT_B + OUTSET,
                value=1 << access.value % 32,
            )
            if made.get(access.value) != OUTPUT or let_go not in log[: log.index(access)]:
                yield f"{named(access)} is no output that is high"
        received = access.write and access.address == family.uarte + PSEL_RXD
        if received and made.get(access.value) != INPUT_PULLED_UP:
            yield f"{named(access)} is no input that is pulled up"


def set_up_while_off(family: Nordic, log: Log) -> Iterator[str]:
    """Pins, frame, rate and buffer are written while the UARTE is off, all before it is on."""
    uarte = family.uarte
    own = (CONFIG, BAUDRATE, PSEL_TXD, PSEL_RXD, RXD_PTR, RXD_MAXCNT)
    for before, access, after in steps(family, log):
        if access.write and access.address - uarte in own and before.get(uarte + ENABLE, 0):
            yield f"{named(access)} while the UARTE is on"
        if access != Access(write=True, address=uarte + ENABLE, value=ENABLED):
            continue
        for offset, wanted in ((CONFIG, 0), (RXD_MAXCNT, 1), (INTENSET, ENDRX_BIT)):
            if after.get(uarte + offset) != wanted:
                yield f"{named(access)} while {uarte + offset:#x} is not {wanted:#x}"
        for offset in (BAUDRATE, PSEL_TXD, PSEL_RXD, RXD_PTR):
            if after.get(uarte + offset, 0) in (0, 0xFFFFFFFF):
                yield f"{named(access)} while {uarte + offset:#x} is not set"
    if _writes(log, uarte + ENABLE)[:2] != [0, ENABLED]:
        yield "the UARTE is not off first, as a boot loader may have left it on"


def rates(family: Nordic, log: Log) -> Iterator[str]:
    """The first rate is that of the build, the second the one that was asked for."""
    found = [BAUD.get(code) for code in _writes(log, family.uarte + BAUDRATE)]
    if found not in ([9600, RATES[0]], [115_200, RATES[0]]):
        yield f"the rates are {found}"


def received(family: Nordic, log: Log) -> Iterator[str]:
    """A reception starts when the UARTE is on, and the end of the one before is forgotten."""
    uarte, ended, starts = family.uarte, True, 0
    for before, access, _ in steps(family, log):
        if not access.write:
            continue
        ended &= access.address != uarte + ENDRX or access.value != 0
        if access.address == uarte + STARTRX:
            starts += access.value == 1
            if before.get(uarte + ENABLE) != ENABLED:
                yield f"{named(access)} while the UARTE is off"
            if ended:
                yield f"{named(access)} before ENDRX was cleared"
            ended = True
    if starts != 2:
        yield f"{starts} receptions, not one at each rate"


def sent(family: Nordic, log: Log) -> Iterator[str]:
    """A transfer is described, its events are cleared, and its end is seen; then it is stopped."""
    uarte, cleared, seen, count = family.uarte, set[int](), set[int](), 0
    for before, access, _ in steps(family, log):
        event = access.address - uarte
        if event in (ENDTX, TXSTOPPED):
            if access.write and access.value == 0:
                cleared.add(event)
            if not access.write and access.value:
                seen.add(event)
        if not access.write:
            continue
        if event == STARTTX:
            count, seen = count + (access.value == 1), set()
            if cleared != {ENDTX, TXSTOPPED}:
                yield f"{named(access)} before its events were cleared"
            if not before.get(uarte + TXD_PTR, 0) or before.get(uarte + TXD_MAXCNT) != 1:
                yield f"{named(access)} sends other than the one byte there is"
        if event == STOPTX and ENDTX not in seen:
            yield f"{named(access)} cuts off what is being sent"
        if event == ENABLE and not access.value and count and TXSTOPPED not in seen:
            yield f"{named(access)} before TXSTOPPED was seen"
    if count != 1:
        yield f"{count} transfers, not one"


def rate_changed(family: Nordic, log: Log) -> Iterator[str]:
    """For another rate the receiver was stopped, and seen to be, before the UARTE is off."""
    uarte, asked, seen, cleared = family.uarte, False, False, False
    for before, access, _ in steps(family, log):
        if access.address == uarte + RXTO:
            cleared |= access.write and access.value == 0
            seen |= not access.write and access.value == 1 and asked
        if access.write and access.address == uarte + STOPRX:
            asked = access.value == 1
            if not cleared:
                yield f"{named(access)} before RXTO was cleared"
        off = access.write and access.address == uarte + ENABLE and access.value == 0
        if off and before.get(uarte + ENABLE) == ENABLED and not seen:
            yield f"{named(access)} before RXTO was seen"
    if _writes(log, uarte + ENABLE)[2:] != [0, ENABLED]:
        yield "the UARTE was not switched off, and on again, for another rate"


def interrupt_last(family: Nordic, log: Log) -> Iterator[str]:
    """The line's interrupt is let through, and no other, when the UARTE is set up."""
    let = [
        (access.address, access.value)
        for before, access, _ in steps(family, log)
        if access.write
        and access.address in range(NVIC_ISER, NVIC_ISER + 32)
        and before.get(family.uarte + ENABLE) == ENABLED
    ]
    number = family.interrupt
    if let != [(NVIC_ISER + number // 32 * 4, 1 << number % 32)]:
        yield f"interrupts are let through by {let}"


def timed(family: Nordic, log: Log) -> Iterator[str]:
    """The timer counts microseconds to 32 bits, from 0, once all is set; read when captured."""
    wanted = {MODE: 0, BITMODE: 3, PRESCALER: 4, CLEAR: 1}
    started = captured = False
    for before, access, _ in steps(family, log):
        if access.address == family.timer + CC_0:
            if not captured:
                yield f"{named(access)} is of an earlier moment"
            captured = False
        captured |= access == Access(write=True, address=family.timer + CAPTURE_0, value=1)
        if access.write and access.address == family.timer + START:
            started = access.value == 1
            for offset, value in wanted.items():
                if before.get(family.timer + offset) != value:
                    yield f"{named(access)} while {family.timer + offset:#x} is not {value}"
    if not started:
        yield "the timer was not started"


def led(family: Nordic, log: Log) -> Iterator[str]:
    """The LED is an output that is on before the crystal starts, and off at the end."""
    levels = [
        access
        for access in log
        if access.write and (family.pin(access, OUTSET) or family.pin(access, OUTCLR))
    ]
    starts = next((at for at, access in enumerate(log) if access.address == family.clock), 0)
    if not levels or log.index(levels[0]) > starts:
        yield "no LED before the crystal"
        return
    first = levels[0]
    other = first.address ^ OUTSET ^ OUTCLR
    own = [
        access.address
        for access in levels
        if access.value == first.value and access.address in (first.address, other)
    ]
    if own != [first.address, other]:
        yield "the LED is not switched once on and once off"
    number = first.value.bit_length() - 1
    cnf = (first.address & ~0xF) + PIN_CNF + number * 4
    if _writes(log[:starts], cnf) != [OUTPUT]:
        yield "the LED is no output"


def in_the_end(family: Nordic, log: Log) -> Iterator[str]:
    """Supply, cache and the access of a debugger are as declared."""
    for address, value in (family.last or {}).items():
        if _writes(log, address)[-1:] != [value]:
            yield f"{address:#x} is not {value:#x} in the end"


def open_drain(family: Nordic, log: Log) -> Iterator[str]:
    """The timing pin is let go before it becomes an open drain; a mark is low, then let go."""
    drains = [
        access
        for access in log
        if access.write
        and access.value == OPEN_DRAIN
        and (access.address - family.gpio) % PORT_B in range(PIN_CNF, PIN_CNF + 0x80)
    ]
    if len(drains) != 1:
        yield f"{len(drains)} pins are an open drain, not one"
        return
    away = drains[0].address - family.gpio
    origin = family.gpio + away // PORT_B * PORT_B
    bit = 1 << (away % PORT_B - PIN_CNF) // 4
    own = [
        access
        for access in log
        if access.write
        and access.value == bit
        and access.address in (origin + OUTSET, origin + OUTCLR)
    ]
    if [access.address - origin for access in own] != [OUTSET, OUTCLR, OUTSET]:
        yield "a mark is not one pulse to low"
    elif log.index(own[0]) > log.index(drains[0]):
        yield "the pin is driven low before it is let go"


def trim(family: Nordic, log: Log) -> Iterator[str]:
    """Of the nRF5340: the maker's values are in place, and the crystal is chosen, at its start."""
    for before, access, _ in steps(family, log):
        if access.write and access.address == family.clock and access.value == 1:
            if (before.get(0x50004F00), before.get(0x50004F04)) != (0x12, 0x34):
                yield f"{named(access)} before all that TRIMCNF has was written"
            if before.get(family.clock + 0x514) != 1:
                yield f"{named(access)} before HFCLKSRC was the crystal"


_CHECKS = (
    Check("the crystal before line and time", "Clock control", crystal),
    Check("pins before the line", "UARTE, Pin configuration", pins),
    Check("line set up while it is off", "UARTE, Registers", set_up_while_off),
    Check("the rates that were asked for", "UARTE, BAUDRATE", rates),
    Check("reception started when it is on", "UARTE, Reception", received),
    Check("what is sent has left before it is stopped", "UARTE, Transmission", sent),
    Check("receiver stopped before its rate changes", "UARTE, Reception", rate_changed),
    Check("the interrupt after the line", "Armv7-M ARM, B3.4 NVIC", interrupt_last),
    Check("the timer set before it starts", "TIMER", timed),
    Check("the LED on before the clocks, off after", "GPIO", led),
    Check("supply, cache and debugger", "Regulators; NVMC, Cache; Debug", in_the_end),
)
_ENERGY = (Check("the timing pin an open drain", "GPIO, PIN_CNF", open_drain),)


def _ready(clock: int, uarte: int) -> list[Ready]:
    return [
        Ready(clock, 1, 1, clock + 0x100, 1),
        Ready(uarte + STARTTX, 1, 1, uarte + ENDTX, 1),
        Ready(uarte + STOPTX, 1, 1, uarte + TXSTOPPED, 1),
        Ready(uarte + STOPRX, 1, 1, uarte + RXTO, 1),
    ]


NRF52840 = Nordic(
    name="nrf52840",
    manual="nRF52840 PS",
    reset={0x10001208: 0x5A, 0x4000250C: 0xFFFFFFFF, 0x40002514: 0xFFFFFFFF},
    ready=_ready(0x40000000, 0x40002000),
    checks=_CHECKS,
    energy=_ENERGY,
    clock=0x40000000,
    uarte=0x40002000,
    timer=0x40008000,
    gpio=0x50000500,
    interrupt=2,
    counter=0x40008540,
    last={0x4001E540: 1, 0x40000558: 0x5A},
)

NRF5340 = Nordic(
    name="nrf5340",
    manual="nRF5340 PS",
    reset={
        0x00FF8000: 0x50FA50FA,
        0x00FF801C: 0x50FA50FB,
        0x00FF0300: 0x50004F00,
        0x00FF0304: 0x12,
        0x00FF0308: 0x50004F04,
        0x00FF030C: 0x34,
        0x00FF0310: 0xFFFFFFFF,
        **dict.fromkeys((0x5000850C, 0x50008514), 0xFFFFFFFF),
        0x50005558: 1,
    },
    ready=_ready(0x50005000, 0x50008000),
    checks=(
        *_CHECKS,
        Check("trimmed, and the crystal chosen, first", "FICR; CLOCK", trim),
    ),
    energy=_ENERGY,
    clock=0x50005000,
    uarte=0x50008000,
    timer=0x5000F000,
    gpio=0x50842500,
    interrupt=8,
    counter=0x5000F540,
    last={0x50001500: 1, 0x50005558: 0, 0x50006544: 0x50FA50FA, 0x5000654C: 0x50FA50FB},
)


def with_dcdc(family: Nordic) -> Nordic:
    """Return the family with the supply of a board that has the coil."""
    return replace(family, last={**(family.last or {}), 0x40000578: 1})
