"""The tables of boards in the documentation: each board with firmware of ours, and its own pins."""

import re

import pytest

from tests import ROOT
from tinybench.runner.build.board import Board, load_board, names

REAL = [
    name
    for name in names()
    if (board := load_board(name)).attached is not None and board.toolchain is not None
]


def _pin(board: Board, key: str) -> str:
    """Return how the maker calls the pin that a board declares."""
    number = board.port[key]
    if board.family.startswith("stm32"):
        return f"P{'ABCDEFGHI'[number // 16]}{number % 16}"
    if board.family.startswith("nrf"):
        return f"P{number // 32}.{number % 32:02}"
    return f"{'GPIO' if board.family.startswith('esp') else 'GP'}{number}"


def _row(page: str, name: str, columns: int) -> str:
    """Return the one row of a table that has the board in its first cell."""
    rows = [
        line
        for line in (ROOT / "docs" / page).read_text().splitlines()
        if line.count("|") == columns + 1 and f"`{name}`" in line.split("|")[1].strip().split(", ")
    ]
    (row,) = rows
    return row


def _line(board: Board, energy: bool) -> list[str]:
    """Return the keys of the serial line's pins, of one build."""
    keys = [key for key in board.port if re.search(r"_[rt]x_pin$", key)]
    own = [key for key in keys if key.startswith("energy_") == energy]
    return own or keys


@pytest.mark.parametrize("name", REAL)
def test_each_board_stands_in_the_tables_with_the_pins_that_it_declares(name: str) -> None:
    """Those of its line, of its energy build, and the timing pin."""
    board = load_board(name)
    pins = {key: _pin(board, key) for key in board.port if key.endswith("_pin")}
    wiring = _row("hardware.md", name, 4)
    for key in ("timing_pin", *_line(board, energy=True)):
        assert re.search(rf"\b{re.escape(pins[key])}\b", wiring), (key, wiring)
    shown = _row("boards.md", name, 5)
    if "the same |" not in shown:
        for key in ("timing_pin", *_line(board, energy=False)):
            assert re.search(rf"\b{re.escape(pins[key])}\b", shown), (key, shown)


@pytest.mark.parametrize("name", names())
def test_the_readme_names_each_board_once(name: str) -> None:
    """In the table of boards."""
    rows = [line for line in (ROOT / "README.md").read_text().splitlines() if line[:3] == "| `"]
    found = [row for row in rows if f"`{name}`" in row.split("|")[1].strip().split(", ")]
    assert len(found) == 1
