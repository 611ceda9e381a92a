"""What the manuals of the ESP32-C3 and C6 demand of the order in which a port writes registers."""

import ctypes
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests import kept
from tests.firmware.dut_process import FIRMWARE
from tests.firmware.esp32_chips import CHIPS, Esp
from tests.firmware.fake_chip import Access, Chip, Ready
from tinybench.runner.build.board import Board

Log = Sequence[Access]
XTAL_HZ = 40e6
RATES = (9600, 115200, 460800)
"""That of the energy build, of the other, and what the record raises the line to."""


MIE = 0x304
"""What stands for the core's own mask in a record."""


class Wired(NamedTuple):
    """A build of a board: its line, pins, and the timing pin of an energy build."""

    chip: Esp
    uart: int | None
    """None: the line is USB-serial-JTAG."""
    tx: int
    rx: int
    timing: int | None
    core_hz: int

    @property
    def line(self) -> tuple[int, int, int, int, int]:
        """As `Esp.uarts` has it; USB has no signal in the matrix."""
        if self.uart is None:
            origin, clock, bits, route = self.chip.usb
            return origin, clock, bits, 0, route
        return self.chip.uarts[self.uart]

    @property
    def origin(self) -> int:
        """Where the line is."""
        return self.line[0]

    @property
    def asks(self) -> tuple[int, int]:
        """Where its interrupt is let through, and its bit there."""
        return (self.origin + 0x10, 4) if self.uart is None else (self.origin + 0x0C, 1)


class Check(NamedTuple):
    """One demand of the manual."""

    name: str
    chapter: str
    broken: Callable[[Wired, Log], Iterator[str]]


def wired(board: Board, *, energy: bool) -> Wired:
    """Return what a build of a board uses."""
    port = board.port
    if "usb_serial_jtag" in port and not energy:
        return Wired(CHIPS[board.family], None, 0, 0, None, board.clock_hz)
    head = "energy_" if energy else "uart_"
    number = port["energy_uart" if energy else "uart"]
    timing = port["timing_pin"] if energy else None
    tx, rx = port[f"{head}tx_pin"], port[f"{head}rx_pin"]
    return Wired(CHIPS[board.family], number, tx, rx, timing, board.clock_hz)


def _steps(wires: Wired, log: Log) -> Iterator[tuple[dict[int, int], Access, dict[int, int]]]:
    before = dict(wires.chip.reset)
    for access in log:
        after = {**before, access.address: access.value}
        yield before, access, after
        before = after


def _last(wires: Wired, log: Log) -> dict[int, int]:
    return {**wires.chip.reset, **{access.address: access.value for access in log}}


def _said(access: Access) -> str:
    return f"{'write' if access.write else 'read'} of {access.address:#x}: {access.value:#x}"


def _watchdogs(wires: Wired, log: Log) -> Iterator[str]:
    """Each is unlocked with its key, off (the super one feeds itself), and locked again."""
    for config, (protect, key) in wires.chip.watchdogs.items():
        for before, access, _after in _steps(wires, log):
            if access.write and access.address == config and before.get(protect) != key:
                yield f"{_said(access)} while it is write-protected"
        after = _last(wires, log)
        feeds, bit = wires.chip.super_watchdog
        on = not after.get(config, 0) & bit if config == feeds else after[config] != 0
        if on or not any(a.write and a.address == config for a in log):
            yield f"the watchdog of {config:#x} would bite"
        if after.get(protect, 0) != 0:
            yield f"the watchdog of {config:#x} is not locked again"


def _clocks(wires: Wired, log: Log) -> Iterator[str]:
    """The PLL's divider is chosen before the core is switched to it, as it is declared."""
    switched, chip = False, wires.chip
    place, mask, bits = chip.switch
    for before, access, _after in _steps(wires, log):
        if access.write and access.address == place and access.value & mask == bits:
            switched = True
            divides = before.get(chip.divider, 0)
            hz = next((hz for of, by, hz in chip.core_hz.values() if divides & of == by), 0)
            if hz != wires.core_hz:
                yield f"{_said(access)} gives {hz / 1e6:g} MHz"
            if (access.value ^ before.get(place, 0)) & ~mask:
                yield f"{_said(access)} changes another clock"
    if not switched:
        yield "the core stays at the crystal's frequency"


def _uart_clock(wires: Wired, log: Log) -> Iterator[str]:
    """The line and its memory have their clocks before its registers are used."""
    _, clock, bits, *_ = wires.line
    known = wires.chip.reset.get(clock, 0) & ~2  # a reset is let go
    for before, access, after in _steps(wires, log):
        used = access.address in range(wires.origin, wires.origin + 0x80)
        if used and before.get(clock, 0) & (bits | 2 * (bits == 1)) != bits:
            yield f"{_said(access)} without its clock"
        if after[clock] & known != known:
            yield f"{_said(access)} takes others their clock"


def _rate(wires: Wired, log: Log) -> Iterator[str]:
    """Both rates are right by the crystal, its clocks are on, and the frame is 8N1."""
    rates: list[float] = []
    origin = wires.origin
    for _before, access, after in _steps(wires, log):
        if access.write and access.address == origin + 0x14:
            place, bits = wires.chip.source[wires.uart or 0]
            conf, divide = after.get(place, 0), access.value
            if conf & bits != bits:
                yield f"{_said(access)}: not from the crystal, or without its clocks"
            hz = XTAL_HZ / ((conf >> 12 & 0xFF) + 1)
            rates.append(hz / max(1 / 16, (divide & 0xFFF) + (divide >> 20 & 0xF) / 16))
    wanted = [RATES[0 if wires.timing is not None else 1], RATES[2]]
    if len(rates) != 2 or any(
        abs(is_ / to - 1) > 0.002 for is_, to in zip(rates, wanted, strict=True)
    ):
        yield f"the rates are {[round(rate) for rate in rates]}, not {wanted}"
    if _last(wires, log).get(origin + 0x20, 0) & 0x3F != 0x1C:
        yield "the frame is not one of 8 bits, without parity, with one stop bit"


def _updated(wires: Wired, log: Log) -> Iterator[str]:
    """What is written of rate and frame is taken by REG_UPDATE, which is seen to be done."""
    origin, waits, asked, told = wires.origin, False, False, False
    update = origin + (wires.chip.update or 0)
    for _before, access, _after in _steps(wires, log):
        if access.write and access.address in (origin + 0x0C, origin + 0x14, origin + 0x20):
            if waits:
                yield f"{_said(access)} before the UART took what was written before"
            waits |= access.address != origin + 0x0C
            told |= waits
        if access.address == update:
            waits &= access.write or not asked or bool(access.value)
            asked = bool(access.value)
    if not told or waits:
        yield "what the UART was told last was never taken"


def _received(wires: Wired, log: Log) -> Iterator[str]:
    """The FIFO is emptied, and its threshold set, before its interrupt is let through."""
    origin, reset, ready = wires.origin, False, False
    for before, access, _after in _steps(wires, log):
        if not access.write:
            continue
        if access.address == origin + 0x20:
            ready |= reset and not access.value & wires.chip.fifo_reset
            reset |= bool(access.value & wires.chip.fifo_reset)
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
    chip = wires.chip
    for before, access, _after in _steps(wires, log):
        if access.write and access.address == chip.enable:
            number = before.get(wires.line[4], 0)
            if access.value != 1 << number or not number:
                yield f"{_said(access)}, and the line's interrupt is {number}"
            priority = before.get(chip.priority + 4 * number, 0)
            if not 0 < before.get(chip.threshold, 0) <= priority <= 15:
                yield f"{_said(access)} with priority {priority}"
            if not before.get(wires.asks[0], 0) & wires.asks[1]:
                yield f"{_said(access)} before the line is set up"
            if chip.mie and _last(wires, log).get(MIE, 0) != 1 << number:
                yield f"{_said(access)}, and the core does not let it through"
            return
    yield "no interrupt reaches the core"


def _pins(wires: Wired, log: Log) -> Iterator[str]:
    """TX has its signal before the pin is the matrix's; RX is an input, pulled up, and led in."""
    chip, signal = wires.chip, wires.line[3]
    tx, rx = chip.io_mux + 4 * wires.tx, chip.io_mux + 4 * wires.rx
    for before, access, _after in _steps(wires, log):
        if access.write and access.address == tx:
            if before.get(wires.chip.gpio + 0x554 + 4 * wires.tx) != signal:
                yield f"{_said(access)} before the pin has its signal"
            if before.get(wires.chip.gpio + 0x24, 0) != 1 << wires.tx:
                yield f"{_said(access)} before the pin is an output"
    after = _last(wires, log)
    if after.get(tx, 0) >> 12 & 7 != 1 or after.get(rx, 0) >> 12 & 7 != 1:
        yield "a pin of the line is not the matrix's"
    if after.get(rx, 0) & 0x300 != 0x300:
        yield "RX is no input that is pulled up"
    if after.get(wires.chip.gpio + 0x154 + 4 * signal) != (chip.matrix_bit | wires.rx):
        yield "RX is not led to the UART"


def _sent(wires: Wired, log: Log) -> Iterator[str]:
    """What was sent has left the FIFO and the transmitter before the rate changes."""
    fifo = sender = True
    rates = 0
    for _before, access, _after in _steps(wires, log):
        if access.address == wires.origin and access.write:
            fifo = sender = False
        if access.address == wires.origin + 0x1C and not access.write:
            fifo |= not access.value >> 16 & 0x3FF
        if access.address == wires.origin + wires.chip.sender and not access.write:
            sender |= fifo and not access.value >> 4 & 0xF
        if access.address == wires.origin + 0x14 and access.write:
            rates += 1
            if not (fifo and sender):
                yield f"{_said(access)} while a byte is sent"
    if rates != 2:
        yield "the rate was not changed"


def _timer(wires: Wired, log: Log) -> Iterator[str]:
    """The system timer counts, and is read when it says that its count is valid."""
    if _last(wires, log).get(wires.chip.systimer, 0) & 3 << 30 != 3 << 30:
        yield "the system timer does not count"
    valid = False
    for _before, access, _after in _steps(wires, log):
        if access.address == wires.chip.systimer + 0x04:
            valid = not access.write and bool(access.value & 1 << 29)
        if access.address in (wires.chip.systimer + 0x40, wires.chip.systimer + 0x44) and not valid:
            yield f"{_said(access)} before it is valid"
    if not any(a.address == wires.chip.systimer + 0x44 for a in log):
        yield "the time was never read"


def _timing_pin(wires: Wired, log: Log) -> Iterator[str]:
    """The timing pin is let go and an open drain before it is an output, then low and high."""
    pin = wires.timing or 0
    up, down = wires.chip.gpio + 0x08, wires.chip.gpio + 0x0C
    levels = [(a.address == up) for a in log if a.write and a.address in (up, down)]
    if levels != [True, False, True] or any(
        a.value != 1 << pin for a in log if a.write and a.address in (up, down)
    ):
        yield "a mark is not one pulse to low"
    for before, access, _after in _steps(wires, log):
        if access.write and access.address == wires.chip.gpio + 0x24 and access.value == 1 << pin:
            if not before.get(wires.chip.gpio + 0x74 + 4 * pin, 0) & 4:
                yield f"{_said(access)} drives the pin both ways"
            if before.get(up, 0) != 1 << pin:
                yield f"{_said(access)} pulls the pin low"
            break
    else:
        yield "the timing pin is no output"
    if _last(wires, log).get(wires.chip.io_mux + 4 * pin, 0) >> 12 & 7 != 1:
        yield "the timing pin is not the matrix's"


def _packets(wires: Wired, log: Log) -> Iterator[str]:
    """Old interrupts are cleared, that of a packet let through; a byte goes where there is room,
    a packet is sent off, and seen to be gone."""
    origin, room, sent_off, gone = wires.origin, False, False, False
    cleared = False
    for _before, access, _after in _steps(wires, log):
        if access.write and access.address == origin + 0x14:
            cleared |= bool(access.value & 4)
        if access.write and access.address == wires.asks[0]:
            if access.value != wires.asks[1]:
                yield f"{_said(access)} lets other interrupts through"
            if not cleared:
                yield f"{_said(access)} before an old interrupt was cleared"
        if access.address == origin + 4 and not access.write:
            room = bool(access.value & 2)
            gone |= sent_off and room
        if access.write and access.address == origin:
            if not room:
                yield f"{_said(access)} where there may be no room"
            room = sent_off = gone = False
        if access.write and access.address == origin + 4:
            sent_off |= bool(access.value & 1)
            room = False
    if not gone:
        yield "what was sent is held back"


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
_USB = (
    *(
        check
        for check in _ALL
        if check.broken in (_watchdogs, _clocks, _uart_clock, _routed, _timer)
    ),
    Check("packets sent off, and room for a byte", "USB Serial/JTAG Controller", _packets),
)
_UPDATE = Check("what a UART is told reaches its clock", "UART Controller", _updated)
_ENERGY = Check("the timing pin an open drain", "IO MUX and GPIO Matrix", _timing_pin)


def checks(wires: Wired) -> tuple[Check, ...]:
    """Return what a build's accesses must keep to."""
    if wires.uart is None:
        return _USB
    own = (_UPDATE,) if wires.chip.update is not None else ()
    return (*_ALL, *own, *([_ENERGY] if wires.timing is not None else []))


def build(board: Board, folder: Path, *, energy: bool) -> ctypes.CDLL:
    """Build the port as a library of the host's, with registers to be faked."""
    folder.mkdir(parents=True)
    library = folder / f"{board.name}{'-energy' * energy}.so"
    macros = {name: f"{value}u" for name, value in board.constants.items()}
    macros |= {"CLOCK_HZ": f"{board.clock_hz}u", "TB_FAKE_REGISTERS": "1"}
    macros |= {"TB_ENERGY": "1"} if energy else {}
    command = ["gcc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    command += [f"-I{FIRMWARE / name}" for name in ("core", "cortex_m", "esp32")]
    command += [f'-DCHIP_H="{board.family}.h"']
    command += [f"-D{name}={value}" for name, value in macros.items()]
    command += [str(path) for path in sorted((FIRMWARE / "esp32").glob("*.c"))]
    command += [str(FIRMWARE / "ports" / f"{board.family}.c")]
    command += [str(FIRMWARE / "cortex_m" / "received.c")]
    command += [str(Path(__file__).with_name("fake_registers.c"))]

    def make(into: Path) -> None:
        words = [*command, "-o", str(into / "made")]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    shutil.copyfile(kept.made(command, [], make), library)
    return ctypes.CDLL(str(library))


@dataclass
class Counting(Chip):
    """Registers with a system timer, whose count goes on each time that it is latched."""

    count: int = 0
    """Where that is."""
    update: int = 0
    """Where a UART is told to take what was written, which it has done when it was asked once."""
    packet: int = 0
    """Where USB is told to send a packet off, for which the host comes some reads later."""
    step: int = 16
    _away: int = 0

    def read(self, address: int) -> int:
        """Return what the port reads."""
        if address == self.count:
            self.registers[address] = self.registers.get(address, 0) + self.step
        if address == self.packet and self._away:
            self._away -= 1
            self.registers[address] = 0 if self._away else 2
        value = super().read(address)
        if address == self.update:
            self.registers[address] = 0
        return value

    def write(self, address: int, value: int) -> None:
        """Take what the port writes."""
        before = len(self.log)
        super().write(address, value)
        if address == self.packet and len(self.log) > before:
            self._away, self.registers[address] = 3, 0


def record(
    wires: Wired, library: ctypes.CDLL, *, energy: bool, lost: int | None = None
) -> Log | None:
    """Return all accesses of a port that starts, sends, changes its rate, tells the time and, for
    energy, marks; None: it waits for ever. `lost`: number of a write that does not arrive."""
    timer = wires.chip.systimer
    valid = Ready(timer + 4, 1 << 30, 1 << 30, timer + 4, 1 << 29)
    update = wires.origin + (wires.chip.update or 0x98)
    chip = Counting(dict(wires.chip.reset), [valid], lost=lost, count=timer + 0x44, update=update,
                    packet=wires.origin + 4 if wires.uart is None else 0)  # fmt: skip
    calls = [("port_init", 0), ("port_putc", ord("m")), ("port_set_baud", RATES[2])]
    calls += [("port_mark", 0)] if energy else [("port_micros", 0)]
    return chip.log if all(chip.call(library, *call) for call in calls) else None


def broken_checks(wires: Wired, log: Log) -> dict[str, list[str]]:
    """Return what is wrong, by the check that says so."""
    found = {
        check.name: [f"'{check.chapter}': {words}" for words in check.broken(wires, log)]
        for check in checks(wires)
    }
    return {name: words for name, words in found.items() if words}
