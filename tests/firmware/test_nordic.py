"""The line of Nordic's chips: bytes that come by EasyDMA, and those that leave by it."""

import ctypes

import pytest

from tests.firmware.fake_chip import Chip, build, interrupt
from tests.firmware.register_families import FAMILIES
from tests.firmware.register_nordic import (
    ENDRX,
    RXD_PTR,
    STARTRX,
    STARTTX,
    TXD_MAXCNT,
    TXD_PTR,
    Nordic,
)
from tinybench.runner.build.board import load_board

ONE_EACH = {"nrf52840": "nrf52840-dk", "nrf5340": "nrf5340-dk"}


@pytest.fixture(scope="module", params=ONE_EACH)
def port(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Nordic, ctypes.CDLL]:
    """A family, and the port of one of its boards for the host."""
    family = FAMILIES[request.param]
    assert isinstance(family, Nordic)
    board = load_board(ONE_EACH[family.name])
    return family, build(board, tmp_path_factory.mktemp("port") / family.name)


def _bytes_at(
    library: ctypes.CDLL, chip: Chip, pointer: int, size_b: int
) -> ctypes.Array[ctypes.c_uint8]:
    """Return what a pointer of the chip's, which has 32 bits, points to in this process."""
    here = ctypes.addressof(ctypes.c_uint32.in_dll(library, "port_receive_b"))
    return (ctypes.c_uint8 * size_b).from_address(here & ~0xFFFFFFFF | chip.registers[pointer])


def test_as_many_bytes_are_held_as_caps_promises(port: tuple[Nordic, ctypes.CDLL]) -> None:
    """Those that come before the core asks are kept in order, each fetched before the next."""
    family, library = port
    held = ctypes.c_uint32.in_dll(library, "port_receive_b").value
    chip = family.chip()
    assert chip.call(library, "port_init")
    chip.accesses_max = 10**6
    came = _bytes_at(library, chip, family.uarte + RXD_PTR, 1)
    for _ in range(2):  # the indices go on where they were
        for sent in range(held + 3):
            came[0] = sent % 251
            chip.registers[family.uarte + ENDRX] = 1
            del chip.log[:]
            interrupt(library, family.name, family.interrupt)
            touched = [(a.write, a.address - family.uarte, a.value) for a in chip.log]
            assert touched[:3] == [(False, ENDRX, 1), (True, ENDRX, 0), (True, STARTRX, 1)]
        assert [library.port_getc() for _ in range(held)] == [at % 251 for at in range(held)]


def test_an_interrupt_without_a_byte_gives_none(port: tuple[Nordic, ctypes.CDLL]) -> None:
    """As when it was pending while the rate changed: nothing is started, nothing is kept."""
    family, library = port
    chip = family.chip()
    assert chip.call(library, "port_init")
    chip.registers[family.uarte + ENDRX] = 0
    del chip.log[:]
    interrupt(library, family.name, family.interrupt)
    assert [access.write for access in chip.log] == [False]


def test_what_leaves_is_in_ram_and_in_order(port: tuple[Nordic, ctypes.CDLL]) -> None:
    """More than the buffer holds is sent in parts, of which none is empty."""
    family, library = port
    chip = family.chip()
    assert chip.call(library, "port_init")
    chip.accesses_max = 10**6
    left = bytearray()
    text = bytes(range(200))
    written = chip.write

    def write(address: int, value: int) -> None:
        if address == family.uarte + STARTTX:
            size_b = chip.registers[family.uarte + TXD_MAXCNT]
            assert size_b > 0
            left.extend(_bytes_at(library, chip, family.uarte + TXD_PTR, size_b))
        written(address, value)

    chip.write = write
    for byte in text:
        assert chip.call(library, "port_putc", byte)
    assert chip.call(library, "port_set_baud", 230_400)
    assert left == text
