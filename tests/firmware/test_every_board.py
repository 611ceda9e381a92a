"""Every board builds without a warning, the energy build too where the board has a timing pin."""

from pathlib import Path

import pytest

from tests import ROOT
from tinybench.declare import load
from tinybench.runner.build.board import Board, names
from tinybench.runner.build.firmware import build
from tinybench.runner.build.task import load_task

MODEL = ROOT / "models" / "embedded" / "kws01.tflite"
BOARDS = {name: load(path, Board) for name, path in names().items()}
BUILT = [name for name, board in BOARDS.items() if board.toolchain is not None]


@pytest.mark.parametrize("name", BUILT)
def test_it_builds_with_every_warning_an_error(name: str) -> None:
    """The keyword model on each board that has a toolchain: the Makefile says -Werror."""
    board = BOARDS[name]
    image = build(board, load_task("kws"), MODEL)
    assert board.memory is None or image.ram_b <= board.memory.ram_size_b
    assert Path(image.elf).is_file()


def test_warnings_are_errors() -> None:
    """The flags that the above rests on."""
    makefile = ROOT / "firmware" / "Makefile"
    assert "-Wall -Wextra -Wconversion -Werror" in makefile.read_text()


def _on_chip(board: Board) -> bool:
    return board.emulator is not None and board.emulator.chip is not None


@pytest.mark.parametrize(
    "name", [n for n in BUILT if "timing_pin" in BOARDS[n].port and not _on_chip(BOARDS[n])]
)
def test_the_energy_build_too(name: str) -> None:
    """It is another image; that of a board on one of our chips is run by test_chips.py."""
    board = BOARDS[name]
    text = build(board, load_task("kws"), MODEL)
    energy = build(board, load_task("kws"), MODEL, energy=True)
    assert energy.elf_sha256 != text.elf_sha256
