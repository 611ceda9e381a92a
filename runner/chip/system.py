"""What every Cortex-M has in common: SysTick, interrupts, and the rest of its control space.

Ref: Armv7-M Architecture Reference Manual, B3.2 (system control), B3.3 (SysTick), B3.4 (NVIC); the
same in Armv6-M and Armv8-M.
"""

from collections.abc import Callable

from .registers import ModelError

SPACE = range(0xE000E000, 0xE000F000)
SYST_CSR, SYST_RVR, SYST_CVR = 0xE000E010, 0xE000E014, 0xE000E018
ISER, ICER = range(0xE000E100, 0xE000E13D, 4), range(0xE000E180, 0xE000E1BD, 4)
ICSR, VTOR = 0xE000ED04, 0xE000ED08
PENDSTSET, PENDSTCLR = 1 << 26, 1 << 25
SYSTICK = -1
"""The number of SysTick's interrupt, as the CMSIS has it; those of the chip's begin at 0."""
PLAIN = {
    0xE000ED0C: "AIRCR",
    0xE000ED10: "SCR",
    0xE000ED14: "CCR",
    0xE000ED24: "SHCSR",
    0xE000ED84: "CSSELR",
    0xE000ED88: "CPACR",
    0xE000EF34: "FPCCR",
    0xE000EF50: "ICIALLU",
    0xE000EF5C: "DCIMVAC",
    0xE000EF60: "DCISW",
    0xE000EF74: "DCCISW",
    0xE000ED94: "MPU_CTRL",
    0xE000ED98: "MPU_RNR",
    0xE000ED9C: "MPU_RBAR",
    0xE000EDA0: "MPU_RASR",
}
"""Registers that hold what is written, and do nothing here."""
CCSIDR = 0xE000ED80
CCSIDR_VALUE = 0xF01FE019
"""Of a cache of 16 KB with 128 sets of 4 ways. Ref: Cortex-M7 TRM, table 4-4."""


class System:
    """The control space of one core, by instructions that were executed."""

    def __init__(self, now_ticks: Callable[[], int], vectors: int) -> None:
        self._now = now_ticks
        """Ticks of the core's clock since it started."""
        self.vectors = vectors
        self.enabled: set[int] = set()
        self.pending_systick = False
        self.control = self.reload = 0
        self.began = 0
        """The tick in which SysTick's count was last set to its reload value."""
        self._plain = dict.fromkeys(PLAIN, 0)

    @property
    def period(self) -> int:
        """Ticks of a whole round of SysTick; 0 while it stands still."""
        return self.reload + 1 if self.control & 1 and self.reload else 0

    @property
    def next_tick(self) -> int | None:
        """The tick at which SysTick next asks for its interrupt; None: never."""
        return self.began + self.period if self.period and self.control & 2 else None

    def advance(self) -> None:
        """See whether SysTick ended its period, or several."""
        if self.period and (rounds := (self._now() - self.began) // self.period) > 0:
            self.began += rounds * self.period
            self.pending_systick |= bool(self.control & 2)

    def read(self, address: int) -> int:
        """Return what the core reads. Raises ModelError for what is not modelled."""
        self.advance()
        away = self._now() - self.began
        known = {
            SYST_CSR: self.control,
            SYST_RVR: self.reload,
            SYST_CVR: self.reload - away % self.period if self.period else 0,
            ICSR: PENDSTSET * self.pending_systick,
            VTOR: self.vectors,
            CCSIDR: CCSIDR_VALUE,
            **self._plain,
        }
        if address in known:
            return known[address]
        if address in ISER:
            first = (address - ISER.start) * 8
            return sum(1 << n - first for n in self.enabled if first <= n < first + 32)
        raise ModelError(f"{address:#010x} of the core's control space is read, and not modelled")

    def write(self, address: int, value: int) -> None:
        """Take what the core writes. Raises ModelError for what is not modelled."""
        self.advance()
        numbers = {(address & 0x7F) // 4 * 32 + bit for bit in range(32) if value >> bit & 1}
        if address == SYST_CSR:
            self.began = self.began if self.control & 1 else self._now()
            self.control = value & 7
        elif address == SYST_RVR:
            self.reload = value & 0xFFFFFF
        elif address == SYST_CVR:
            self.began = self._now()
        elif address == ICSR:
            asked = self.pending_systick or bool(value & PENDSTSET)
            self.pending_systick = asked and not value & PENDSTCLR
        elif address == VTOR:
            self.vectors = value
        elif address in ISER:
            self.enabled |= numbers
        elif address in ICER:
            self.enabled -= numbers
        elif address in self._plain:
            self._plain[address] = value
        else:
            raise ModelError(
                f"{address:#010x} of the core's control space is written ({value:#x}), and not "
                "modelled"
            )
