"""What the manuals of the STM32U5 (RM0456) and STM32H7A3 (RM0455) demand of their ports."""

from collections.abc import Iterator

from tests.firmware.fake_chip import Ready
from tests.firmware.register_order import (
    MHZ,
    Check,
    Family,
    Log,
    Registers,
    Serial,
    named,
    steps,
)

_HSE_HZ = 8e6

# STM32U5, RM0456

_U5_PWR, _U5_RCC, _U5_FLASH, _U5_ICACHE, _U5_GPIO = (
    *(0x46020800, 0x46020C00, 0x40022000),
    *(0x40030400, 0x42020000),
)
_U5_CR, _U5_CFGR1, _U5_PLL1CFGR, _U5_PLL1DIVR, _U5_BDCR = (
    _U5_RCC + at for at in (0x00, 0x1C, 0x28, 0x34, 0xF0)
)
_U5_CR3, _U5_VOSR, _U5_DBPR, _U5_SVMSR = (_U5_PWR + at for at in (0x08, 0x0C, 0x28, 0x3C))


def _u5_vco_hz(registers: Registers) -> tuple[float, float]:
    pll1cfgr = registers.get(_U5_PLL1CFGR, 0)
    source_hz = {1: 4e6, 2: 16e6, 3: _HSE_HZ}.get(pll1cfgr & 3, 0.0)
    input_hz = source_hz / ((pll1cfgr >> 8 & 0xF) + 1)
    return input_hz, input_hz * ((registers.get(_U5_PLL1DIVR, 0) & 0x1FF) + 1)


def _u5_system_hz(registers: Registers) -> float:
    if registers.get(_U5_CFGR1, 0) & 3 != 3:
        return 4e6
    on = registers.get(_U5_PLL1CFGR, 0) & 1 << 18
    divider = (registers.get(_U5_PLL1DIVR, 0) >> 24 & 0x7F) + 1
    return _u5_vco_hz(registers)[1] / divider if on else 0.0


def _u5_voltage(family: Family, log: Log) -> Iterator[str]:
    """Range 1 was seen to be there before 25 MHz, the booster before 55 MHz."""
    for _, access, after in steps(family, log):
        hz, vosr = family.system_hz(after), after.get(_U5_VOSR, 0)
        if hz > 25e6 and vosr & 0x38000 != 0x38000:
            yield f"{named(access)} gives {hz / MHZ:g} MHz outside range 1"
        if hz > 55e6 and vosr & 0x44000 != 0x44000:
            yield f"{named(access)} gives {hz / MHZ:g} MHz without the booster"


def _u5_booster(family: Family, log: Log) -> Iterator[str]:
    """The booster is switched on when its source is chosen, divided to 4 to 16 MHz."""
    for before, access, _ in steps(family, log):
        if access.write and access.address == _U5_VOSR and access.value & 1 << 18:
            pll1cfgr = before.get(_U5_PLL1CFGR, 0)
            source_hz = {1: 4e6, 2: 16e6, 3: _HSE_HZ}.get(pll1cfgr & 3, 0.0)
            if not 4e6 <= source_hz / max(1, 2 * (pll1cfgr >> 12 & 0xF)) <= 16e6:
                yield f"{named(access)}: the booster gets {source_hz / MHZ:g} MHz"


def _u5_supply(family: Family, log: Log) -> Iterator[str]:
    """The regulator is the SMPS, and seen to be, before the voltage is raised."""
    for before, access, _ in steps(family, log):
        if access.write and access.address == _U5_VOSR and not before.get(_U5_SVMSR, 0) & 2:
            yield f"{named(access)} before REGS was seen"


def _u5_backup_domain(family: Family, log: Log) -> Iterator[str]:
    """The backup domain is opened (DBP) before the LSE is switched on in it."""
    for before, access, _ in steps(family, log):
        if access.write and access.address == _U5_BDCR and not before.get(_U5_DBPR, 0) & 1:
            yield f"{named(access)} while BDCR is write-protected"


def _u5_trimmed(family: Family, log: Log) -> Iterator[str]:
    """MSIS is chosen, then trimmed when the system gets the LSE, and before the PLL takes it."""
    for before, access, _ in steps(family, log):
        if not access.write or access.address != _U5_CR:
            continue
        if access.value & 1 << 3 and not before.get(_U5_BDCR, 0) & 1 << 11:
            yield f"{named(access)} trims before LSESYSRDY was seen"
        if access.value & 1 << 3 and not before.get(_U5_CR, 0) & 1 << 6:
            yield f"{named(access)} trims MSIK"
        if access.value & 1 << 24 and not access.value & 1 << 3:
            yield f"{named(access)} feeds the PLL with an MSIS that is not trimmed"


def _u5_pll(family: Family, log: Log) -> Iterator[str]:
    """The VCO gets 4 to 16 MHz, as RGE says, and runs at 128 to 544 MHz; R gives 160 at most."""
    for _, access, after in steps(family, log):
        if access.write and access.address == _U5_CR and access.value & 1 << 24:
            input_hz, output_hz = family.vco_hz(after)
            if not (4e6 <= input_hz <= 16e6 and 128e6 <= output_hz <= 544e6):
                yield f"{named(access)}: VCO {output_hz / MHZ:g} of {input_hz / MHZ:g} MHz"
            if after.get(_U5_PLL1CFGR, 0) >> 2 & 3 != (3 if input_hz >= 8e6 else 0):
                yield f"{named(access)}: RGE is not that of {input_hz / MHZ:g} MHz"
        if family.system_hz(after) > 160e6:
            yield f"{named(access)} gives more than 160 MHz"


def _u5_cache(family: Family, log: Log) -> Iterator[str]:
    """The instruction cache is switched on when it was seen to be empty (BUSYF)."""
    on = seen = False
    for _, access, _ in steps(family, log):
        if access.address == _U5_ICACHE + 4:
            seen = not access.value & 1
        if access.address == _U5_ICACHE and access.write and access.value & 1:
            on = True
            if not seen:
                yield f"{named(access)} before BUSYF was read as 0"
    if not on:
        yield "the cache was not switched on"


STM32U5 = Family(
    name="stm32u5",
    manual="RM0456",
    core_hz=160 * MHZ,
    reset={
        _U5_CR: 0x35,
        _U5_VOSR: 0x8000,
        _U5_FLASH: 0x1,
        _U5_ICACHE: 0x4,
        _U5_PLL1DIVR: 0x01010280,
        _U5_RCC + 0x8C: 0xC0000000,
        _U5_RCC + 0x94: 0x80000000,
        _U5_GPIO: 0xABFFFFFF,
        _U5_GPIO + 0x400: 0xFFFFFEBF,
        **{_U5_GPIO + port * 0x400: 0xFFFFFFFF for port in range(2, 8)},
        **{origin + 0x1C: 0xC0 for origin in (0x40013800, 0x40004400, 0x40004800)},
    },
    ready=[
        Ready(_U5_CR, 1 << 24, 1 << 24, _U5_CR, 1 << 25),
        Ready(_U5_CR, 1 << 8, 1 << 8, _U5_CR, 1 << 10),
        Ready(_U5_CR, 1 << 16, 1 << 16, _U5_CR, 1 << 17),
        Ready(_U5_CR3, 2, 2, _U5_SVMSR, 2),
        Ready(_U5_VOSR, 3 << 16, 3 << 16, _U5_VOSR, 1 << 15),
        Ready(_U5_VOSR, 1 << 18, 1 << 18, _U5_VOSR, 1 << 14),
        Ready(_U5_BDCR, 1, 1, _U5_BDCR, 2),
        Ready(_U5_BDCR, 1 << 7, 1 << 7, _U5_BDCR, 1 << 11),
        Ready(_U5_CFGR1, 3, 3, _U5_CFGR1, 3 << 2),
    ],
    system_hz=_u5_system_hz,
    vco_hz=_u5_vco_hz,
    wait_states_hz=(32e6, 64e6, 96e6, 128e6, 160e6),
    flash_acr=_U5_FLASH,
    rcc_cr=_U5_CR,
    rcc_cfgr=_U5_CFGR1,
    rcc_pllcfgr=_U5_PLL1CFGR,
    rcc_pll_more=(_U5_PLL1DIVR,),
    sw_pll=3,
    pll_on=1 << 24,
    pll_ready=1 << 25,
    gpio=_U5_GPIO,
    gpio_enable=_U5_RCC + 0x8C,
    pwr=_U5_PWR,
    pwr_enable=_U5_RCC + 0x94,
    pwr_bit=1 << 2,
    serials={
        1: Serial(0x40013800, _U5_RCC + 0xA4, 1 << 14, 7, 160 * MHZ),
        2: Serial(0x40004400, _U5_RCC + 0x9C, 1 << 17, 7, 160 * MHZ),
        3: Serial(0x40004800, _U5_RCC + 0x9C, 1 << 18, 7, 160 * MHZ),
    },
    cr1=0x00,
    brr=0x0C,
    status=0x1C,
    uart_enable=1 << 0,
)

# STM32H7A3, RM0455

_H7_PWR, _H7_RCC, _H7_FLASH, _H7_GPIO = 0x58024800, 0x58024400, 0x52002000, 0x58020000
_H7_CSR1, _H7_CR3, _H7_SRDCR = (_H7_PWR + at for at in (0x04, 0x0C, 0x18))
_H7_CR, _H7_CFGR, _H7_PLLCKSELR, _H7_PLLCFGR, _H7_PLL1DIVR = (
    _H7_RCC + at for at in (0x00, 0x10, 0x28, 0x2C, 0x30)
)
_H7_BUSES = {_H7_RCC + 0x18: 0x40, _H7_RCC + 0x1C: 0x440, _H7_RCC + 0x20: 0x40}
"""The registers of the buses' prescalers, with those that halve all buses of peripherals."""
_CCR, _CSSELR, _ICIALLU, _DCISW = 0xE000ED14, 0xE000ED84, 0xE000EF50, 0xE000EF60


def _h7_vco_hz(registers: Registers) -> tuple[float, float]:
    pllckselr = registers.get(_H7_PLLCKSELR, 0)
    source_hz = {0: 64e6, 2: _HSE_HZ}.get(pllckselr & 3, 0.0)
    input_hz = source_hz / max(1, pllckselr >> 4 & 0x3F)
    return input_hz, input_hz * ((registers.get(_H7_PLL1DIVR, 0) & 0x1FF) + 1)


def _h7_system_hz(registers: Registers) -> float:
    if registers.get(_H7_CFGR, 0) & 7 != 3:
        return 64e6
    divider = (registers.get(_H7_PLL1DIVR, 0) >> 9 & 0x7F) + 1
    return _h7_vco_hz(registers)[1] / divider


def _h7_supply(family: Family, log: Log) -> Iterator[str]:
    """The supply is the SMPS alone, written once, and seen (ACTVOSRDY) before the voltage."""
    written = 0
    for before, access, _ in steps(family, log):
        if access.write and access.address == _H7_CR3:
            written += 1
            if access.value & 7 != 4:
                yield f"{named(access)} is not the supply that the board has"
        if access.write and access.address == _H7_SRDCR and not before.get(_H7_CSR1, 0) & 1 << 13:
            yield f"{named(access)} before ACTVOSRDY was seen"
    if written != 1:
        yield f"the supply was written {written} times"


def _h7_voltage(family: Family, log: Log) -> Iterator[str]:
    """Scale 3, 2, 1, 0 was seen to be there before 88, 160, 225 MHz are exceeded."""
    for _, access, after in steps(family, log):
        hz, srdcr = family.system_hz(after), after.get(_H7_SRDCR, 0)
        most_hz = (88e6, 160e6, 225e6, 280e6)[srdcr >> 14 & 3]
        if hz > most_hz or (hz > 88e6 and not srdcr & 1 << 13):
            yield f"{named(access)} gives {hz / MHZ:g} MHz at scale {3 - (srdcr >> 14 & 3)}"


def _h7_buses(family: Family, log: Log) -> Iterator[str]:
    """No bus of peripherals ever runs at more than 140 MHz."""
    for _, access, after in steps(family, log):
        halved = all(after.get(at, 0) & bits == bits for at, bits in _H7_BUSES.items())
        if family.system_hz(after) > 140e6 and not halved:
            yield f"{named(access)} runs a bus of peripherals at the core's frequency"


def _h7_pll(family: Family, log: Log) -> Iterator[str]:
    """The wide VCO gets 2 to 16 MHz, as RGE says, and runs at 128 to 560 MHz."""
    for _, access, after in steps(family, log):
        if access.write and access.address == _H7_CR and access.value & 1 << 24:
            input_hz, output_hz = family.vco_hz(after)
            if not (2e6 <= input_hz <= 16e6 and 128e6 <= output_hz <= 560e6):
                yield f"{named(access)}: VCO {output_hz / MHZ:g} of {input_hz / MHZ:g} MHz"
            pllcfgr = after.get(_H7_PLLCFGR, 0)
            if pllcfgr >> 2 & 3 != sum(input_hz >= least for least in (2e6, 4e6, 8e6)):
                yield f"{named(access)}: RGE is not that of {input_hz / MHZ:g} MHz"
            if pllcfgr & 2 or not pllcfgr & 1 << 16:
                yield f"{named(access)}: the VCO is not the wide one, or has no output P"


def caches_emptied(family: Family, log: Log) -> Iterator[str]:
    """Each cache is emptied before it is switched on; the data cache by set and way."""
    on, emptied = 0, set[int]()
    for _, access, _ in steps(family, log):
        if not access.write:
            continue
        if access.address in (_ICIALLU, _CSSELR, _DCISW):
            emptied.add(access.address)
        if access.address == _CCR:
            on |= access.value
            if access.value & 1 << 17 and _ICIALLU not in emptied:
                yield f"{named(access)} before the instruction cache was emptied"
            if access.value & 1 << 16 and not {_CSSELR, _DCISW} <= emptied:
                yield f"{named(access)} before the data cache was chosen and emptied"
    if on & 3 << 16 != 3 << 16:
        yield "not both caches were switched on"


STM32H7 = Family(
    name="stm32h7",
    manual="RM0455",
    core_hz=280 * MHZ,
    reset={
        _H7_CR: 0x25,
        _H7_CSR1: 0x4000,
        _H7_CR3: 0x6,
        _H7_FLASH: 0x13,
        _H7_PLLCKSELR: 0x02020200,
        _H7_PLLCFGR: 0x01FF0000,
        _H7_PLL1DIVR: 0x01010280,
        _H7_GPIO: 0xABFFFFFF,
        _H7_GPIO + 0x400: 0xFFFFFEBF,
        **{_H7_GPIO + port * 0x400: 0xFFFFFFFF for port in range(2, 8)},
        **{origin + 0x1C: 0xC0 for origin in (0x40011000, 0x40004400, 0x40004800)},
    },
    ready=[
        Ready(_H7_CR, 1 << 16, 1 << 16, _H7_CR, 1 << 17),
        Ready(_H7_CR, 1 << 24, 1 << 24, _H7_CR, 1 << 25),
        Ready(_H7_CR3, 7, 4, _H7_CSR1, 1 << 13),
        Ready(_H7_SRDCR, 0, 0, _H7_SRDCR, 1 << 13),
        Ready(_H7_CFGR, 7, 3, _H7_CFGR, 3 << 3),
    ],
    system_hz=_h7_system_hz,
    vco_hz=_h7_vco_hz,
    wait_states_hz=(44e6, 88e6, 132e6, 176e6, 220e6, 264e6, 280e6),
    flash_acr=_H7_FLASH,
    rcc_cr=_H7_CR,
    rcc_cfgr=_H7_CFGR,
    rcc_pllcfgr=_H7_PLLCFGR,
    rcc_pll_more=(_H7_PLLCKSELR, _H7_PLL1DIVR),
    sw_pll=3,
    sws_shift=3,
    pll_on=1 << 24,
    pll_ready=1 << 25,
    gpio=_H7_GPIO,
    gpio_enable=_H7_RCC + 0xE0,
    pwr=_H7_PWR,
    pwr_enable=0,
    pwr_bit=0,
    serials={
        1: Serial(0x40011000, _H7_RCC + 0xF0, 1 << 4, 7, 140 * MHZ),
        2: Serial(0x40004400, _H7_RCC + 0xE8, 1 << 17, 7, 140 * MHZ),
        3: Serial(0x40004800, _H7_RCC + 0xE8, 1 << 18, 7, 140 * MHZ),
    },
    cr1=0x00,
    brr=0x0C,
    status=0x1C,
    uart_enable=1 << 0,
)

U5_OWN = (
    Check("voltage and booster before the frequency", "Dynamic voltage scaling", _u5_voltage),
    Check("the booster's clock before it", "EPOD booster", _u5_booster),
    Check("SMPS before the voltage", "SMPS and LDO embedded regulators", _u5_supply),
    Check("PLL within its limits", "PLL", _u5_pll),
    Check("instruction cache when it is empty", "ICACHE enable", _u5_cache),
)
U5_MSI = (
    Check("backup domain opened for LSE", "Battery backup domain", _u5_backup_domain),
    Check("MSI trimmed by a running LSE", "MSI clock", _u5_trimmed),
)
H7_OWN = (
    Check("supply before the voltage", "System supply startup", _h7_supply),
    Check("voltage before the frequency", "Dynamic voltage scaling", _h7_voltage),
    Check("bus prescalers before the frequency", "Clock distribution", _h7_buses),
    Check("PLL within its limits", "PLL description", _h7_pll),
    Check("caches emptied before they are on", "Armv7-M ARM, B2.2", caches_emptied),
)
