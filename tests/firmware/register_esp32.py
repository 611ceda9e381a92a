"""What the ESP32-C3's manual demands of the order in which its port writes registers, as checks."""

import ctypes
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.firmware.dut_process import FIRMWARE
from tests.firmware.fake_chip import Access, Chip, Ready
from tinybench.runner.build.board import Board

Log = Sequence[Access]
MANUAL = "ESP32-C3 Technical Reference Manual"
XTAL_HZ = 40e6
RATES = (9600, 115200, 460800)
"""That of the energy build, of the other, and what the record raises the line to."""
_RTC, _TIMG0, _TIMG1 = 0x60008000, 0x6001F000, 0x60020000
_WATCHDOGS = {
    _RTC + 0x90: (_RTC + 0xA8, 0x50D83AA1),
    _TIMG0 + 0x48: (_TIMG0 + 0x64, 0x50D83AA1),
    _TIMG1 + 0x48: (_TIMG1 + 0x64, 0x50D83AA1),
    _RTC + 0xAC: (_RTC + 0xB0, 0x8F1D312A),
}
"""Where each watchdog is set: the register that protects it, and its key; the last is the super
watchdog, of which bit 31 must be set, and of the others none."""
_PERIOD, _CLK_EN0, _SYSCLK = 0x600C0008, 0x600C0010, 0x600C0058
_GPIO, _IO_MUX, _INTERRUPT, _SYSTIMER = 0x60004000, 0x60009004, 0x600C2000, 0x60023000
_UARTS = {0: (0x60000000, 1 << 24 | 1 << 2, 6, 0x54), 1: (0x60010000, 1 << 24 | 1 << 5, 9, 0x58)}
"""Where each is, its clocks, its signal in the GPIO matrix, and where its interrupt is routed."""


class Wired(NamedTuple):
    """A build of a board: its line, pins, and the timing pin of an energy build."""

    uart: int
    tx: int
    rx: int
    timing: int | None
    core_hz: int

    @property
    def origin(self) -> int:
        """Where the UART is."""
        return _UARTS[self.uart][0]


class Check(NamedTuple):
    """One demand of the manual."""

    name: str
    chapter: str
    broken: Callable[[Wired, Log], Iterator[str]]


def wired(board: Board, *, energy: bool) -> Wired:
    """Return what a build of a board uses."""
    port = board.port
    head = "energy_" if energy else "uart_"
    number = port["energy_uart" if energy else "uart"]
    timing = port["timing_pin"] if energy else None
    return Wired(number, port[f"{head}tx_pin"], port[f"{head}rx_pin"], timing, board.clock_hz)


def _steps(log: Log) -> Iterator[tuple[dict[int, int], Access, dict[int, int]]]:
    before = dict(RESET)
    for access in log:
        after = {**before, access.address: access.value}
        yield before, access, after
        before = after


def _last(log: Log) -> dict[int, int]:
    return {**RESET, **{access.address: access.value for access in log}}


def _said(access: Access) -> str:
    return f"{'write' if access.write else 'read'} of {access.address:#x}: {access.value:#x}"


def _watchdogs(_: Wired, log: Log) -> Iterator[str]:
    """Each is unlocked with its key, off (the super one feeds itself), and locked again."""
    for config, (protect, key) in _WATCHDOGS.items():
        for before, access, _after in _steps(log):
            if access.write and access.address == config and before.get(protect) != key:
                yield f"{_said(access)} while it is write-protected"
        after = _last(log)
        on = after[config] >> 31 & 1 == 0 if config == _RTC + 0xAC else after[config] != 0
        if on or not any(a.write and a.address == config for a in log):
            yield f"the watchdog of {config:#x} would bite"
        if after.get(protect, 0) != 0:
            yield f"the watchdog of {config:#x} is not locked again"


def _clocks(wires: Wired, log: Log) -> Iterator[str]:
    """The PLL's divider is chosen before the core is switched to it, as it is declared."""
    switched = False
    for before, access, _after in _steps(log):
        if access.write and access.address == _SYSCLK and access.value >> 10 & 3 == 1:
            switched = True
            hz = {0: 80e6, 1: 160e6}.get(before.get(_PERIOD, 0) & 3, 0)
            if hz != wires.core_hz or not before.get(_PERIOD, 0) & 4:
                yield f"{_said(access)} gives {hz / 1e6:g} MHz"
            if access.value & 0x3FF != before.get(_SYSCLK, 0) & 0x3FF:
                yield f"{_said(access)} changes the crystal's divider"
    if not switched:
        yield "the core stays at the crystal's frequency"


def _uart_clock(wires: Wired, log: Log) -> Iterator[str]:
    """The UART and its memory have their clocks before its registers are used."""
    bits = _UARTS[wires.uart][1]
    for before, access, after in _steps(log):
        used = access.address in range(wires.origin, wires.origin + 0x80)
        if used and before.get(_CLK_EN0, 0) & bits != bits:
            yield f"{_said(access)} without its clock"
        if after[_CLK_EN0] & RESET[_CLK_EN0] != RESET[_CLK_EN0]:
            yield f"{_said(access)} takes others their clock"


def _rate(wires: Wired, log: Log) -> Iterator[str]:
    """Both rates are right by the crystal, its clocks are on, and the frame is 8N1."""
    rates: list[float] = []
    origin = wires.origin
    for _before, access, after in _steps(log):
        if access.write and access.address == origin + 0x14:
            conf, divide = after.get(origin + 0x78, 0), access.value
            if conf >> 20 & 3 != 3 or conf & 0x3400000 != 0x3400000:
                yield f"{_said(access)}: not from the crystal, or without its clocks"
            hz = XTAL_HZ / ((conf >> 12 & 0xFF) + 1)
            rates.append(hz / max(1 / 16, (divide & 0xFFF) + (divide >> 20 & 0xF) / 16))
    wanted = [RATES[0 if wires.timing is not None else 1], RATES[2]]
    if len(rates) != 2 or any(
        abs(is_ / to - 1) > 0.002 for is_, to in zip(rates, wanted, strict=True)
    ):
        yield f"the rates are {[round(rate) for rate in rates]}, not {wanted}"
    if _last(log).get(origin + 0x20, 0) & 0x3F != 0x1C:
        yield "the frame is not one of 8 bits, without parity, with one stop bit"


def _received(wires: Wired, log: Log) -> Iterator[str]:
    """The FIFO is emptied, and its threshold set, before its interrupt is let through."""
    origin, reset, ready = wires.origin, False, False
    for before, access, _after in _steps(log):
        if not access.write:
            continue
        if access.address == origin + 0x20:
            ready |= reset and not access.value & 1 << 17
            reset |= bool(access.value & 1 << 17)
        if access.address == origin + 0x0C:
            if not ready:
                yield f"{_said(access)} before the FIFO was reset and let go"
            if not 1 <= before.get(origin + 0x24, 0) & 0x1FF <= 64:
                yield f"{_said(access)} with a threshold that the FIFO never reaches in time"
            if access.value != 1:
                yield f"{_said(access)} lets other interrupts through"
            if not any(a.write and a.address == origin + 0x10 for a in log[: log.index(access)]):
                yield f"{_said(access)} before an old interrupt was cleared"
            return
    yield "no interrupt of the FIFO is let through"


def _routed(wires: Wired, log: Log) -> Iterator[str]:
    """The interrupt is routed, its priority not below the threshold, before it is enabled."""
    enable, threshold = _INTERRUPT + 0x104, _INTERRUPT + 0x194
    for before, access, _after in _steps(log):
        if access.write and access.address == enable:
            number = before.get(_INTERRUPT + _UARTS[wires.uart][3], 0)
            if access.value != 1 << number or not number:
                yield f"{_said(access)}, and the UART's interrupt is {number}"
            priority = before.get(_INTERRUPT + 0x114 + 4 * number, 0)
            if not 0 < before.get(threshold, 0) <= priority <= 15:
                yield f"{_said(access)} with priority {priority}"
            if not before.get(wires.origin + 0x0C, 0) & 1:
                yield f"{_said(access)} before the UART is set up"
            return
    yield "no interrupt reaches the core"


def _pins(wires: Wired, log: Log) -> Iterator[str]:
    """TX has its signal before the pin is the matrix's; RX is an input, pulled up, and led in."""
    signal = _UARTS[wires.uart][2]
    tx, rx = _IO_MUX + 4 * wires.tx, _IO_MUX + 4 * wires.rx
    for before, access, _after in _steps(log):
        if access.write and access.address == tx:
            if before.get(_GPIO + 0x554 + 4 * wires.tx) != signal:
                yield f"{_said(access)} before the pin has its signal"
            if before.get(_GPIO + 0x24, 0) != 1 << wires.tx:
                yield f"{_said(access)} before the pin is an output"
    after = _last(log)
    if after.get(tx, 0) >> 12 & 7 != 1 or after.get(rx, 0) >> 12 & 7 != 1:
        yield "a pin of the line is not the matrix's"
    if after.get(rx, 0) & 0x300 != 0x300:
        yield "RX is no input that is pulled up"
    if after.get(_GPIO + 0x154 + 4 * signal) != (1 << 6 | wires.rx):
        yield "RX is not led to the UART"


def _sent(wires: Wired, log: Log) -> Iterator[str]:
    """What was sent has left the FIFO and the transmitter before the rate changes."""
    fifo = sender = True
    rates = 0
    for _before, access, _after in _steps(log):
        if access.address == wires.origin and access.write:
            fifo = sender = False
        if access.address == wires.origin + 0x1C and not access.write:
            fifo |= not access.value >> 16 & 0x3FF
        if access.address == wires.origin + 0x6C and not access.write:
            sender |= fifo and not access.value >> 4 & 0xF
        if access.address == wires.origin + 0x14 and access.write:
            rates += 1
            if not (fifo and sender):
                yield f"{_said(access)} while a byte is sent"
    if rates != 2:
        yield "the rate was not changed"


def _timer(_: Wired, log: Log) -> Iterator[str]:
    """The system timer counts, and is read when it says that its count is valid."""
    if _last(log).get(_SYSTIMER, 0) & 3 << 30 != 3 << 30:
        yield "the system timer does not count"
    valid = False
    for _before, access, _after in _steps(log):
        if access.address == _SYSTIMER + 0x04:
            valid = not access.write and bool(access.value & 1 << 29)
        if access.address in (_SYSTIMER + 0x40, _SYSTIMER + 0x44) and not valid:
            yield f"{_said(access)} before it is valid"
    if not any(a.address == _SYSTIMER + 0x44 for a in log):
        yield "the time was never read"


def _timing_pin(wires: Wired, log: Log) -> Iterator[str]:
    """The timing pin is let go and an open drain before it is an output, then low and high."""
    pin = wires.timing or 0
    up, down = _GPIO + 0x08, _GPIO + 0x0C
    levels = [(a.address == up) for a in log if a.write and a.address in (up, down)]
    if levels != [True, False, True] or any(
        a.value != 1 << pin for a in log if a.write and a.address in (up, down)
    ):
        yield "a mark is not one pulse to low"
    for before, access, _after in _steps(log):
        if access.write and access.address == _GPIO + 0x24 and access.value == 1 << pin:
            if not before.get(_GPIO + 0x74 + 4 * pin, 0) & 4:
                yield f"{_said(access)} drives the pin both ways"
            if before.get(up, 0) != 1 << pin:
                yield f"{_said(access)} pulls the pin low"
            break
    else:
        yield "the timing pin is no output"
    if _last(log).get(_IO_MUX + 4 * pin, 0) >> 12 & 7 != 1:
        yield "the timing pin is not the matrix's"


_ALL = (
    Check("watchdogs unlocked, off, locked", "Watchdog Timers", _watchdogs),
    Check("the PLL's divider before the switch", "Reset and Clock", _clocks),
    Check("the UART's clock before it", "System Registers", _uart_clock),
    Check("rates", "UART Controller", _rate),
    Check("an empty FIFO before its interrupt", "UART Controller", _received),
    Check("the interrupt routed before it is enabled", "Interrupt Matrix", _routed),
    Check("a pin's function before the pin", "IO MUX and GPIO Matrix", _pins),
    Check("sent before the rate changes", "UART Controller", _sent),
    Check("the timer before the time", "System Timer", _timer),
)
_ENERGY = Check("the timing pin an open drain", "IO MUX and GPIO Matrix", _timing_pin)
RESET = {
    _RTC + 0x90: 0x80013214,
    _RTC + 0xAC: 0x04B00000,
    _TIMG0 + 0x48: 0x4C000,
    _TIMG1 + 0x48: 0x4C000,
    _TIMG0 + 0x64: 0x50D83AA1,
    _TIMG1 + 0x64: 0x50D83AA1,
    _PERIOD: 0xC,
    _CLK_EN0: 0xF9C1E06F & ~(1 << 24 | 1 << 5 | 1 << 2),
    _SYSCLK: 0x1,
    _SYSTIMER: 0x06000000,
    **{_IO_MUX + 4 * pin: 0x800 for pin in range(22)},
    **{origin + 0x20: 0x1000001C for origin, *_ in _UARTS.values()},
    **{origin + 0x24: 0xC060 for origin, *_ in _UARTS.values()},
}
"""After reset; clocks and a timer that are on are off here, so that the port must say so."""


def checks(*, energy: bool) -> tuple[Check, ...]:
    """Return what a build's accesses must keep to."""
    return (*_ALL, _ENERGY) if energy else _ALL


def build(board: Board, folder: Path, *, energy: bool) -> ctypes.CDLL:
    """Build the port as a library of the host's, with registers to be faked."""
    folder.mkdir(parents=True)
    library = folder / f"{board.name}{'-energy' * energy}.so"
    macros = {name: f"{value}u" for name, value in board.constants.items()}
    macros |= {"CLOCK_HZ": f"{board.clock_hz}u", "TB_FAKE_REGISTERS": "1"}
    macros |= {"TB_ENERGY": "1"} if energy else {}
    command = ["gcc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    command += [f"-I{FIRMWARE / name}" for name in ("core", "cortex_m")]
    command += [f"-D{name}={value}" for name, value in macros.items()]
    command += [str(FIRMWARE / "ports" / "esp32c3.c"), str(FIRMWARE / "cortex_m" / "received.c")]
    command += [str(Path(__file__).with_name("fake_registers.c")), "-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(library))


class Counting(Chip):
    """Registers with a system timer, whose count goes on each time that it is latched."""

    def read(self, address: int) -> int:
        """Return what the port reads."""
        if address == _SYSTIMER + 0x44:
            self.registers[address] = self.registers.get(address, 0) + 16
        return super().read(address)


def record(library: ctypes.CDLL, *, energy: bool, lost: int | None = None) -> Log | None:
    """Return all accesses of a port that starts, sends, changes its rate, tells the time and, for
    energy, marks; None: it waits for ever. `lost`: number of a write that does not arrive."""
    valid = Ready(_SYSTIMER + 4, 1 << 30, 1 << 30, _SYSTIMER + 4, 1 << 29)
    chip = Counting(dict(RESET), [valid], lost=lost)
    calls = [("port_init", 0), ("port_putc", ord("m")), ("port_set_baud", RATES[2])]
    calls += [("port_mark", 0)] if energy else [("port_micros", 0)]
    return chip.log if all(chip.call(library, *call) for call in calls) else None


def broken_checks(wires: Wired, log: Log) -> dict[str, list[str]]:
    """Return what is wrong, by the check that says so."""
    found = {
        check.name: [f"'{check.chapter}': {words}" for words in check.broken(wires, log)]
        for check in checks(energy=wires.timing is not None)
    }
    return {name: words for name, words in found.items() if words}
