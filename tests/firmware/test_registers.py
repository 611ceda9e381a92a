"""Ports of real chips write their registers in the order that the manuals demand."""

import ctypes
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.firmware.fake_chip import ICSR, SYST_CVR, SYST_RVR, Chip, build, interrupt
from tests.firmware.register_families import FAMILIES, broken_checks, checks, of, record
from tests.firmware.register_order import BSRR, MHZ, Check, Family, Kind, Log
from tests.firmware.register_sound import (
    ACR1,
    ACR2,
    AFRCR,
    AHB1ENR,
    APB2ENR,
    APB2RSTR,
    ASLOTR,
    CCR,
    CMAR,
    CNDTR,
    CPAR,
    DMA,
    DMA1_CHANNEL_1,
    IFCR,
    MUX,
    SOUND,
)
from tinybench.runner.build.board import Board, load_board, names

DMA_ISR = DMA
BOARDS = [name for name in names() if load_board(name).family in FAMILIES]
HEARING = [name for name in BOARDS if "wake_pin" in load_board(name).port]
ONE_EACH = {
    "stm32l4": "nucleo-l4r5",
    "stm32f4": "stm32-h405",
    "stm32u5": "nucleo-u575zi-q",
    "stm32h7": "nucleo-h7a3zi-q",
    "stm32g0": "nucleo-g0b1re",
    "stm32f7": "nucleo-f746zg",
    "rp2040": "pico",
    "rp2350": "pico-2",
}
STREAM_REGISTERS = {
    *(DMA_ISR, IFCR, CCR, CNDTR, CPAR, CMAR, MUX),
    *(ACR1, ACR2, AFRCR, ASLOTR, AHB1ENR, APB2ENR, APB2RSTR),
    *(0x48000400 + BSRR, 0x48001000 + BSRR),
}
"""Which firmware that hears writes, and no other; the wake-word pin is PB8, the other one PE9."""
HTIF1, TCIF1 = 1 << 2, 1 << 1
SAI_ASR = 0x40015418
DATA_REGISTERS = {
    *(
        origin + 0x28
        for origin in (
            *(0x40004400, 0x40004800, 0x40004C00, 0x40008000),
            *(0x40011000, 0x40011400, 0x40013800),
        )
    ),
    *(0x40034000, 0x40070000),
    *(origin + 0x04 for origin in (0x40004400, 0x40004800, 0x40011000, 0x40011400)),
}
_MSI, _HSE = {"source": "msi", "source_hz": 48 * MHZ}, {"source": "hse", "source_hz": 8 * MHZ}
_HSI = {"source": "hsi", "source_hz": 16 * MHZ}
OTHER_CLOCKS = [
    *(("nucleo-l4r5zi-p", _MSI, mhz) for mhz in (8, 13, 40, 48, 60, 70, 80, 100)),
    *(("b-l475e-iot01a", source, mhz) for source in (_HSE, _HSI) for mhz in (16, 80)),
    ("nucleo-l4r5", _HSE, 120),
    ("b-l475e-iot01a", {"source": "msi", "source_hz": 4 * MHZ}, 17),
    *(("nucleo-f446re", _HSE, mhz) for mhz in (24, 50, 169)),
    *(("nucleo-u575zi-q", {"source": "msi", "source_hz": 4 * MHZ}, mhz) for mhz in (40, 100)),
    ("nucleo-u575zi-q", _HSI, 160),
    *(("nucleo-h7a3zi-q", _HSE, mhz) for mhz in (40, 88, 160, 225)),
    *((name, {}, mhz) for name in ("pico", "pico-2") for mhz in (18, 133)),
    *(("nucleo-f411re", source, mhz) for source in (_HSE, _HSI) for mhz in (64, 84)),
    *(("nucleo-g0b1re", source, mhz) for source in (_HSE, _HSI) for mhz in (12, 48)),
    *(("nucleo-f746zg", source, mhz) for source in (_HSE, _HSI) for mhz in (24, 180)),
]
"""The least and the most, those of published points, and clocks that want another divider."""


def clocked(name: str, source: dict[str, Any], core_hz: int) -> Board:
    """Return a board whose core runs at another frequency, or from another source."""
    board = load_board(name)
    if board.clock is None:  # there is no other
        return board
    return replace(board, clock=replace(board.clock, **source), clock_hz=core_hz)


@pytest.mark.parametrize("energy", [False, True], ids=["text", "energy"])
@pytest.mark.parametrize("name", BOARDS)
def test_every_demand_is_kept(name: str, energy: bool, tmp_path: Path) -> None:
    """Each check of the family finds nothing, in both builds of each board."""
    _keeps_every_demand(load_board(name), tmp_path, energy=energy)


@pytest.mark.parametrize(("name", "source", "mhz"), OTHER_CLOCKS)
def test_every_demand_is_kept_at_another_clock(
    name: str, source: dict[str, Any], mhz: int, tmp_path: Path
) -> None:
    """PLL, wait states, voltage, over-drive and line follow the clock that a board declares."""
    _keeps_every_demand(clocked(name, source, mhz * MHZ), tmp_path, energy=True)


@pytest.mark.parametrize("energy", [False, True], ids=["text", "energy"])
@pytest.mark.parametrize("name", HEARING)
def test_every_demand_of_sound_is_kept(name: str, energy: bool, tmp_path: Path) -> None:
    """Firmware that hears drives its pins, and takes sound over I2S, in the manual's order."""
    board = load_board(name)
    family = of(board)
    library = build(board, tmp_path / "port", energy=energy, stream=True)
    log = record(family, library, energy=energy, stream=True)
    assert log is not None, "the port waits for ever"
    assert broken_checks(family, log, energy=energy, stream=True) == {}


def _keeps_every_demand(board: Board, folder: Path, *, energy: bool) -> None:
    family = of(board)
    log = record(family, build(board, folder / "port", energy=energy), energy=energy)
    assert log is not None, "the port waits for ever"
    assert broken_checks(family, log, energy=energy) == {}


SPOILT = [
    ("nucleo-l4r5", _MSI, 120),
    ("b-l475e-iot01a", _HSE, 80),
    ("b-l475e-iot01a", _HSI, 80),
    ("stm32-h405", _HSE, 168),
    ("nucleo-f446re", _HSE, 180),
    ("nucleo-f411re", _HSI, 100),
    ("nucleo-u575zi-q", {"source": "msi", "source_hz": 4 * MHZ}, 160),
    ("nucleo-h7a3zi-q", _HSE, 280),
    ("nrf52840-dk", {}, 64),
    ("nucleo-g0b1re", _HSE, 64),
    ("nucleo-g0b1re", _HSI, 64),
    ("nucleo-f746zg", _HSE, 216),
    ("nrf5340-dk", {}, 128),
    ("pico", {}, 125),
    ("pico-2", {}, 150),
    ("pico-2-riscv", {}, 150),
]


@pytest.fixture(
    scope="module", params=SPOILT, ids=lambda one: f"{one[0]}-{one[1].get('source', 'own')}"
)
def ports(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Family | Kind, dict[bool, ctypes.CDLL]]:
    """A family, and both builds of the port of one of its boards, by whether it is for energy."""
    name, source, mhz = request.param
    board = clocked(name, source, mhz * MHZ)
    folder = tmp_path_factory.mktemp("port")
    return of(board), {
        energy: build(board, folder / str(energy), energy=energy) for energy in (False, True)
    }


def test_no_write_can_be_missing(ports: tuple[Family | Kind, dict[bool, ctypes.CDLL]]) -> None:
    """When the chip loses any one write, the port waits for ever or a check says so."""
    family, libraries = ports
    for energy, library in libraries.items():
        assert not _unnoticed(family, library, energy=energy)


def _unnoticed(
    family: Family | Kind, library: ctypes.CDLL, *, energy: bool = False, stream: bool = False
) -> list[str]:
    """Return the writes that may be lost; of a stream's build, those that others do not have."""
    whole = record(family, library, energy=energy, stream=stream)
    assert whole is not None
    known = dict(family.reset)
    unnoticed: list[str] = []
    for number, access in enumerate(access for access in whole if access.write):
        changes = known.get(access.address) != access.value
        known[access.address] = access.value
        others = stream and access.address not in STREAM_REGISTERS
        if not changes or others or access.address in DATA_REGISTERS:
            continue
        log = record(family, library, energy=energy, stream=stream, lost=number)
        kept = checks(family, energy=energy, stream=stream)
        if log is not None and not any(any(check.broken(family, log)) for check in kept):
            unnoticed.append(f"{access.address:#x} = {access.value:#x}")
    return unnoticed


def test_each_check_can_fail(ports: tuple[Family | Kind, dict[bool, ctypes.CDLL]]) -> None:
    """Each is broken by a write that comes too late or without its bits, or a flag nobody reads."""
    family, libraries = ports
    seen: set[str] = set()
    for energy, library in libraries.items():
        whole = record(family, library, energy=energy)
        assert whole is not None
        seen |= _seen(family, whole, checks(family, energy=energy))
    assert {check.name for check in checks(family, energy=True)} - seen == set()


def _seen(family: Family | Kind, whole: Log, kept: Sequence[Check], first: int = 0) -> set[str]:
    """Return which checks some fault of a record, from the access `first` on, breaks."""
    seen: set[str] = set()
    for log in spoilt(family, whole, first):
        seen |= {
            check.name
            for check in kept
            if check.name not in seen and any(check.broken(family, log))
        }
    return seen


@pytest.fixture(scope="module")
def hearing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Family | Kind, ctypes.CDLL]:
    """A family, and the port of one of its boards in firmware that hears."""
    board = load_board(HEARING[0])
    folder = tmp_path_factory.mktemp("port") / "stream"
    return of(board), build(board, folder, stream=True)


def test_no_write_of_sound_can_be_missing(hearing: tuple[Family | Kind, ctypes.CDLL]) -> None:
    """Nor one that sets up the SAI, its DMA channel and the pins of a stream."""
    assert not _unnoticed(*hearing, stream=True)


def test_each_check_of_sound_can_fail(hearing: tuple[Family | Kind, ctypes.CDLL]) -> None:
    """By a write that is wrong or late, in the part of the record that is about sound."""
    family, library = hearing
    whole = record(family, library, energy=False, stream=True)
    assert whole is not None
    at_sound = next(at for at, access in enumerate(whole) if access.address in STREAM_REGISTERS)
    assert {check.name for check in SOUND} - _seen(family, whole, SOUND, at_sound) == set()


def _half_full(library: ctypes.CDLL, chip: Chip, flag: int, first: int) -> None:
    """Let the channel fill a half of its buffer with left samples from `first` on."""
    here = ctypes.addressof(ctypes.c_uint32.in_dll(library, "port_receive_b"))
    buffer = (ctypes.c_int16 * 2048).from_address((here & ~0xFFFFFFFF) | chip.registers[CMAR])
    for number in range(512):
        buffer[2 * number + (1024 if flag == TCIF1 else 0)] = first + number
    chip.registers[DMA_ISR] = flag
    interrupt(library, "stm32l4", DMA1_CHANNEL_1)
    chip.registers[DMA_ISR] = 0


def test_lost_sound_is_counted(hearing: tuple[Family | Kind, ctypes.CDLL]) -> None:
    """Halves come in order with their time; what is overwritten, or disturbed, is counted."""
    family, library = hearing
    library.port_sound_next.restype = ctypes.c_bool
    chip = family.chip()
    assert chip.call(library, "port_init")
    chip.accesses_max = 10**6
    assert chip.call(library, "port_sound_start")
    chip.registers |= {SYST_CVR: chip.registers[SYST_RVR], ICSR: 0}
    samples, came_us = (ctypes.c_int16 * 512)(), ctypes.c_uint32()

    def taken() -> int:
        assert library.port_sound_next(samples, ctypes.byref(came_us))
        assert list(samples) == list(range(samples[0], samples[0] + 512))
        return samples[0]

    _half_full(library, chip, HTIF1, 1000)
    assert taken() == 1000
    before_us = came_us.value
    chip.ticks = 1_200_000  # SysTick's, 10 ms
    _half_full(library, chip, TCIF1, -9000)
    chip.ticks = 60
    _half_full(library, chip, HTIF1, 2000)
    assert library.port_sound_lost() == 0
    assert taken() == 2000  # two were there, and the older one is being written over
    assert library.port_sound_lost() == 1
    assert 10_000 <= came_us.value - before_us <= 10_002
    chip.registers[SAI_ASR] = 1 << 6  # the frame's synchronisation came late
    _half_full(library, chip, TCIF1, 3000)
    assert taken() == 3000
    assert library.port_sound_lost() == 2
    # A byte of the host comes first; sound waits.
    chip.registers |= {0x4000801C: RXNE, 0x40008024: ord("s")}
    interrupt(library, "stm32l4", 70)
    _half_full(library, chip, HTIF1, 4000)
    assert not library.port_sound_next(samples, ctypes.byref(came_us))
    assert library.port_getc() == ord("s")
    assert taken() == 4000


def spoilt(family: Family | Kind, log: Log, first: int = 0) -> Iterator[Log]:
    """Yield records in which one thing is wrong, from the access `first` on."""
    known = dict(family.reset)
    for number, access in enumerate(log):
        if access.write and number >= first:
            rest = list(log[number + 1 :])
            # What was read of the register until it is written again would tell its value.
            same = [at for at, a in enumerate(rest) if a.address == access.address]
            again = next((at for at in same if rest[at].write), len(rest))
            rest = [a for at, a in enumerate(rest) if at >= again or at not in same]
            yield [*log[:number], *rest, access]
            for value in (0, access.value & ~known.get(access.address, 0)):
                yield [*log[:number], access._replace(value=value), *rest]
        known[access.address] = access.value
    for address in {access.address for access in log[first:]}:
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
