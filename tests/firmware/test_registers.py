"""Ports of real chips write their registers in the order that the manuals demand."""

import ctypes
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.firmware.fake_chip import ICSR, SYST_CVR, SYST_RVR, build, interrupt
from tests.firmware.register_families import FAMILIES, at, broken_checks, checks, record
from tests.firmware.register_order import MHZ, Family, Log
from tinybench.runner.build.board import Board, load_board, names

BOARDS = [name for name in names() if load_board(name).family in FAMILIES]
ONE_EACH = {load_board(name).family: name for name in BOARDS}
DATA_REGISTERS = {0x40004828, 0x40008028, 0x40004404}
OTHER_CLOCKS = [
    ("stm32l4", 80),
    ("stm32l4", 48),
    ("stm32l4", 100),
    ("stm32f4", 180),
    ("stm32f4", 50),
]
"""The most of an STM32L4 and of an STM32F446, in MHz; the least; one of two steps."""


def clocked(family: str, core_hz: int) -> Board:
    """Return a board of the family whose core runs at another frequency."""
    return replace(load_board(ONE_EACH[family]), clock_hz=core_hz)


@pytest.mark.parametrize("energy", [False, True], ids=["text", "energy"])
@pytest.mark.parametrize("name", BOARDS)
def test_every_demand_is_kept(name: str, energy: bool, tmp_path: Path) -> None:
    """Each check of the family finds nothing, in both builds of each board."""
    _keeps_every_demand(load_board(name), tmp_path, energy=energy)


@pytest.mark.parametrize(("family", "mhz"), OTHER_CLOCKS)
def test_every_demand_is_kept_at_another_clock(family: str, mhz: int, tmp_path: Path) -> None:
    """PLL, wait states, voltage, over-drive and line follow the clock that a board declares."""
    _keeps_every_demand(clocked(family, mhz * MHZ), tmp_path, energy=True)


def _keeps_every_demand(board: Board, folder: Path, *, energy: bool) -> None:
    family = at(board.family, board.clock_hz)
    log = record(family, build(board, folder / "port", energy=energy), energy=energy)
    assert log is not None, "the port waits for ever"
    assert broken_checks(family, log, energy=energy) == {}


@pytest.fixture(scope="module", params=[("stm32l4", 120), ("stm32f4", 168), ("stm32f4", 180)])
def ports(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Family, dict[bool, ctypes.CDLL]]:
    """A family, and both builds of the port of one of its boards, by whether it is for energy."""
    family, mhz = request.param
    board = clocked(family, mhz * MHZ)
    folder = tmp_path_factory.mktemp("port")
    return at(family, mhz * MHZ), {
        energy: build(board, folder / str(energy), energy=energy) for energy in (False, True)
    }


def test_no_write_can_be_missing(ports: tuple[Family, dict[bool, ctypes.CDLL]]) -> None:
    """When the chip loses any one write, the port waits for ever or a check says so."""
    family, libraries = ports
    unnoticed: list[str] = []
    for energy, library in libraries.items():
        whole = record(family, library, energy=energy)
        assert whole is not None
        known = dict(family.reset)
        for number, access in enumerate(access for access in whole if access.write):
            changes = known.get(access.address) != access.value
            known[access.address] = access.value
            if not changes or access.address in DATA_REGISTERS:
                continue
            log = record(family, library, energy=energy, lost=number)
            if log is not None and not broken_checks(family, log, energy=energy):
                unnoticed.append(f"{access.address:#x} = {access.value:#x}")
    assert not unnoticed


def test_each_check_can_fail(ports: tuple[Family, dict[bool, ctypes.CDLL]]) -> None:
    """Each is broken by a write that comes too late or without its bits, or a flag nobody reads."""
    family, libraries = ports
    seen: set[str] = set()
    for energy, library in libraries.items():
        whole = record(family, library, energy=energy)
        assert whole is not None
        for log in spoilt(family, whole):
            seen |= set(broken_checks(family, log, energy=energy))
    assert {check.name for check in checks(family, energy=True)} - seen == set()


def spoilt(family: Family, log: Log) -> Iterator[Log]:
    """Yield records in which one thing is wrong."""
    known = dict(family.reset)
    for number, access in enumerate(log):
        if access.write:
            rest = list(log[number + 1 :])
            # What was read of the register until it is written again would tell its value.
            same = [at for at, a in enumerate(rest) if a.address == access.address]
            again = next((at for at in same if rest[at].write), len(rest))
            rest = [a for at, a in enumerate(rest) if at >= again or at not in same]
            yield [*log[:number], *rest, access]
            for value in (0, access.value & ~known.get(access.address, 0)):
                yield [*log[:number], access._replace(value=value), *rest]
        known[access.address] = access.value
    for address in {access.address for access in log}:
        yield [access for access in log if access.write or access.address != address]


def test_a_crystal_that_does_not_run_gives_no_number(tmp_path: Path) -> None:
    """Without the LSE the STM32L4's clock is not trimmed: the port waits, and its LED is on."""
    board = load_board(ONE_EACH["stm32l4"])
    library = build(board, tmp_path / "port")
    chip = FAMILIES["stm32l4"].chip()
    chip.ready = [rule for rule in chip.ready if rule.flag_address & 0xFFF != 0x090]
    assert not chip.call(library, "port_init")
    pins = [access for access in chip.log if access.write and access.address & 0x3FF == 0x018]
    assert len(pins) == 1


def test_a_clock_that_does_not_come_leaves_the_led_on(tmp_path: Path) -> None:
    """The STM32F4's port waits for a time, and goes on; the LED tells, nobody hears the line."""
    library = build(load_board(ONE_EACH["stm32f4"]), tmp_path / "port")
    chip = FAMILIES["stm32f4"].chip()
    chip.ready = [rule for rule in chip.ready if rule.flag_address & 0xFF != 0x08]
    chip.accesses_max = 10**6
    assert chip.call(library, "port_init")
    pins = [access for access in chip.log if access.write and access.address == 0x40020818]
    assert len(pins) == 1


LINES = {
    "stm32l4": (70, 0x4000801C, 0x40008024, 0x40008020),
    "stm32f4": (38, 0x40004400, 0x40004404, 0),
}
"""Of the text build: interrupt, status, received data, and where flags are cleared."""
RXNE, ERRORS = 0x20, (0x1, 0x2, 0x4, 0x8)


@pytest.mark.parametrize("family", LINES)
def test_a_damaged_byte_is_a_byte(family: str, tmp_path: Path) -> None:
    """Parity, framing, noise, overrun: the byte is handed on, the flag cleared by the manual."""
    number, status, data, clear = LINES[family]
    library = build(load_board(ONE_EACH[family]), tmp_path / "port")
    chip = FAMILIES[family].chip()
    assert chip.call(library, "port_init")
    for error in (0, *ERRORS):
        chip.registers |= {status: RXNE | error, data: 0x41 + error}
        del chip.log[:]
        interrupt(library, family, number)
        assert library.port_getc() == 0x41 + error
        touched = [(access.write, access.address) for access in chip.log]
        cleared = [(True, clear)] if clear and error else []
        assert touched == [(False, status), (False, data), *cleared]
    # An overrun alone keeps the interrupt pending until it is cleared.
    chip.registers[status] = 0x8
    del chip.log[:]
    interrupt(library, family, number)
    assert chip.log[-1].address == (clear or data)
    assert chip.log[-1].write == bool(clear)


@pytest.mark.parametrize("family", LINES)
def test_as_many_bytes_are_held_as_caps_promises(family: str, tmp_path: Path) -> None:
    """Those that come before the core asks are kept in order; what comes beyond is lost alone."""
    number, status, data, _ = LINES[family]
    library = build(load_board(ONE_EACH[family]), tmp_path / "port")
    held = ctypes.c_uint32.in_dll(library, "port_receive_b").value
    chip = FAMILIES[family].chip()
    assert chip.call(library, "port_init")
    chip.accesses_max = 10**6
    chip.registers[status] = RXNE
    for _ in range(2):  # the indices go on where they were
        for sent in range(held + 3):
            chip.registers[data] = sent % 251
            interrupt(library, family, number)
        assert [library.port_getc() for _ in range(held)] == [at % 251 for at in range(held)]


@pytest.mark.parametrize("name", ONE_EACH.values())
def test_microseconds_are_those_that_passed(name: str, tmp_path: Path) -> None:
    """Whenever SysTick's interrupt comes, before or after the count was read."""
    board = load_board(name)
    library = build(board, tmp_path / "port")
    library.port_micros.restype = ctypes.c_uint32
    chip = FAMILIES[board.family].chip()
    assert chip.call(library, "port_init")
    chip.accesses_max = 10**6
    chip.registers |= {SYST_CVR: chip.registers[SYST_RVR], ICSR: 0}
    ticks_per_us = board.clock_hz // 1_000_000
    chance = random.Random(1)  # noqa: S311 - a sequence that can be repeated
    chip.passed = 0
    for _ in range(20_000):
        chip.ticks = chance.randrange(1, 4_000_000)
        us = library.port_micros()
        assert us == chip.passed // ticks_per_us % 2**32
        if chip.registers[ICSR] and chance.random() < 0.7:
            chip.registers[ICSR] = 0
            library.systick_interrupt()
        elif chip.registers[ICSR]:
            chip.ticks = 1
            assert library.port_micros() == chip.passed // ticks_per_us % 2**32
            chip.registers[ICSR] = 0
            library.systick_interrupt()
