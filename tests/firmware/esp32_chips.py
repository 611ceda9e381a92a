"""Where the ESP32-C3 and C6 have what their ports use, by their manuals."""

from typing import NamedTuple


class Esp(NamedTuple):
    """Where a chip has what its port uses, and the bits that are its own."""

    manual: str
    watchdogs: dict[int, tuple[int, int]]
    """Where each watchdog is set: the register that protects it, and its key."""
    super_watchdog: tuple[int, int]
    """The one that must feed itself, by these bits; of the others none must be set."""
    core_hz: dict[int, tuple[int, int, float]]
    """Where the core's divider is: mask, bits, and the Hz that they make of the PLL."""
    divider: int
    switch: tuple[int, int, int]
    """Where the core is switched to the PLL: mask and bits."""
    gpio: int
    io_mux: int
    pins: int
    matrix_bit: int
    """Of IN_SEL: the signal comes by the matrix."""
    systimer: int
    uarts: dict[int, tuple[int, int, int, int, int]]
    """Where each UART is, the register of its clock and the bits there, its signal in the GPIO
    matrix, and where its interrupt is routed."""
    source: dict[int, tuple[int, int]]
    """By UART: where the crystal is chosen and divided, and the bits that do."""
    usb: tuple[int, int, int, int]
    """Where USB-serial-JTAG is, the register of its clock and the bits there, and where its
    interrupt is routed."""
    update: int | None
    """What makes a UART take what was written."""
    fifo_reset: int
    sender: int
    enable: int
    priority: int
    threshold: int
    mie: bool
    """Whether the core's own mask has to let its interrupt through."""
    reset: dict[int, int]
    """After reset; clocks and a timer that are on are off here, so that the port must say so."""


_RTC, _TIMG0, _TIMG1 = 0x60008000, 0x6001F000, 0x60020000
ESP32C3 = Esp(
    manual="ESP32-C3 Technical Reference Manual",
    watchdogs={
        _RTC + 0x90: (_RTC + 0xA8, 0x50D83AA1),
        _TIMG0 + 0x48: (_TIMG0 + 0x64, 0x50D83AA1),
        _TIMG1 + 0x48: (_TIMG1 + 0x64, 0x50D83AA1),
        _RTC + 0xAC: (_RTC + 0xB0, 0x8F1D312A),
    },
    super_watchdog=(_RTC + 0xAC, 1 << 31),
    core_hz={0x4: (7, 0x4, 80e6), 0x5: (7, 0x5, 160e6)},
    divider=0x600C0008,
    switch=(0x600C0058, 3 << 10, 1 << 10),
    gpio=0x60004000,
    io_mux=0x60009004,
    pins=22,
    matrix_bit=1 << 6,
    systimer=0x60023000,
    uarts={
        0: (0x60000000, 0x600C0010, 1 << 24 | 1 << 2, 6, 0x600C2054),
        1: (0x60010000, 0x600C0010, 1 << 24 | 1 << 5, 9, 0x600C2058),
    },
    source={0: (0x60000078, 0x3700000), 1: (0x60010078, 0x3700000)},
    usb=(0x60043000, 0x600C0010, 1 << 23, 0x600C2068),
    update=None,
    fifo_reset=1 << 17,
    sender=0x6C,
    enable=0x600C2104,
    priority=0x600C2114,
    threshold=0x600C2194,
    mie=False,
    reset={
        _RTC + 0x90: 0x80013214,
        _RTC + 0xAC: 0x04B00000,
        _TIMG0 + 0x48: 0x4C000,
        _TIMG1 + 0x48: 0x4C000,
        _TIMG0 + 0x64: 0x50D83AA1,
        _TIMG1 + 0x64: 0x50D83AA1,
        0x600C0008: 0xC,
        0x600C0010: 0xF9C1E06F & ~(1 << 24 | 1 << 23 | 1 << 5 | 1 << 2),
        0x60043004: 0x2,
        0x600C0058: 0x1,
        0x60023000: 0x06000000,
        **{0x60009004 + 4 * pin: 0x800 for pin in range(22)},
        **{origin + 0x20: 0x1000001C for origin in (0x60000000, 0x60010000)},
        **{origin + 0x24: 0xC060 for origin in (0x60000000, 0x60010000)},
    },
)
_LP, _PCR = 0x600B1C00, 0x60096000
ESP32C6 = Esp(
    manual="esp-idf, soc/esp32c6; esp-pacs",
    watchdogs={
        _LP: (_LP + 0x18, 0x50D83AA1),
        0x60008048: (0x60008064, 0x50D83AA1),
        0x60009048: (0x60009064, 0x50D83AA1),
        _LP + 0x1C: (_LP + 0x20, 0x50D83AA1),
    },
    super_watchdog=(_LP + 0x1C, 1 << 18),
    core_hz={0: (0x1FF00, 0, 160e6), 0x100: (0x1FF00, 0x100, 80e6)},
    divider=_PCR + 0x118,
    switch=(_PCR + 0x110, 3 << 16, 1 << 16),
    gpio=0x60091000,
    io_mux=0x60090004,
    pins=31,
    matrix_bit=1 << 7,
    systimer=0x6000A000,
    uarts={
        0: (0x60000000, _PCR + 0x0, 1, 6, 0x600100AC),
        1: (0x60001000, _PCR + 0xC, 1, 9, 0x600100B0),
    },
    source={0: (_PCR + 0x4, 0x700000), 1: (_PCR + 0x10, 0x700000)},
    usb=(0x6000F000, _PCR + 0x8C, 1, 0x600100C0),
    update=0x98,
    fifo_reset=1 << 22,
    sender=0x70,
    enable=0x20001000,
    priority=0x20001010,
    threshold=0x20001090,
    mie=True,
    reset={
        _LP: 0x80013214,
        _LP + 0x1C: 0x12C00000,
        0x60008048: 0x4C000,
        0x60009048: 0x4C000,
        0x60008064: 0x50D83AA1,
        0x60009064: 0x50D83AA1,
        _PCR + 0x0: 0x2,
        _PCR + 0xC: 0x2,
        _PCR + 0x8C: 0x2,
        0x6000F004: 0x2,
        _PCR + 0x110: 0x28000200,
        _PCR + 0x118: 0x10000,
        0x6000A000: 0x06000000,
        **{0x60090004 + 4 * pin: 0x800 for pin in range(31)},
        **{origin + 0x20: 0x10001C for origin in (0x60000000, 0x60001000)},
        **{origin + 0x24: 0x6060 for origin in (0x60000000, 0x60001000)},
    },
)
CHIPS = {"esp32c3": ESP32C3, "esp32c6": ESP32C6}
"""By the family of their port."""
