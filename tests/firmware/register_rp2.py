"""What the data sheets of the RP2040 and RP2350 demand of their ports."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tests.firmware.fake_chip import Access, Ready
from tests.firmware.register_order import (
    MHZ,
    NVIC_ISER,
    RATES,
    SYST_CSR,
    SYST_CVR,
    SYST_RVR,
    Check,
    Kind,
    Log,
    named,
    steps,
)

XOSC_CTRL, XOSC_STATUS, XOSC_STARTUP = 0x0, 0x4, 0xC
REF_CTRL, REF_SELECTED, SYS_CTRL, SYS_SELECTED, PERI_CTRL = 0x30, 0x38, 0x3C, 0x44, 0x48
CS, PWR, FBDIV, PRIM = 0x0, 0x4, 0x8, 0xC
DR, FR, IBRD, FBRD, LCR_H, CR, IFLS, IMSC = 0x00, 0x18, 0x24, 0x28, 0x2C, 0x30, 0x34, 0x38
MEIEA, TICKS_CTRL, TICKS_CYCLES = 0xBE0, 0x4010803C, 0x40108040
MTIME_CTRL, MTIME = 0xD00001A4, 0xD00001B0
BUSY, TXFF = 1 << 3, 1 << 5
LOCK = STABLE = 1 << 31
XOSC_ON, ON, RECEIVING = 0xFABAA0, 0x301, 0x50
PAD, PAD_PULLED_UP = 0x52, 0x5A
UART, SIO = 2, 5
CRYSTAL_HZ = 12e6


@dataclass(frozen=True)
class Rp2(Kind):
    """Where a chip has what its port uses."""

    core_hz: int = 0
    clocks: int = 0
    resets: int = 0
    xosc: int = 0
    pll: int = 0
    io: int = 0
    pads: int = 0
    uart: int = 0
    interrupt: int = 0
    bits: Sequence[int] = ()
    """Of IO_BANK0, PADS_BANK0, PLL_SYS and UART0 in RESETS."""
    sio: Sequence[int] = ()
    """GPIO_OUT_SET, GPIO_OUT_CLR, GPIO_OE_SET, GPIO_OE_CLR."""


def _writes(log: Log, address: int) -> list[int]:
    return [access.value for access in log if access.write and access.address == address]


def restarted(family: Rp2, log: Log) -> Iterator[str]:
    """A peripheral was reset, let go, and seen to be ready (RESET_DONE), before it is touched."""
    state = dict.fromkeys(family.bits, 0)
    places = dict(zip((family.io, family.pads, family.pll, family.uart), family.bits, strict=True))
    for _, access, _ in steps(family, log):
        for bit in family.bits:
            if access.write and access.address == family.resets:
                held = bool(access.value & bit)
                state[bit] = 1 if held else max(state[bit], 0) and 2
            seen = not access.write and access.address == family.resets + 8
            if seen and access.value & bit and state[bit] == 2:
                state[bit] = 3
        for origin, bit in places.items():
            if 0 <= access.address - origin < 0x1000 and state[bit] != 3:
                yield f"{named(access)} before it was let go from its reset"
                return


def crystal(family: Rp2, log: Log) -> Iterator[str]:
    """The crystal has time to start, and is seen to be stable, before anything runs by it."""
    for before, access, _ in steps(family, log):
        if access.write and access.address == family.xosc + XOSC_CTRL:
            delay_s = before.get(family.xosc + XOSC_STARTUP, 0) * 256 / CRYSTAL_HZ
            if not 1e-3 <= delay_s <= 0.3:
                yield f"{named(access)} with {delay_s:.4f} s to start"
            if access.value != XOSC_ON:
                yield f"{named(access)} does not switch it on at 1 to 15 MHz"
        by_it = access.address == family.clocks + REF_CTRL and access.value & 3 == 2
        if access.write and by_it and not before.get(family.xosc + XOSC_STATUS, 0) & STABLE:
            yield f"{named(access)} before STABLE was seen"
    if not _writes(log, family.clocks + REF_CTRL):
        yield "nothing runs by the crystal"


def pll(family: Rp2, log: Log) -> Iterator[str]:
    """The core runs by the crystal when the PLL is set up; set up, then on, locked, divided."""
    origin = family.pll
    for before, access, after in steps(family, log):
        fresh = access.value & ~before.get(family.resets, 0) & family.bits[2]
        reset = access.address == family.resets and fresh
        if access.write and (reset or access.address == origin + PWR):
            selected = (before.get(family.clocks + place) for place in (SYS_SELECTED, REF_SELECTED))
            if list(selected) != [1, 4]:
                yield f"{named(access)} while the core runs by something else than the crystal"
        if access.write and access.address == origin + PWR and not access.value & 0x20:
            input_hz = CRYSTAL_HZ / max(1, after.get(origin + CS, 0) & 0x3F)
            vco_hz = input_hz * after.get(origin + FBDIV, 0)
            if not (input_hz >= 5e6 and 750e6 <= vco_hz <= 1600e6):
                yield f"{named(access)}: VCO {vco_hz / MHZ:g} of {input_hz / MHZ:g} MHz"
            if not access.value & 4:
                yield f"{named(access)} switches on its modulator"
        if access.write and access.address in (origin + PRIM, origin + PWR):
            divided = access.address == origin + PRIM or not access.value & 8
            if divided and not before.get(origin + CS, 0) & LOCK:
                yield f"{named(access)} before LOCK was seen"
            if access.address == origin + PWR and not access.value & 8:
                prim = before.get(origin + PRIM, 0)
                if not prim or prim >> 16 & 7 < prim >> 12 & 7:
                    yield f"{named(access)} before its dividers are set, the larger one first"


def switched(family: Rp2, log: Log) -> Iterator[str]:
    """clk_sys goes to its other source alone when that is chosen, and is seen to have gone."""
    at, seen = family.clocks + SYS_CTRL, False
    for before, access, _ in steps(family, log):
        seen |= access == Access(write=False, address=family.clocks + SYS_SELECTED, value=2)
        if not access.write or access.address != at:
            continue
        was = before.get(at, 0)
        if (access.value ^ was) & 0xE0 and (was & 1 or access.value & 1):
            yield f"{named(access)} changes the source that is in use"
        if access.value & 1:
            power = before.get(family.pll + PWR, 0x2D)
            if power & 0x29 or not before.get(family.pll + CS, 0) & LOCK:
                yield f"{named(access)} before the PLL gives anything"
    if not seen:
        yield "clk_sys was never seen to run by the PLL"


def frequency(family: Rp2, log: Log) -> Iterator[str]:
    """In the end the core runs at what the board declares, by the PLL."""
    last = dict(family.reset)
    for _, _, after in steps(family, log):
        last = after
    prim = last.get(family.pll + PRIM, 0)
    divide = (prim >> 16 & 7) * (prim >> 12 & 7)
    input_hz = CRYSTAL_HZ / max(1, last.get(family.pll + CS, 0) & 0x3F)
    vco_hz = input_hz * last.get(family.pll + FBDIV, 0)
    if last.get(family.clocks + SYS_CTRL, 0) & 0xE1 != 1 or vco_hz != divide * family.core_hz:
        yield f"the core runs at {vco_hz / max(1, divide) / MHZ:g} MHz"


def peripheral_clock(family: Rp2, log: Log) -> Iterator[str]:
    """clk_peri is off while its source is chosen, and on, by clk_sys, before UART0 is."""
    final = _writes(log, family.clocks + PERI_CTRL)
    if final != [0, 1 << 11]:
        yield f"clk_peri is written {final}"
    for before, access, _ in steps(family, log):
        on = access.write and access.address == family.uart + CR and access.value & 1
        if on and before.get(family.clocks + PERI_CTRL) != 1 << 11:
            yield f"{named(access)} before clk_peri is on"


def line(family: Rp2, log: Log) -> Iterator[str]:
    """Both parts of the rate, then LCR_H, which takes them, while UART0 is off; interrupts."""
    origin, fresh = family.uart, set[int]()
    for before, access, after in steps(family, log):
        place = access.address - origin
        if not access.write or place not in (IBRD, FBRD, LCR_H, CR):
            continue
        if place != CR and before.get(origin + CR, 0) & 1:
            yield f"{named(access)} while UART0 is on"
        if place == LCR_H and (fresh != {IBRD, FBRD} or access.value != 0x70):
            yield f"{named(access)} before the rate, or not 8 bits with the FIFO"
        fresh.add(place)
        if place == CR and access.value & 1:
            if access.value != ON or LCR_H not in fresh:
                yield f"{named(access)} without its frame, or one way alone"
            if (after.get(origin + IFLS), after.get(origin + IMSC)) != (0, RECEIVING):
                yield f"{named(access)} asks for no interrupt at 4 bytes, or after a while"
        fresh = set() if place == CR else fresh
    if len(_writes(log, origin + CR)) != 3:
        yield "UART0 was not switched off, and on again, for another rate"


def rates(family: Rp2, log: Log) -> Iterator[str]:
    """Two rates are set, each within half a step of one that was asked for."""
    pairs = zip(*(_writes(log, family.uart + place) for place in (IBRD, FBRD)), strict=False)
    found = [whole * 64 + part for whole, part in pairs]
    for steps_64 in found:
        rate = 4 * family.core_hz / max(1, steps_64)
        wanted = min((9600, 115_200, *RATES), key=lambda one: abs(rate / one - 1))
        if abs(rate / wanted - 1) > 0.5 / max(1, steps_64) + 1e-6:
            yield f"{rate:.0f} baud"
    if len(found) != 2:
        yield f"{len(found)} rates were set, not two"


def pins(family: Rp2, log: Log) -> Iterator[str]:
    """A pin has its function before its pad is let go; the one that receives is pulled up."""
    given = dict[int, int]()
    pulled = dict[int, int]()
    for _, access, _ in steps(family, log):
        if not access.write:
            continue
        if 4 <= access.address - family.io < 0x100:
            given[(access.address - family.io - 4) // 8] = access.value
        if 4 <= access.address - family.pads < 0x80:
            pin = (access.address - family.pads - 4) // 4
            pulled[pin] = access.value
            if pin not in given:
                yield f"{named(access)} before the pin has its function"
        if access.address == family.uart + CR and access.value & 1:
            own = {pulled.get(pin) for pin, function in given.items() if function == UART}
            if own != {PAD, PAD_PULLED_UP}:
                yield f"{named(access)} before its pins are its own"
    if set(given) != set(pulled) or set(given.values()) != {UART, SIO}:
        yield "a pin has no pad, or a function that nobody asked for"


def sent(family: Rp2, log: Log) -> Iterator[str]:
    """A byte is written when there is room (TXFF), and gone (BUSY) before UART0 is switched off."""
    for before, access, _ in steps(family, log):
        state = before.get(family.uart + FR)
        if access.write and access.address == family.uart + DR and (state is None or state & TXFF):
            yield f"{named(access)} before there was seen to be room"
        off = access.write and access.address == family.uart + CR and not access.value
        at = log.index(access)
        if off and log[at - 1].address != family.uart + FR:
            yield f"{named(access)} cuts off what is being sent"


def interrupt_last(family: Rp2, log: Log) -> Iterator[str]:
    """The line's interrupt is let through, and no other, when UART0 is set up."""
    let = [
        (access.address, access.value)
        for before, access, _ in steps(family, log)
        if access.write
        and access.address in range(NVIC_ISER, NVIC_ISER + 32)
        and before.get(family.uart + CR) == ON
    ]
    number = family.interrupt
    if let != [(NVIC_ISER + number // 32 * 4, 1 << number % 32)]:
        yield f"interrupts are let through by {let}"


def systick_last(family: Rp2, log: Log) -> Iterator[str]:
    """SysTick starts with its period set, on the core's clock, when that is the final one."""
    started = False
    for before, access, _ in steps(family, log):
        if access.write and access.address == SYST_CSR and access.value & 1:
            started = True
            if not before.get(SYST_RVR, 0) or SYST_CVR not in before or access.value != 7:
                yield f"{named(access)} without its period, or not by the core's clock"
            yield from frequency(family, log[: log.index(access)])
    if not started:
        yield "SysTick was not started"


def own_interrupt_last(family: Rp2, log: Log) -> Iterator[str]:
    """Hazard3's MEIEA gets the line's interrupt, and no other, when UART0 is set up."""
    let = [
        access.value
        for before, access, _ in steps(family, log)
        if access.write and access.address == MEIEA and before.get(family.uart + CR) == ON
    ]
    number = family.interrupt
    if let != [1 << (16 + number % 16) | number // 16]:
        yield f"interrupts are let through by {let}"


def timer(family: Rp2, log: Log) -> Iterator[str]:
    """Ticks are microseconds of the crystal, which runs; the timer is on, at 0, and then read."""
    ticked = seen = False
    for before, access, _ in steps(family, log):
        seen |= access.address == TICKS_CTRL and not access.write and access.value & 3 == 3
        if access.write and access.address == TICKS_CTRL and access.value & 1:
            ticked = True
            if before.get(TICKS_CYCLES, 0) != CRYSTAL_HZ / MHZ:
                yield f"{named(access)}: a tick is {before.get(TICKS_CYCLES, 0)} periods"
            if before.get(family.clocks + REF_SELECTED) != 4:
                yield f"{named(access)} before the crystal is what is divided"
            if before.get(MTIME_CTRL, 0xD) & 3 != 1 or before.get(TICKS_CTRL, 2) & 2:
                yield f"{named(access)}: the timer is off or counts clocks, or ticks still come"
            if (before.get(MTIME), before.get(MTIME + 4)) != (0, 0):
                yield f"{named(access)} before the timer is at 0"
    if not (ticked and seen):
        yield "there are no ticks, or none were seen to come"


def led(family: Rp2, log: Log) -> Iterator[str]:
    """The LED's pin is an output of SIO that is high before the crystal starts, low at the end."""
    on, off, drive = family.sio[0], family.sio[1], family.sio[2]
    starts = next((at for at, access in enumerate(log) if access.address == family.xosc), 0)
    bits = _writes(log[:starts], drive)
    if len(bits) != 1:
        yield "no LED before the crystal"
        return
    own = [
        access.address for access in log if access.write and access.value == bits[0]
        and access.address in (on, off)
    ]  # fmt: skip
    if own != [off, on, off]:
        yield "the LED is not switched once on and once off"
    if _writes(log[:starts], family.io + 8 * (bits[0].bit_length() - 1) + 4) != [SIO]:
        yield "the LED's pin is not SIO's"


def open_drain(family: Rp2, log: Log) -> Iterator[str]:
    """The timing pin is let go, and low when driven, before it is SIO's; a mark drives it once."""
    _, low, drive, let_go = family.sio
    marks = [access for access in log if access.write and access.address in (drive, let_go)]
    bit = next((access.value for access in marks if access.address == let_go), 0)
    own = [access for access in marks if access.value == bit]
    if [access.address for access in own] != [let_go, drive, let_go]:
        yield "a mark is not one pulse to low"
        return
    given = Access(write=True, address=family.io + 8 * (bit.bit_length() - 1) + 4, value=SIO)
    cleared = Access(write=True, address=low, value=bit)
    if given not in log or cleared not in log:
        yield "the pin is not SIO's, or not low when it is driven"
    elif not log.index(own[0]) < log.index(given) > log.index(cleared):
        yield "the pin is SIO's before it is let go and low"


_CHECKS = (
    Check("let go from reset before its use", "Subsystem resets", restarted),
    Check("the crystal stable before it is used", "Crystal oscillator (XOSC)", crystal),
    Check("the PLL set up while nothing runs by it", "PLL", pll),
    Check("the switch of clk_sys", "Clocks, Glitchless mux", switched),
    Check("the core's frequency", "Clocks", frequency),
    Check("clk_peri before UART0", "Clocks", peripheral_clock),
    Check("line set up while it is off", "UART, PL011 TRM 3.3.7", line),
    Check("the rates that were asked for", "UART, Baud rate calculation", rates),
    Check("a function before the pad", "GPIO", pins),
    Check("what is sent has left before the rate changes", "UART, UARTFR", sent),
    Check("the interrupt after the line", "Armv8-M ARM, NVIC", interrupt_last),
    Check("SysTick after the final clock", "Armv8-M ARM, SysTick", systick_last),
    Check("the LED on before the clocks, off after", "SIO, GPIO control", led),
)
_ENERGY = (Check("the timing pin an open drain", "SIO, GPIO control", open_drain),)


def _ready(resets: int, bits: Sequence[int], clocks: int, xosc: int, pll_sys: int) -> list[Ready]:
    return [
        *(Ready(resets, bit, 0, resets + 8, bit) for bit in bits),
        Ready(xosc, 0xFFFFFF, XOSC_ON, xosc + XOSC_STATUS, STABLE),
        Ready(pll_sys + PWR, 0x21, 0, pll_sys + CS, LOCK),
        Ready(clocks + REF_CTRL, 3, 2, clocks + REF_SELECTED, 4),
        Ready(clocks + REF_CTRL, 3, 0, clocks + REF_SELECTED, 1),
        Ready(clocks + SYS_CTRL, 1, 1, clocks + SYS_SELECTED, 2),
        Ready(clocks + SYS_CTRL, 1, 0, clocks + SYS_SELECTED, 1),
    ]


_BITS_2350 = (1 << 6, 1 << 9, 1 << 14, 1 << 26)
RP2350 = Rp2(
    name="rp2350",
    manual="RP2350 data sheet",
    reset={
        0x40020000: 0x1FFFFFFF,
        0x40010038: 1,
        0x4001003C: 0x41,
        0x40010044: 2,
        0x40050000: 1,
        0x40050004: 0x2D,
        0x4005000C: 0x77000,
        0x40070034: 0x12,
    },
    ready=_ready(0x40020000, _BITS_2350, 0x40010000, 0x40048000, 0x40050000),
    checks=_CHECKS,
    energy=_ENERGY,
    core_hz=150 * MHZ,
    clocks=0x40010000,
    resets=0x40020000,
    xosc=0x40048000,
    pll=0x40050000,
    io=0x40028000,
    pads=0x40038000,
    uart=0x40070000,
    interrupt=33,
    bits=_BITS_2350,
    sio=(0xD0000018, 0xD0000020, 0xD0000038, 0xD0000040),
)

_BITS_2040 = (1 << 5, 1 << 8, 1 << 12, 1 << 22)
RP2040 = Rp2(
    name="rp2040",
    manual="RP2040 data sheet",
    reset={
        0x4000C000: 0x1FFFFFF,
        0x40008038: 1,
        0x4000803C: 0,
        0x40008044: 1,
        0x40028000: 1,
        0x40028004: 0x2D,
        0x4002800C: 0x77000,
        0x40034034: 0x12,
    },
    ready=_ready(0x4000C000, _BITS_2040, 0x40008000, 0x40024000, 0x40028000),
    checks=_CHECKS,
    energy=_ENERGY,
    core_hz=125 * MHZ,
    clocks=0x40008000,
    resets=0x4000C000,
    xosc=0x40024000,
    pll=0x40028000,
    io=0x40014000,
    pads=0x4001C000,
    uart=0x40034000,
    interrupt=20,
    bits=_BITS_2040,
    sio=(0xD0000014, 0xD0000018, 0xD0000024, 0xD0000028),
)


HAZARD3 = replace(
    RP2350,
    name="hazard3",
    reset={**RP2350.reset, MTIME_CTRL: 0xC, MTIME: 5, MTIME + 4: 5, TICKS_CTRL: 3},
    ready=[*RP2350.ready, Ready(TICKS_CTRL, 1, 1, TICKS_CTRL, 2)],
    counter=MTIME,
    checks=(
        *(one for one in _CHECKS if one.broken not in (interrupt_last, systick_last)),
        Check("the interrupt after the line", "Hazard3, Interrupts", own_interrupt_last),
        Check("ticks and the timer before the time", "RISC-V platform timer, Ticks", timer),
    ),
)
"""Its RISC-V cores; at first the timer is off here, and ticks come: the port must say otherwise."""


def at(family: Rp2, core_hz: int, *, hazard3: bool = False) -> Rp2:
    """Return the family of a board whose core runs at another frequency, or is the other one."""
    return replace(HAZARD3 if hazard3 else family, core_hz=core_hz)
