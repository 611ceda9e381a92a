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


@pytest.mark.parametrize("name", [n for n in BUILT if "timing_pin" in BOARDS[n].port])
def test_the_energy_build_too(name: str) -> None:
    """A real board's timing pin is declared, and its energy build is another image."""
    board = BOARDS[name]
    text = build(board, load_task("kws"), MODEL)
    energy = build(board, load_task("kws"), MODEL, energy=True)
    assert energy.elf_sha256 != text.elf_sha256
