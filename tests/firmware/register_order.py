"""What the manuals of ST's families demand of the order in which registers are written, as checks.

A check reads the record of a port's accesses and says what is wrong, each by the first access that
breaks it. Figures are those of the data sheets DS12023 (STM32L4R5) and DocID022152 (STM32F405).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tests.firmware.fake_chip import Access, Chip, Ready

Log = Sequence[Access]
Registers = Mapping[int, int]
MHZ = 1_000_000
RATES = (460_800, 57_600)
"""What the record raises the line to: the first that the port takes."""


@dataclass(frozen=True)
class Check:
    """One demand of a manual."""

    name: str
    section: str
    """Where it stands."""
    broken: Callable[[Any, Log], Iterator[str]]
    """Of the family, and a record: what is wrong."""


class Reset(Protocol):
    """A chip whose registers have values after reset."""

    @property
    def reset(self) -> dict[int, int]:
        """Those other than 0."""
        ...


@dataclass(frozen=True)
class Kind:
    """A chip family that is none of ST's, by its own checks."""

    name: str
    manual: str
    reset: dict[int, int]
    ready: list[Ready]
    checks: tuple[Check, ...]
    energy: tuple[Check, ...]
    """Those of the energy build alone."""
    counter: int | None = None
    """Where it counts microseconds, if not by SysTick."""

    def chip(self, lost: int | None = None) -> Chip:
        """Return a chip after reset, which loses one of the writes."""
        return Chip(dict(self.reset), self.ready, lost=lost, counter=self.counter)


@dataclass(frozen=True)
class Serial:
    """One USART: where its clock is switched on, and what feeds it."""

    origin: int
    enable: int
    enable_bit: int
    alternate: int
    clock_hz: int
    steps: int = 1
    """Of BRR in a bit's time: 256 for the LPUART."""


@dataclass(frozen=True)
class Family:
    """The registers of a chip family, as far as its port uses them."""

    name: str
    manual: str
    core_hz: int
    """What the core runs at in the end."""
    reset: dict[int, int]
    """Values after reset other than 0."""
    ready: list[Ready]
    system_hz: Callable[[Registers], float]
    """SYSCLK by the registers, as they are."""
    vco_hz: Callable[[Registers], tuple[float, float]]
    """(input, output) of the PLL's VCO, likewise."""
    wait_states_hz: tuple[float, ...]
    """The most HCLK with no wait state, with one, ..."""
    flash_acr: int
    rcc_cr: int
    rcc_cfgr: int
    rcc_pllcfgr: int
    sw_pll: int
    pll_on: int
    pll_ready: int
    gpio: int
    gpio_enable: int
    pwr: int
    pwr_enable: int
    serials: dict[int, Serial]
    cr1: int
    """Offset of CR1 in a USART, of BRR, and of its status."""
    brr: int
    status: int
    uart_enable: int
    """Bit UE of CR1."""
    rcc_pll_more: tuple[int, ...] = ()
    """Other registers of the PLL, to be written while it is off."""
    sws_shift: int = 2
    """Where SWS stands in RCC_CFGR."""
    pwr_bit: int = 1 << 28
    """That of PWR in `pwr_enable`; 0: it always has its clock."""
    source: str = "hse"
    """What feeds the PLL."""
    bypass: bool = False
    """Whether HSE comes from outside, and is no crystal."""
    port_g: bool = False
    """Whether the line is on port G of an STM32L4, which has a supply of its own."""

    def chip(self, lost: int | None = None) -> Chip:
        """Return a chip after reset, which loses one of the writes."""
        return Chip(dict(self.reset), self.ready, lost=lost)


MODER, OTYPER, PUPDR, BSRR, AFRL = 0x00, 0x04, 0x0C, 0x18, 0x20
TC = 1 << 6
I2S, I2S_ALTERNATE = range(0x40015400, 0x40015800), 13
"""SAI1 of the STM32L4, and the function of its pins."""
NVIC_ISER = 0xE000E100
SYST_CSR, SYST_RVR, SYST_CVR = 0xE000E010, 0xE000E014, 0xE000E018


def steps(family: Reset, log: Log) -> Iterator[tuple[dict[int, int], Access, dict[int, int]]]:
    """Yield (registers before, access, registers after), as the port knows them."""
    before = dict(family.reset)
    for access in log:
        after = {**before, access.address: access.value}
        yield before, access, after
        before = after


def ahb_hz(family: Family, registers: Registers) -> float:
    """Return HCLK by the registers. HPRE has the same place and meaning in both families."""
    code = registers.get(family.rcc_cfgr, 0) >> 4 & 0xF
    shift = {8: 1, 9: 2, 10: 3, 11: 4, 12: 6, 13: 7, 14: 8, 15: 9}.get(code, 0)
    return family.system_hz(registers) / 2**shift


def named(access: Access) -> str:
    return f"{'write' if access.write else 'read'} of {access.address:#x}: {access.value:#x}"


def wait_states(family: Family, log: Log) -> Iterator[str]:
    """Flash has the wait states of a frequency before the core runs at it."""
    for _, access, after in steps(family, log):
        hz = ahb_hz(family, after)
        needed = sum(hz > most_hz for most_hz in family.wait_states_hz)
        if after.get(family.flash_acr, 0) & 0xF < needed:
            yield f"{named(access)} gives {hz / MHZ:g} MHz without {needed:g} wait states"


def latency_read_back(family: Family, log: Log) -> Iterator[str]:
    """What was written to LATENCY is read before the frequency goes up."""
    unread = False
    for before, access, after in steps(family, log):
        if access.address == family.flash_acr:
            unread = access.write
        elif unread and ahb_hz(family, after) > ahb_hz(family, before):
            yield f"{named(access)} raises the frequency before FLASH_ACR was read back"


def final_clock(family: Family, log: Log) -> Iterator[str]:
    """In the end the core runs at what the board declares."""
    wanted_hz = family.core_hz
    hz = 0.0
    for _, _, after in steps(family, log):
        hz = ahb_hz(family, after)
    if abs(hz - wanted_hz) > 0.001 * wanted_hz:
        yield f"the core runs at {hz / MHZ:g} MHz"


def pll_off_while_configured(family: Family, log: Log) -> Iterator[str]:
    """PLLCFGR is written while the PLL is off, and before it is switched on."""
    configured = False
    for before, access, _ in steps(family, log):
        if not access.write:
            continue
        if access.address in (family.rcc_pllcfgr, *family.rcc_pll_more):
            configured |= access.address == family.rcc_pllcfgr
            if before.get(family.rcc_cr, 0) & family.pll_on:
                yield f"{named(access)} while the PLL is on"
        if access.address == family.rcc_cr and access.value & family.pll_on and not configured:
            yield f"{named(access)} switches on a PLL that was not configured"


def pll_ready_before_switch(family: Family, log: Log) -> Iterator[str]:
    """The system clock goes to the PLL when that was seen ready, and the switch is seen."""
    switched = False
    for before, access, after in steps(family, log):
        if access.address != family.rcc_cfgr:
            continue
        to_pll = access.write and access.value & 3 == family.sw_pll
        if to_pll and not before.get(family.rcc_cr, 0) & family.pll_ready:
            yield f"{named(access)} before PLLRDY was seen"
        switched |= not access.write and (
            after[family.rcc_cfgr] >> family.sws_shift & 3 == family.sw_pll
        )
    if not switched:
        yield "SWS was never seen to be the PLL"


def power_clock(family: Family, log: Log) -> Iterator[str]:
    """PWR has its clock before its registers are used."""
    return _clocked(family, log, family.pwr, 0x400, family.pwr_enable, family.pwr_bit)


def gpio_clock(family: Family, log: Log) -> Iterator[str]:
    """Each GPIO port has its clock before its registers are used."""
    for port in range(9):
        origin = family.gpio + port * 0x400
        yield from _clocked(family, log, origin, 0x400, family.gpio_enable, 1 << port)


def serial_clock(family: Family, log: Log) -> Iterator[str]:
    """The USART has its clock before its registers are used."""
    for serial in family.serials.values():
        yield from _clocked(family, log, serial.origin, 0x400, serial.enable, serial.enable_bit)


def _clocked(
    family: Family, log: Log, origin: int, size_b: int, enable: int, bit: int
) -> Iterator[str]:
    """Say which accesses come before the clock's bit is set and read back: it takes two cycles."""
    running = False
    for _, access, after in steps(family, log):
        if access.address == enable:
            running = running if access.write else bool(after[enable] & bit)
            if access.write and not access.value & bit:
                running = False
        elif origin <= access.address < origin + size_b and not running:
            yield f"{named(access)} without its clock"
            return


def alternate_function(family: Family, log: Log) -> Iterator[str]:
    """A pin has its peripheral's function before it is given to it, and gives no other pulse."""
    connected, sound = 0, any(access.address in I2S for access in log)
    wanted = {serial.alternate for serial in _used(family, log)} | (
        {I2S_ALTERNATE} if sound else set()
    )
    for before, access, _ in steps(family, log):
        if not access.write or not is_gpio(family, access, MODER):
            continue
        for pin in range(16):
            mode = access.value >> pin * 2 & 3
            if mode == 2 != before.get(access.address, 0) >> pin * 2 & 3:
                connected += 1
                register = access.address + AFRL + pin // 8 * 4
                if before.get(register, 0) >> pin % 8 * 4 & 0xF not in wanted:
                    yield f"{named(access)} connects pin {pin} without its function"
    if connected != 2 + 3 * sound:
        yield f"{connected} pins are connected, not the 2 of the line and the 3 of I2S, if any"


def is_gpio(family: Family, access: Access, offset: int) -> bool:
    away = access.address - family.gpio
    return 0 <= away < 9 * 0x400 and away % 0x400 == offset


def _used(family: Family, log: Log) -> list[Serial]:
    return [
        serial
        for serial in family.serials.values()
        if any(access.address == serial.origin + family.brr for access in log)
    ]


def baud(family: Family, log: Log) -> Iterator[str]:
    """BRR is written while UE is 0, before UE is set, and is the nearest to the rate."""
    used = _used(family, log)
    if len(used) != 1:
        yield f"{len(used)} USARTs are configured"
        return
    serial = used[0]
    clock_hz = serial.clock_hz * serial.steps
    for before, access, after in steps(family, log):
        enabled = before.get(serial.origin + family.cr1, 0) & family.uart_enable
        if not access.write:
            continue
        if access.address == serial.origin + family.brr:
            if enabled:
                yield f"{named(access)} while UE is 1"
            rate = clock_hz / max(1, access.value)
            rounding = 0.5 / max(1, access.value)
            if min(abs(rate / wanted - 1) for wanted in (9600, 115200, *RATES)) > rounding + 1e-4:
                yield f"{named(access)} is {rate:.0f} baud"
        if access.address == serial.origin + family.cr1 and access.value & family.uart_enable:
            if not after.get(serial.origin + family.brr, 0):
                yield f"{named(access)} enables a USART without a rate"
            if access.value & 0x2C != 0x2C:
                yield f"{named(access)} enables no transmitter, receiver or interrupt"


def pulled_up(family: Family, log: Log) -> Iterator[str]:
    """One pin of the line, that which receives, is pulled up before the USART listens."""
    for serial in _used(family, log):
        at = next(
            (at for at, a in enumerate(log) if a.write and a.address == serial.origin + family.cr1),
            len(log),
        )
        pulls = 0
        for _, access, after in steps(family, log[:at]):
            if access.write and is_gpio(family, access, PUPDR):
                modes = after.get(access.address - PUPDR + MODER, 0)
                pulls += sum(
                    modes >> pin * 2 & 3 == 2 and access.value >> pin * 2 & 3 == 1
                    for pin in range(16)
                )
        if pulls != 1:
            yield f"{pulls} pins of the line are pulled up"


def sent_before_rate_changes(family: Family, log: Log) -> Iterator[str]:
    """What was sent has left the line (TC) before the USART is switched off."""
    for serial in _used(family, log):
        for before, access, _ in steps(family, log):
            if access.write and access.address == serial.origin + family.cr1:
                on = before.get(access.address, 0) & family.uart_enable
                if on and not before.get(serial.origin + family.status, 0) & TC:
                    yield f"{named(access)} cuts off what is being sent"
        writes = [a.value for a in log if a.write and a.address == serial.origin + family.cr1]
        rates = {a.value for a in log if a.write and a.address == serial.origin + family.brr}
        if len(writes) != 3 or not writes[2] & family.uart_enable or len(rates) != 2:
            yield "the USART was not switched off, and on again, for another rate"


def interrupt_last(family: Family, log: Log) -> Iterator[str]:
    """The interrupt is let through when the USART is set up, and only one."""
    for before, access, _ in steps(family, log):
        if access.write and NVIC_ISER <= access.address < NVIC_ISER + 32:
            if access.value.bit_count() != 1:
                yield f"{named(access)} lets through other than one interrupt"
            for serial in _used(family, log):
                if not before.get(serial.origin + family.cr1, 0) & family.uart_enable:
                    yield f"{named(access)} before the USART is set up"
            return
    yield "no interrupt is let through"


def systick_last(family: Family, log: Log) -> Iterator[str]:
    """SysTick starts with its period set, on the core's clock, when that is the final one."""
    started = False
    for before, access, _ in steps(family, log):
        if access.address == SYST_CSR and access.write and access.value & 1:
            started = True
            if not before.get(SYST_RVR, 0) or SYST_CVR not in before:
                yield f"{named(access)} before its period is set and its count cleared"
            if access.value != 7:
                yield f"{named(access)}: not the core's clock, or no interrupt"
            yield from final_clock(family, log[: log.index(access)])
        if access.address == family.rcc_cfgr and access.write and before.get(SYST_CSR, 0) & 1:
            yield f"{named(access)} changes the clock while SysTick runs"
    if not started:
        yield "SysTick was not started"


def led(family: Family, log: Log) -> Iterator[str]:
    """A pin that is an output before any clock is touched is written twice: the LED, on and off."""
    levels = [access for access in log if access.write and is_gpio(family, access, BSRR)]
    clocks = next((at for at, access in enumerate(log) if access.address == family.rcc_cr), 0)
    if not levels or log.index(levels[0]) > clocks:
        yield "no LED before the clocks"
        return
    first = levels[0].value
    other = first >> 16 if first > 0xFFFF else first << 16
    own = [a.value for a in levels if a.address == levels[0].address and a.value in (first, other)]
    if own != [first, other]:
        yield "the LED is not switched once on and once off"
    pin = (first | first >> 16).bit_length() - 1 & 15
    modes = [a.value for a in log[: log.index(levels[0])] if a.address == levels[0].address - BSRR]
    if not modes or modes[-1] >> pin * 2 & 3 != 1:
        yield "the LED is no output when it is switched"


def open_drain(family: Family, log: Log) -> Iterator[str]:
    """The timing pin is let go and an open drain before it becomes an output, then low and high."""
    pins = [(a.address - OTYPER, a.value) for a in log if a.write and is_gpio(family, a, OTYPER)]
    if len(pins) != 1 or pins[0][1].bit_count() != 1:
        yield "not one pin is an open drain"
        return
    origin, bit = pins[0]
    pin = bit.bit_length() - 1
    let_go = Access(write=True, address=origin + BSRR, value=bit)
    became = None
    for at, (before, access, _) in enumerate(steps(family, log)):
        if access.address == origin + MODER and access.write and access.value >> pin * 2 & 3 == 1:
            became = at
            if not before.get(origin + OTYPER, 0) & bit:
                yield f"{named(access)} drives the pin both ways"
            if let_go not in log[:at]:
                yield f"{named(access)} pulls the pin low"
            break
    if became is None:
        yield "the pin never is an output"
    own = [a.value for a in log if a.write and a.address == let_go.address]
    if [value for value in own if value in (bit, bit << 16)] != [bit, bit << 16, bit]:
        yield "a mark is not one pulse to low"
