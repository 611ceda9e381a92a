"""What the manual of the STM32G0 (RM0444) demands of its port."""

from collections.abc import Iterator

from tests.firmware.fake_chip import Ready
from tests.firmware.register_order import MHZ, Check, Family, Log, Registers, Serial, named, steps

_HSE_HZ = 8e6
_RCC, _FLASH, _GPIO = 0x40021000, 0x40022000, 0x50000000
_CR, _CFGR, _PLLCFGR = (_RCC + at for at in (0x00, 0x08, 0x0C))


def _vco_hz(registers: Registers) -> tuple[float, float]:
    pllcfgr = registers.get(_PLLCFGR, 0)
    source_hz = {2: 16e6, 3: _HSE_HZ}.get(pllcfgr & 3, 0.0)
    input_hz = source_hz / ((pllcfgr >> 4 & 7) + 1)
    return input_hz, input_hz * (pllcfgr >> 8 & 0x7F)


def _system_hz(registers: Registers) -> float:
    if registers.get(_CFGR, 0) & 7 != 2:
        return 16e6
    pllcfgr = registers.get(_PLLCFGR, 0)
    divider = (pllcfgr >> 29 & 7) + 1
    return _vco_hz(registers)[1] / divider if pllcfgr & 1 << 28 else 0.0


def _pll(family: Family, log: Log) -> Iterator[str]:
    """The VCO gets 2.66 to 16 MHz and runs at 96 to 344 MHz; R is on, and gives at most 64 MHz."""
    for _, access, after in steps(family, log):
        if access.write and access.address == _CR and access.value & 1 << 24:
            input_hz, output_hz = family.vco_hz(after)
            if not (2.66e6 <= input_hz <= 16e6 and 96e6 <= output_hz <= 344e6):
                yield f"{named(access)}: VCO {output_hz / MHZ:g} of {input_hz / MHZ:g} MHz"
            if not after.get(_PLLCFGR, 0) & 1 << 28:
                yield f"{named(access)}: output R is off"
        if family.system_hz(after) > 64e6:
            yield f"{named(access)} gives more than 64 MHz"


STM32G0 = Family(
    name="stm32g0",
    manual="RM0444",
    core_hz=64 * MHZ,
    reset={
        _CR: 0x500,
        _PLLCFGR: 0x1000,
        _FLASH: 0x40600,
        _GPIO: 0xEBFFFFFF,
        **{_GPIO + port * 0x400: 0xFFFFFFFF for port in range(1, 6)},
        **{origin + 0x1C: 0xC0 for origin in (0x40013800, 0x40004400)},
    },
    ready=[
        Ready(_CR, 1 << 16, 1 << 16, _CR, 1 << 17),
        Ready(_CR, 1 << 24, 1 << 24, _CR, 1 << 25),
        Ready(_CFGR, 7, 2, _CFGR, 2 << 3),
    ],
    system_hz=_system_hz,
    vco_hz=_vco_hz,
    wait_states_hz=(24e6, 48e6, 64e6),
    flash_acr=_FLASH,
    rcc_cr=_CR,
    rcc_cfgr=_CFGR,
    rcc_pllcfgr=_PLLCFGR,
    sw_pll=2,
    sws_shift=3,
    pll_on=1 << 24,
    pll_ready=1 << 25,
    gpio=_GPIO,
    gpio_enable=_RCC + 0x34,
    pwr=0x40007000,
    pwr_enable=0,
    pwr_bit=0,
    serials={
        1: Serial(0x40013800, _RCC + 0x40, 1 << 14, 1, 64 * MHZ),
        2: Serial(0x40004400, _RCC + 0x3C, 1 << 17, 1, 64 * MHZ),
    },
    cr1=0x00,
    brr=0x0C,
    status=0x1C,
    uart_enable=1 << 0,
)

G0_OWN = (Check("PLL within its limits", "PLL", _pll),)
