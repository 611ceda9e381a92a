"""What the boot ROMs of the RP2040 and RP2350 look for in an image, and the line's interrupt."""

import ctypes
import struct
from pathlib import Path

import pytest

from tests import ROOT
from tests.firmware.fake_chip import build, interrupt
from tests.firmware.register_families import FAMILIES
from tests.firmware.register_rp2 import DR, FR, Rp2
from tinybench.runner.build.board import Board, load_board
from tinybench.runner.build.firmware import build as built
from tinybench.runner.build.firmware import converted
from tinybench.runner.build.task import load_task
from tinybench.runner.chip.image import read_image

MODEL = ROOT / "models" / "embedded" / "kws01.tflite"
POLYNOMIAL = 0x04C11DB7
RXFE = 1 << 4


def _raw(board: Board) -> bytes:
    return converted(board, built(board, load_task("kws"), MODEL), "bin").read_bytes()


def _sum(data: bytes) -> int:
    """Return the check sum of the RP2040's boot ROM. Ref: RP2040 data sheet, 2.8.1.3.1."""
    found = 0xFFFFFFFF
    for byte in data:
        found ^= byte << 24
        for _ in range(8):
            found = (found << 1 ^ (POLYNOMIAL if found >> 31 else 0)) & 0xFFFFFFFF
    return found


@pytest.mark.parametrize("name", ["pico", "nano-rp2040-connect"])
def test_the_boot_rom_of_an_rp2040_takes_the_first_256_bytes(name: str) -> None:
    """Their last word is the sum of the others; the vectors are behind them."""
    board = load_board(name)
    raw = _raw(board)
    assert struct.unpack_from("<I", raw, 252)[0] == _sum(raw[:252])
    stack, reset = struct.unpack_from("<2I", raw, 256)
    assert board.memory is not None
    assert board.memory.ram_origin < stack <= board.memory.ram_origin + board.memory.ram_size_b
    assert reset & 1
    assert 0x10000200 <= reset < 0x10000000 + len(raw)


def test_the_boot_rom_of_an_rp2350_finds_its_image_def() -> None:
    """A block of one item, for Arm and secure, that ends, in the first 4 KB."""
    words = struct.unpack("<1024I", _raw(load_board("pico-2"))[:4096])
    at = words.index(0xFFFFDED3)
    assert words[at : at + 5] == (0xFFFFDED3, 0x10210142, 0x1FF, 0, 0xAB123579)
    assert words.count(0xFFFFDED3) == 1
    assert words[1] & 1


def test_the_boot_rom_of_an_rp2350_starts_a_hazard3_where_flash_begins() -> None:
    """By a block for RISC-V; the image begins with code, for there is no vector table."""
    board = load_board("pico-2-riscv")
    image = built(board, load_task("kws"), MODEL)
    words = struct.unpack("<1024I", converted(board, image, "bin").read_bytes()[:4096])
    at = words.index(0xFFFFDED3)
    assert words[at : at + 5] == (0xFFFFDED3, 0x11010142, 0x1FF, 0, 0xAB123579)
    read = read_image(Path(image.elf))
    assert (read.machine, read.entry) == ("riscv", 0x10000000)
    assert read.function(read.entry) == "reset"


@pytest.mark.parametrize(("family", "name"), [("rp2040", "pico"), ("rp2350", "pico-2")])
def test_as_many_bytes_are_held_as_caps_promises(family: str, name: str, tmp_path: Path) -> None:
    """An interrupt takes all that the FIFO has, in order; what comes beyond is lost alone."""
    library = build(load_board(name), tmp_path / "port")
    known = FAMILIES[family]
    assert isinstance(known, Rp2)
    held = ctypes.c_uint32.in_dll(library, "port_receive_b").value
    chip = known.chip()
    assert chip.call(library, "port_init")
    chip.accesses_max = 10**6
    waiting: list[int] = []
    plain = chip.read

    def read(address: int) -> int:
        if address == known.uart + FR:
            chip.registers[address] = 0 if waiting else RXFE
        if address == known.uart + DR:
            chip.registers[address] = waiting.pop(0)
        return plain(address)

    chip.read = read
    for _ in range(2):  # the indices go on where they were
        for first in range(0, held + 32, 32):
            waiting += [at % 251 for at in range(first, first + 32)]
            interrupt(library, family, known.interrupt)
            assert not waiting
        assert [library.port_getc() for _ in range(held)] == [at % 251 for at in range(held)]
