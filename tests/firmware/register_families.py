"""The chip families whose ports are checked: their registers, and what their own manuals demand."""

import ctypes
from collections.abc import Iterator
from dataclasses import replace

from tests.firmware.fake_chip import Ready
from tests.firmware.register_f7 import F7_OVER_DRIVE, F7_OWN, STM32F7, Clocks
from tests.firmware.register_g0 import G0_OWN, STM32G0
from tests.firmware.register_kinds import KINDS, as_board
from tests.firmware.register_newer import H7_OWN, STM32H7, STM32U5, U5_MSI, U5_OWN
from tests.firmware.register_order import (
    MHZ,
    MODER,
    RATES,
    Check,
    Family,
    Kind,
    Log,
    Registers,
    Serial,
    ahb_hz,
    alternate_function,
    baud,
    final_clock,
    gpio_clock,
    interrupt_last,
    latency_read_back,
    led,
    named,
    open_drain,
    pll_off_while_configured,
    pll_ready_before_switch,
    power_clock,
    pulled_up,
    sent_before_rate_changes,
    serial_clock,
    steps,
    systick_last,
    wait_states,
)
from tests.firmware.register_sound import SOUND, SOUND_CALLS
from tinybench.runner.build.board import Board

_HSE_HZ = 8e6
"""Of every board that is tried here but those of the STM32F7."""

# STM32L4+, RM0432

_L4_PWR, _L4_RCC, _L4_FLASH, _L4_GPIO = 0x40007000, 0x40021000, 0x40022000, 0x48000000
_L4_CR, _L4_CFGR, _L4_PLLCFGR, _L4_BDCR = (_L4_RCC + at for at in (0x00, 0x08, 0x0C, 0x90))
_PWR_CR1, _PWR_CR2, _PWR_SR2, _PWR_CR5 = (_L4_PWR + at for at in (0x00, 0x04, 0x14, 0x80))
_MSI_HZ = (1e5, 2e5, 4e5, 8e5, 1e6, 2e6, 4e6, 8e6, 16e6, 24e6, 32e6, 48e6)


def _l4_msi_hz(registers: Registers) -> float:
    cr = registers.get(_L4_CR, 0)
    return _MSI_HZ[min(cr >> 4 & 0xF, 11)] if cr & 1 << 3 else 4e6


def _l4_vco_hz(registers: Registers) -> tuple[float, float]:
    pllcfgr = registers.get(_L4_PLLCFGR, 0)
    source_hz = {1: _l4_msi_hz(registers), 2: 16e6, 3: _HSE_HZ}.get(pllcfgr & 3, 0.0)
    input_hz = source_hz / ((pllcfgr >> 4 & 0xF) + 1)
    return input_hz, input_hz * (pllcfgr >> 8 & 0x7F)


def _l4_system_hz(registers: Registers) -> float:
    match registers.get(_L4_CFGR, 0) & 3:
        case 0:
            return _l4_msi_hz(registers)
        case 3:
            pllcfgr = registers.get(_L4_PLLCFGR, 0)
            divider = ((pllcfgr >> 25 & 3) + 1) * 2
            return _l4_vco_hz(registers)[1] / divider if pllcfgr & 1 << 24 else 0.0
        case _:
            return 16e6


def voltage_range(family: Family, log: Log) -> Iterator[str]:
    """Range 1 and a settled voltage (VOSF) before 26 MHz, its boost mode before 80 MHz."""
    settled = True
    for before, access, after in steps(family, log):
        if access.address == _PWR_CR1 and access.write:
            settled = settled and access.value & 0x600 == before.get(_PWR_CR1, 0) & 0x600
        if access.address == _PWR_SR2:
            settled = not access.value & 1 << 10
        hz = family.system_hz(after)
        if hz > 26e6 and after.get(_PWR_CR1, 0) >> 9 & 3 != 1:
            yield f"{named(access)} gives {hz / MHZ:g} MHz in range 2"
        if hz > 80e6 and after.get(_PWR_CR5, 0) & 1 << 8:
            yield f"{named(access)} gives {hz / MHZ:g} MHz without boost"
        if hz > 80e6 and not settled:
            yield f"{named(access)} gives {hz / MHZ:g} MHz while the voltage changes"
    if not any(access.address == _PWR_SR2 for access in log):
        yield "VOSF was never read"


def half_step(family: Family, log: Log) -> Iterator[str]:
    """Above 80 MHz the AHB is halved at the switch, and whole again after 1 us, 60 reads here."""
    reads = 0
    for before, access, after in steps(family, log):
        was_hz, hz = ahb_hz(family, before), ahb_hz(family, after)
        reads += not access.write
        if hz > 80e6 >= was_hz:
            if access.value >> 4 & 0xF or not before.get(_L4_CFGR, 0) >> 4 & 0xF:
                yield f"{named(access)} goes from {was_hz / MHZ:g} to {hz / MHZ:g} MHz in one step"
            elif reads < 60:
                yield f"{named(access)} comes {reads} reads after the switch"
        elif family.system_hz(after) > 80e6 >= family.system_hz(before):
            reads = 0


def backup_domain(family: Family, log: Log) -> Iterator[str]:
    """The backup domain is opened (DBP) before the LSE is switched on in it."""
    for before, access, _ in steps(family, log):
        if access.write and access.address == _L4_BDCR and not before.get(_PWR_CR1, 0) & 1 << 8:
            yield f"{named(access)} while BDCR is write-protected"


def trimmed(family: Family, log: Log) -> Iterator[str]:
    """MSI is trimmed when the LSE was seen ready, and before the PLL takes it."""
    for before, access, _ in steps(family, log):
        if not access.write or access.address != _L4_CR:
            continue
        if access.value & 1 << 2 and not before.get(_L4_BDCR, 0) & 2:
            yield f"{named(access)} trims MSI before LSERDY was seen"
        if access.value & 1 << 24 and not access.value & 1 << 2:
            yield f"{named(access)} feeds the PLL with an MSI that is not trimmed"


def msi_range(family: Family, log: Log) -> Iterator[str]:
    """The range of MSI changes only when MSIRDY was read, and is chosen by MSIRGSEL."""
    seen = False
    for before, access, _ in steps(family, log):
        if access.address != _L4_CR:
            continue
        seen |= not access.write and bool(access.value & 2)
        if access.write and (access.value ^ before.get(_L4_CR, 0)) & 0xF0:
            if not seen:
                yield f"{named(access)} before MSIRDY was seen"
            if not access.value & 1 << 3:
                yield f"{named(access)} without MSIRGSEL"


def l4_pll(family: Family, log: Log) -> Iterator[str]:
    """The VCO gets 2.66 to 16 MHz and runs at 64 to 344 MHz; R gives at most 120 MHz."""
    for _, access, after in steps(family, log):
        if access.write and access.address == _L4_CR and access.value & 1 << 24:
            input_hz, output_hz = family.vco_hz(after)
            if not (2.66e6 <= input_hz <= 16e6 and 64e6 <= output_hz <= 344e6):
                yield f"{named(access)}: VCO {output_hz / MHZ:g} of {input_hz / MHZ:g} MHz"
        if family.system_hz(after) > 120e6:
            yield f"{named(access)} gives more than 120 MHz"


def vddio2(family: Family, log: Log) -> Iterator[str]:
    """Port G is used when its supply is declared valid (IOSV)."""
    used = False
    for before, access, _ in steps(family, log):
        if access.address - _L4_GPIO in range(6 * 0x400, 7 * 0x400):
            used = True
            connected = access.write and access.address - _L4_GPIO == 6 * 0x400 + MODER
            if connected and not before.get(_PWR_CR2, 0) & 1 << 9:
                yield f"{named(access)} before IOSV"
    if not used and not any(a.address == 0x40004800 + 0x0C for a in log):
        yield "port G, where the ST-LINK's line is, was not used"


STM32L4 = Family(
    name="stm32l4",
    manual="RM0432",
    core_hz=120 * MHZ,
    reset={
        _L4_CR: 0x63,
        _L4_PLLCFGR: 0x1000,
        _L4_FLASH: 0x600,
        _L4_RCC + 0x48: 0x100,
        _PWR_CR1: 0x200,
        _PWR_CR5: 0x100,
        _L4_GPIO: 0xABFFFFFF,
        _L4_GPIO + 0x400: 0xFFFFFEBF,
        **{_L4_GPIO + port * 0x400: 0xFFFFFFFF for port in range(2, 8)},
        **{origin + 0x1C: 0xC0 for origin in (0x40008000, 0x40013800, 0x40004400, 0x40004800)},
        0x40004C00 + 0x1C: 0xC0,
    },
    ready=[
        Ready(_L4_CR, 1 << 24, 1 << 24, _L4_CR, 1 << 25),
        Ready(_L4_CR, 1 << 8, 1 << 8, _L4_CR, 1 << 10),
        Ready(_L4_CR, 1 << 16, 1 << 16, _L4_CR, 1 << 17),
        Ready(_L4_BDCR, 1, 1, _L4_BDCR, 2),
        Ready(_L4_CFGR, 3, 3, _L4_CFGR, 3 << 2),
    ],
    system_hz=_l4_system_hz,
    vco_hz=_l4_vco_hz,
    wait_states_hz=(20e6, 40e6, 60e6, 80e6, 100e6, 120e6),
    flash_acr=_L4_FLASH,
    rcc_cr=_L4_CR,
    rcc_cfgr=_L4_CFGR,
    rcc_pllcfgr=_L4_PLLCFGR,
    sw_pll=3,
    pll_on=1 << 24,
    pll_ready=1 << 25,
    gpio=_L4_GPIO,
    gpio_enable=_L4_RCC + 0x4C,
    pwr=_L4_PWR,
    pwr_enable=_L4_RCC + 0x58,
    serials={
        0: Serial(0x40008000, _L4_RCC + 0x5C, 1 << 0, 8, 120 * MHZ, steps=256),
        1: Serial(0x40013800, _L4_RCC + 0x60, 1 << 14, 7, 120 * MHZ),
        2: Serial(0x40004400, _L4_RCC + 0x58, 1 << 17, 7, 120 * MHZ),
        3: Serial(0x40004800, _L4_RCC + 0x58, 1 << 18, 7, 120 * MHZ),
        4: Serial(0x40004C00, _L4_RCC + 0x58, 1 << 19, 8, 120 * MHZ),
    },
    cr1=0x00,
    brr=0x0C,
    status=0x1C,
    uart_enable=1 << 0,
)

# STM32F4, RM0090

_F4_PWR, _F4_RCC, _F4_FLASH, _F4_GPIO = 0x40007000, 0x40023800, 0x40023C00, 0x40020000
_F4_CR, _F4_PLLCFGR, _F4_CFGR = (_F4_RCC + at for at in (0x00, 0x04, 0x08))
_F4_CSR = _F4_PWR + 0x04


def _f4_vco_hz(registers: Registers) -> tuple[float, float]:
    pllcfgr = registers.get(_F4_PLLCFGR, 0)
    input_hz = (_HSE_HZ if pllcfgr & 1 << 22 else 16e6) / max(1, pllcfgr & 0x3F)
    return input_hz, input_hz * (pllcfgr >> 6 & 0x1FF)


def _f4_system_hz(registers: Registers) -> float:
    match registers.get(_F4_CFGR, 0) & 3:
        case 1:
            return _HSE_HZ
        case 2:
            divider = ((registers.get(_F4_PLLCFGR, 0) >> 16 & 3) + 1) * 2
            return _f4_vco_hz(registers)[1] / divider
        case _:
            return 16e6


def hse_ready(family: Family, log: Log) -> Iterator[str]:
    """The crystal was seen to run (HSERDY) before the PLL that it feeds is switched on."""
    for before, access, _ in steps(family, log):
        on = access.write and access.address == family.rcc_cr and access.value & 1 << 24
        if on and not before.get(family.rcc_cr, 0) & 1 << 17:
            yield f"{named(access)} before HSERDY was seen"


def bypassed(family: Family, log: Log) -> Iterator[str]:
    """HSEBYP is set before HSE is switched on, and stays: without a crystal nothing else runs."""
    for before, access, _ in steps(family, log):
        if access.write and access.address == family.rcc_cr and access.value & 1 << 16:
            if not before.get(family.rcc_cr, 0) & 1 << 18:
                yield f"{named(access)} before HSEBYP"
            if not access.value & 1 << 18:
                yield f"{named(access)} takes HSEBYP back"


def hsi_ready(family: Family, log: Log) -> Iterator[str]:
    """HSI was seen to run (HSIRDY) before the PLL that it feeds is switched on."""
    for before, access, _ in steps(family, log):
        on = access.write and access.address == family.rcc_cr and access.value & 1 << 24
        if on and not before.get(family.rcc_cr, 0) & 1 << 10:
            yield f"{named(access)} before HSIRDY was seen"


def voltage_scale(family: Family, log: Log) -> Iterator[str]:
    """Scale 1 is asked for while the PLL is off, and before 144 MHz."""
    for before, access, after in steps(family, log):
        changed = (access.value ^ before.get(_F4_PWR, 0)) & 3 << 14
        asked = access.write and access.address == _F4_PWR
        if asked and (changed or access.value < 1 << 16) and before.get(_F4_CR, 0) & 1 << 24:
            yield f"{named(access)} while the PLL is on"
        if family.system_hz(after) > 144e6 and not after.get(_F4_PWR, 0) & 1 << 14:
            yield f"{named(access)} goes beyond 144 MHz in scale 2"
    if not any(access.write and access.address == _F4_PWR for access in log):
        yield "the scale was not asked for"


def over_drive(family: Family, log: Log) -> Iterator[str]:
    """Above 168 MHz over-drive is on, then switched to, each seen, and after the PLL is on."""
    for before, access, after in steps(family, log):
        if access.write and access.address == _F4_PWR and access.value >> 16:
            if not before.get(_F4_CR, 0) & 1 << 24:
                yield f"{named(access)} before the PLL is on"
            if access.value & 1 << 17 and not before.get(_F4_CSR, 0) & 1 << 16:
                yield f"{named(access)} before ODRDY was seen"
        if family.system_hz(after) > 168e6 and after.get(_F4_CSR, 0) & 3 << 16 != 3 << 16:
            yield f"{named(access)} goes beyond 168 MHz without over-drive"


def bus_clocks(family: Family, log: Log) -> Iterator[str]:
    """APB1 never runs at more than 42 MHz, APB2 at more than 84 MHz; 45 and 90 with over-drive."""
    apb1_hz = 45e6 if family.core_hz > 168 * MHZ else 42e6
    for _, access, after in steps(family, log):
        cfgr = after.get(_F4_CFGR, 0)
        for name, shift, most_hz in (("APB1", 10, apb1_hz), ("APB2", 13, 2 * apb1_hz)):
            code = cfgr >> shift & 7
            hz = ahb_hz(family, after) / (2 ** (code - 3) if code > 3 else 1)
            if hz > most_hz:
                yield f"{named(access)} runs {name} at {hz / MHZ:g} MHz"


def f4_pll(family: Family, log: Log) -> Iterator[str]:
    """The VCO gets 1 to 2 MHz and runs at 100 to 432 MHz; Q is 2 at least."""
    for _, access, after in steps(family, log):
        if access.write and access.address == _F4_CR and access.value & 1 << 24:
            input_hz, output_hz = family.vco_hz(after)
            if not (1e6 <= input_hz <= 2e6 and 100e6 <= output_hz <= 432e6):
                yield f"{named(access)}: VCO {output_hz / MHZ:g} of {input_hz / MHZ:g} MHz"
            if after.get(_F4_PLLCFGR, 0) >> 24 & 0xF < 2:
                yield f"{named(access)}: Q is below 2"


STM32F4 = Family(
    name="stm32f4",
    manual="RM0090",
    core_hz=168 * MHZ,
    reset={
        _F4_CR: 0x83,
        _F4_PLLCFGR: 0x24003010,
        _F4_PWR: 0x4000,
        _F4_RCC + 0x30: 0x100000,
        _F4_GPIO: 0xA8000000,
        _F4_GPIO + 0x400: 0x280,
        **dict.fromkeys((0x40011000, 0x40004400, 0x40004800, 0x40011400), 0xC0),
    },
    ready=[
        Ready(_F4_CR, 1 << 16, 1 << 16, _F4_CR, 1 << 17),
        Ready(_F4_CR, 1 << 24, 1 << 24, _F4_CR, 1 << 25),
        Ready(_F4_CFGR, 3, 2, _F4_CFGR, 2 << 2),
        Ready(_F4_PWR, 1 << 16, 1 << 16, _F4_CSR, 1 << 16),
        Ready(_F4_PWR, 1 << 17, 1 << 17, _F4_CSR, 1 << 17),
    ],
    system_hz=_f4_system_hz,
    vco_hz=_f4_vco_hz,
    wait_states_hz=(30e6, 60e6, 90e6, 120e6, 150e6, 180e6),
    flash_acr=_F4_FLASH,
    rcc_cr=_F4_CR,
    rcc_cfgr=_F4_CFGR,
    rcc_pllcfgr=_F4_PLLCFGR,
    sw_pll=2,
    pll_on=1 << 24,
    pll_ready=1 << 25,
    gpio=_F4_GPIO,
    gpio_enable=_F4_RCC + 0x30,
    pwr=_F4_PWR,
    pwr_enable=_F4_RCC + 0x40,
    serials={
        1: Serial(0x40011000, _F4_RCC + 0x44, 1 << 4, 7, 84 * MHZ),
        2: Serial(0x40004400, _F4_RCC + 0x40, 1 << 17, 7, 42 * MHZ),
        3: Serial(0x40004800, _F4_RCC + 0x40, 1 << 18, 7, 42 * MHZ),
        6: Serial(0x40011400, _F4_RCC + 0x44, 1 << 5, 8, 84 * MHZ),
    },
    cr1=0x0C,
    brr=0x08,
    status=0x00,
    uart_enable=1 << 13,
)

OURS = (STM32L4, STM32F4, STM32U5, STM32H7, STM32G0, STM32F7, *KINDS)
FAMILIES: dict[str, Family | Kind] = {one.name: one for one in OURS}
_PERIPHERALS = (
    Check("a peripheral's clock before its use: GPIO", "Peripheral clock enable", gpio_clock),
    Check("a peripheral's clock before its use: USART", "Peripheral clock enable", serial_clock),
    Check("a pin's function before the pin", "I/O pin alternate function", alternate_function),
    Check("the line idle where nothing is", "GPIO port pull-up/pull-down register", pulled_up),
    Check("the rate before the USART", "USART baud rate generation", baud),
    Check(
        "sent before the rate changes", "Character transmission procedure", sent_before_rate_changes
    ),
    Check("the interrupt after the USART", "Armv7-M ARM, B3.4 NVIC", interrupt_last),
    Check("SysTick after the final clock", "Armv7-M ARM, B3.3 SysTick", systick_last),
    Check("the LED on before the clocks, off after", "General-purpose I/O", led),
)
_POWER = (Check("a peripheral's clock before its use: PWR", "Clock enable", power_clock),)
_CLOCKS = (
    Check("wait states before the frequency", "Read access latency", wait_states),
    Check("wait states read back", "Read access latency", latency_read_back),
    Check("PLL configured while off", "PLL", pll_off_while_configured),
    Check(
        "PLL ready before the switch", "System clock (SYSCLK) selection", pll_ready_before_switch
    ),
    Check("the core's frequency", "Clocks", final_clock),
)
_ENERGY = (Check("the timing pin an open drain", "GPIO port output type register", open_drain),)
_OWN = {
    "stm32l4": (
        Check(
            "voltage range and boost before the frequency", "Dynamic voltage scaling", voltage_range
        ),
        Check("PLL within its limits", "PLL", l4_pll),
    ),
    "stm32f4": (
        Check("voltage scale before the frequency", "Voltage regulator", voltage_scale),
        Check("APB prescalers before the frequency", "RCC_CFGR", bus_clocks),
        Check("PLL within its limits", "RCC_PLLCFGR", f4_pll),
    ),
    "stm32u5": U5_OWN,
    "stm32h7": H7_OWN,
    "stm32g0": G0_OWN,
    "stm32f7": F7_OWN,
}
_HSE = (Check("crystal before the PLL", "HSE clock", hse_ready),)
_SOURCES = {
    ("stm32l4", "msi"): (
        Check("backup domain opened for LSE", "Battery backup domain", backup_domain),
        Check("MSI trimmed by a running LSE", "MSI clock", trimmed),
        Check("MSI's range while it is ready", "MSI clock", msi_range),
    ),
    ("stm32l4", "hsi"): (Check("HSI before the PLL", "HSI16 clock", hsi_ready),),
    ("stm32l4", "hse"): _HSE,
    ("stm32f4", "hse"): _HSE,
    ("stm32f4", "hsi"): (),
    ("stm32u5", "msi"): U5_MSI,
    ("stm32u5", "hsi"): (Check("HSI before the PLL", "HSI16 clock", hsi_ready),),
    ("stm32h7", "hse"): _HSE,
    ("stm32g0", "hse"): _HSE,
    ("stm32g0", "hsi"): (),
    ("stm32f7", "hse"): _HSE,
    ("stm32f7", "hsi"): (),
}
_BYPASS = (Check("bypass before the crystal", "External source (HSE bypass)", bypassed),)
_BOOST = (Check("AHB halved for 1 us", "Dynamic voltage scaling", half_step),)
_PORT_G = (Check("VDDIO2 before port G", "Independent I/O supply rail", vddio2),)
_OVER_DRIVE = (
    Check("over-drive before the frequency", "RM0390, Entering Over-drive mode", over_drive),
)
_WAIT_STATES_HZ = {
    "stm32l4": (16e6, 32e6, 48e6, 64e6, 80e6),
    "stm32f411": (30e6, 64e6, 90e6, 100e6),
}
"""Of chips whose flash is another than their family's first one: RM0351, 3.3.3; RM0383, 3.4.1."""


def of(board: Board) -> Family | Kind:
    """Return the family of a board, as its declaration has the clock of the core."""
    known = FAMILIES[board.family]
    if isinstance(known, Kind):
        return as_board(known, board)
    serials = {
        number: replace(serial, clock_hz=serial.clock_hz * board.clock_hz // known.core_hz)
        for number, serial in known.serials.items()
    }
    assert board.clock is not None
    if board.family == "stm32f7":
        clocks = Clocks(board.clock.source_hz)
        known = replace(known, system_hz=clocks.system_hz, vco_hz=clocks.vco_hz)
    return replace(
        known,
        core_hz=board.clock_hz,
        serials=serials,
        wait_states_hz=_WAIT_STATES_HZ.get(board.clock.tree, known.wait_states_hz),
        source=board.clock.source,
        bypass="hse_bypass" in board.port and board.clock.source == "hse",
        port_g=board.family == "stm32l4" and board.port["usart_tx_pin"] // 16 == 6,
    )


def checks(family: Family | Kind, *, energy: bool, stream: bool = False) -> tuple[Check, ...]:
    """Return what a port's accesses must keep to."""
    if isinstance(family, Kind):
        return (*family.checks, *family.energy * energy)
    more = (
        (family.name == "stm32f4" and family.core_hz > 168 * MHZ, _OVER_DRIVE),
        (family.name == "stm32f7" and family.core_hz > 180 * MHZ, F7_OVER_DRIVE),
        (family.name == "stm32l4" and family.core_hz > 80 * MHZ, _BOOST),
        (family.port_g, _PORT_G),
        (family.bypass, _BYPASS),
        (energy, _ENERGY),
        (stream, SOUND),
        (family.pwr_bit != 0, _POWER),
    )
    own = [*_CLOCKS, *_OWN[family.name], *_SOURCES[family.name, family.source], *_PERIPHERALS]
    return (*own, *(check for wanted, some in more if wanted for check in some))


def record(
    family: Family | Kind,
    library: ctypes.CDLL,
    *,
    energy: bool,
    stream: bool = False,
    lost: int | None = None,
) -> Log | None:
    """Return all accesses of a port that starts, sends, changes its rate and, for energy, marks;
    for a stream drives its pins, takes sound, and stops.

    `lost`: number of a write that does not arrive. None: the port waits for ever.
    """
    chip = family.chip(lost)
    library.port_takes_baud.restype = ctypes.c_bool
    rate = next(rate for rate in RATES if library.port_takes_baud(rate))
    calls = [("port_init", 0), ("port_putc", ord("m")), ("port_set_baud", rate)]
    calls += [("port_mark", 0)] * energy
    calls += SOUND_CALLS * stream
    return chip.log if all(chip.call(library, *call) for call in calls) else None


def broken_checks(
    family: Family | Kind, log: Log, *, energy: bool, stream: bool = False
) -> dict[str, list[str]]:
    """Return what is wrong, by the check that says so with the section it stands in."""
    found = {
        check.name: [f"'{check.section}': {words}" for words in check.broken(family, log)]
        for check in checks(family, energy=energy, stream=stream)
    }
    return {name: words for name, words in found.items() if words}
