"""The ports of the ESP32-C3 and C6 write its registers in the order that their manuals demand."""

import subprocess
from pathlib import Path

import pytest

from tests import ROOT
from tests.firmware.fake_chip import Ready
from tests.firmware.register_esp32 import Counting, broken_checks, build, checks, record, wired
from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build as build_image
from tinybench.runner.build.task import load_task
from tinybench.runner.chip.image import read_image

BOARDS = ["esp32-c3-devkitm-1", "esp32-c6-devkitc-1", "xiao-esp32c3", "xiao-esp32c6"]


@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize("energy", [False, True], ids=["text", "energy"])
def test_every_demand_is_kept(name: str, energy: bool, tmp_path: Path) -> None:
    """In both builds; and when the chip loses any write that changes something, a check says so."""
    board = load_board(name)
    wires = wired(board, energy=energy)
    library = build(board, tmp_path / "port", energy=energy)
    whole = record(wires, library, energy=energy)
    assert whole is not None, "the port waits for ever"
    assert broken_checks(wires, whole) == {}
    known, unnoticed = dict(wires.chip.reset), list[str]()
    seen = set[str]()
    for number, access in enumerate(access for access in whole if access.write):
        changes = known.get(access.address, 0) != access.value
        known[access.address] = access.value
        log = record(wires, library, energy=energy, lost=number)
        broken = {} if log is None else broken_checks(wires, log)
        seen |= set(broken)
        data = access.address == wires.origin
        if changes and not data and log is not None and not broken:
            unnoticed.append(f"{access.address:#x} = {access.value:#x}")
    assert unnoticed == []
    # Each check is broken by something: a lost write, or a register that was never read.
    for address in {access.address for access in whole if not access.write}:
        seen |= set(broken_checks(wires, [a for a in whole if a.write or a.address != address]))
    assert {check.name for check in checks(wires)} - seen == set()


def test_a_host_that_takes_nothing_is_not_waited_for_twice(tmp_path: Path) -> None:
    """What is sent while its port is closed is dropped, after one wait; then it goes on."""
    board = load_board("xiao-esp32c3")
    wires = wired(board, energy=False)
    library = build(board, tmp_path / "port", energy=False)
    timer = wires.chip.systimer
    valid = Ready(timer + 4, 1 << 30, 1 << 30, timer + 4, 1 << 29)
    chip = Counting(dict(wires.chip.reset), [valid], count=timer + 0x44, step=16 * 10_000)
    room = wires.origin + 4
    chip.registers[room] = 0
    took: list[int] = []
    for free in (0, 0, 2):
        chip.registers[room] = free
        chip.log.clear()
        assert chip.call(library, "port_putc", ord("m"))
        took.append(len(chip.log))
        assert any(a.write and a.address == wires.origin for a in chip.log) == bool(free)
    assert took[0] > 40
    assert took[1] == 1


@pytest.mark.parametrize("name", BOARDS[:2])
def test_the_raw_image_is_what_the_rom_starts(name: str, tmp_path: Path) -> None:
    """Two words by which it is known, code right behind them, constants where data is read."""
    board = load_board(name)
    assert board.memory is not None
    image = build_image(board, load_task("kws"), ROOT / "models" / "embedded" / "kws01.tflite")
    raw = tmp_path / "image.bin"
    subprocess.run(
        ["riscv64-unknown-elf-objcopy", "-O", "binary", image.elf, str(raw)], check=True, timeout=30
    )
    assert raw.read_bytes()[:8] == b"\x1d\x04\xdb\xae" * 2
    read = read_image(Path(image.elf))
    assert read.entry == board.memory.flash_origin + 8
    assert all(place >> 24 == 0x42 for place, _ in read.segments)
    assert len(raw.read_bytes()) == max(place + len(data) for place, data in read.segments) - (
        board.memory.flash_origin
    )
    symbols = {name: place for place, name in read.functions}
    assert symbols["line_interrupt"] > read.entry
