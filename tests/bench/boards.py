"""Real boards without one: what each task takes in emulation, and what else is proved of them."""

import tempfile
from pathlib import Path

from tests import ROOT
from tests.bench.figures import Figure
from tests.firmware import fake_chip
from tests.firmware.register_families import FAMILIES, broken_checks, checks, of, record
from tinybench.declare import load
from tinybench.errors import TinybenchError
from tinybench.runner.build.board import Board, names
from tinybench.runner.build.firmware import build
from tinybench.runner.build.task import load_task

MODEL = ROOT / "models" / "embedded" / "kws01.tflite"


def figures() -> list[Figure]:
    """Return how many register-order checks pass, and how many boards build."""
    boards = [load(path, Board) for path in names().values()]
    return [*_registers(boards), _built([board for board in boards if board.toolchain is not None])]


def _registers(boards: list[Board]) -> list[Figure]:
    """Run the checks on both builds of each board whose family has some."""
    found: list[Figure] = []
    for board in boards:
        if board.family not in FAMILIES:
            continue
        family = of(board)
        passed = total = 0
        for energy in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                library = fake_chip.build(board, Path(folder) / "port", energy=energy)
                log = record(family, library, energy=energy)
            count = len(checks(family, energy=energy))
            total += count
            passed += 0 if log is None else count - len(broken_checks(family, log, energy=energy))
        where = f"{family.manual}, text and energy build, of {total}"
        name = f"register_order_checks_passed.{board.name}"
        found.append(Figure(name, passed, "1", total, where, better="higher"))
    return found


def _built(boards: list[Board]) -> Figure:
    """Build the keyword model for each board, as the Makefile does, with -Werror."""
    done = 0
    for board in boards:
        try:
            build(board, load_task("kws"), MODEL)
        except TinybenchError as error:
            print(f"{board.name}: {error}")
        else:
            done += 1
    where = "with the keyword model, -Wall -Wextra -Wconversion -Werror"
    return Figure("boards_built", done, "1", len(boards), where, better="higher")


if __name__ == "__main__":
    for figure in figures():
        mark = "MISS" if figure.missed else ""
        print(f"{figure.name:<45} {figure.value:>10.4g} {figure.unit:<5} {mark:<5} {figure.where}")
