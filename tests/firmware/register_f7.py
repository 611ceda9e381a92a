"""What the manuals of the STM32F7 (RM0385, RM0410) demand of its port."""

from collections.abc import Iterator
from typing import NamedTuple

from tests.firmware.fake_chip import Ready
from tests.firmware.register_newer import caches_emptied
from tests.firmware.register_order import (
    MHZ,
    Check,
    Family,
    Log,
    Registers,
    Serial,
    ahb_hz,
    named,
    steps,
)

_PWR, _RCC, _FLASH, _GPIO = 0x40007000, 0x40023800, 0x40023C00, 0x40020000
_CR, _PLLCFGR, _CFGR = (_RCC + at for at in (0x00, 0x04, 0x08))
_CSR1 = _PWR + 0x04


class Clocks(NamedTuple):
    """SYSCLK and the PLL's VCO, of a board whose crystal has so many Hz."""

    hse_hz: float

    def vco_hz(self, registers: Registers) -> tuple[float, float]:
        """Return (input, output) by the registers."""
        pllcfgr = registers.get(_PLLCFGR, 0)
        input_hz = (self.hse_hz if pllcfgr & 1 << 22 else 16e6) / max(1, pllcfgr & 0x3F)
        return input_hz, input_hz * (pllcfgr >> 6 & 0x1FF)

    def system_hz(self, registers: Registers) -> float:
        """Return SYSCLK by the registers."""
        if registers.get(_CFGR, 0) & 3 != 2:
            return 16e6
        return self.vco_hz(registers)[1] / (((registers.get(_PLLCFGR, 0) >> 16 & 3) + 1) * 2)


def _over_drive(family: Family, log: Log) -> Iterator[str]:
    """Above 180 MHz over-drive is on, then switched to, each seen, and after the PLL is on."""
    for before, access, after in steps(family, log):
        if access.write and access.address == _PWR and access.value >> 16:
            if not before.get(_CR, 0) & 1 << 24:
                yield f"{named(access)} before the PLL is on"
            if access.value & 1 << 17 and not before.get(_CSR1, 0) & 1 << 16:
                yield f"{named(access)} before ODRDY was seen"
            if access.value >> 14 & 3 != 3:
                yield f"{named(access)} leaves voltage scale 1"
        if family.system_hz(after) > 180e6 and after.get(_CSR1, 0) & 3 << 16 != 3 << 16:
            yield f"{named(access)} goes beyond 180 MHz without over-drive"


def _buses(family: Family, log: Log) -> Iterator[str]:
    """APB1 never runs at more than 54 MHz, APB2 at more than 108 MHz."""
    for _, access, after in steps(family, log):
        cfgr = after.get(_CFGR, 0)
        for name, shift, most_hz in (("APB1", 10, 54e6), ("APB2", 13, 108e6)):
            code = cfgr >> shift & 7
            hz = ahb_hz(family, after) / (2 ** (code - 3) if code > 3 else 1)
            if hz > most_hz:
                yield f"{named(access)} runs {name} at {hz / MHZ:g} MHz"


def _pll(family: Family, log: Log) -> Iterator[str]:
    """The VCO gets 0.95 to 2.1 MHz and runs at 100 to 432 MHz; Q and R are 2 at least."""
    for _, access, after in steps(family, log):
        if access.write and access.address == _CR and access.value & 1 << 24:
            input_hz, output_hz = family.vco_hz(after)
            if not (0.95e6 <= input_hz <= 2.1e6 and 100e6 <= output_hz <= 432e6):
                yield f"{named(access)}: VCO {output_hz / MHZ:g} of {input_hz / MHZ:g} MHz"
            pllcfgr = after.get(_PLLCFGR, 0)
            if pllcfgr >> 24 & 0xF < 2 or pllcfgr >> 28 & 7 < 2:
                yield f"{named(access)}: Q or R is below 2"


STM32F7 = Family(
    name="stm32f7",
    manual="RM0385",
    core_hz=216 * MHZ,
    reset={
        _CR: 0x83,
        _PLLCFGR: 0x24003010,
        _PWR: 0xC000,
        _RCC + 0x30: 0x100000,
        _GPIO: 0xA8000000,
        _GPIO + 0x400: 0x280,
        **{origin + 0x1C: 0xC0 for origin in (0x40011000, 0x40004400, 0x40004800, 0x40011400)},
    },
    ready=[
        Ready(_CR, 1 << 16, 1 << 16, _CR, 1 << 17),
        Ready(_CR, 1 << 24, 1 << 24, _CR, 1 << 25),
        Ready(_CFGR, 3, 2, _CFGR, 2 << 2),
        Ready(_PWR, 1 << 16, 1 << 16, _CSR1, 1 << 16),
        Ready(_PWR, 1 << 17, 1 << 17, _CSR1, 1 << 17),
    ],
    system_hz=Clocks(8e6).system_hz,
    vco_hz=Clocks(8e6).vco_hz,
    wait_states_hz=(30e6, 60e6, 90e6, 120e6, 150e6, 180e6, 210e6, 216e6),
    flash_acr=_FLASH,
    rcc_cr=_CR,
    rcc_cfgr=_CFGR,
    rcc_pllcfgr=_PLLCFGR,
    sw_pll=2,
    pll_on=1 << 24,
    pll_ready=1 << 25,
    gpio=_GPIO,
    gpio_enable=_RCC + 0x30,
    pwr=_PWR,
    pwr_enable=_RCC + 0x40,
    serials={
        1: Serial(0x40011000, _RCC + 0x44, 1 << 4, 7, 108 * MHZ),
        2: Serial(0x40004400, _RCC + 0x40, 1 << 17, 7, 54 * MHZ),
        3: Serial(0x40004800, _RCC + 0x40, 1 << 18, 7, 54 * MHZ),
        6: Serial(0x40011400, _RCC + 0x44, 1 << 5, 8, 108 * MHZ),
    },
    cr1=0x00,
    brr=0x0C,
    status=0x1C,
    uart_enable=1 << 0,
)

F7_OWN = (
    Check("APB prescalers before the frequency", "RCC_CFGR", _buses),
    Check("PLL within its limits", "RCC_PLLCFGR", _pll),
    Check("caches emptied before they are on", "Armv7-M ARM, B2.2", caches_emptied),
)
F7_OVER_DRIVE = (Check("over-drive before the frequency", "Entering Over-drive mode", _over_drive),)
