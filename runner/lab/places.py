"""The boards of one computer of the lab: those of its bench file, and emulated ones."""

from collections.abc import Sequence

from tinybench.errors import UsageError

from ..build import board as boards
from ..desk.bench import Bench
from .policy import Place

EMULATED = ("mps2-an386", "mps3-an547")
"""Of a lab with nothing configured: a Cortex-M4F and a Cortex-M55."""


def places(worker: str, bench: Bench, emulated: Sequence[str]) -> dict[str, Place]:
    """Return the boards of a worker, by the names they have on it.

    Raises UsageError for an emulated board that is none.
    """
    found = {}
    for name, desk in bench.boards.items():
        board = boards.load_board(desk.board)
        found[name] = Place(
            f"{worker}/{name}",
            board.name,
            board.core,
            frozenset(desk.tags),
            None if desk.quiet is None else f"{worker}/{desk.quiet}",
        )
    for name in emulated:
        board = boards.load_board(name, emulate=boards.load_board(name).attached is not None)
        if board.emulator is None:
            raise UsageError(f"board {name} is no emulated one; real ones are named in bench.toml")
        if board.name in found:
            raise UsageError(f"the board of bench.toml that is called {name} is another: rename it")
        found[board.name] = Place(
            f"{worker}/{board.name}",
            board.name,
            board.core,
            frozenset({"emulated"} if board.emulated else ()),
            emulated=board.emulated,
            attached=False,
        )
    return found
