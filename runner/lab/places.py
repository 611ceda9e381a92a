"""The boards of one computer of the lab: those of its bench file, and emulated ones."""

from collections.abc import Sequence

from tinybench.errors import UsageError

from ..build import board as boards
from ..build.board import Board
from ..desk.bench import Bench, DeskBoard, line_of, own_line
from ..results.request import MODELLED
from .policy import Place

EMULATED = ("mps2-an386", "mps3-an547")
"""Of a lab with nothing configured: a Cortex-M4F and a Cortex-M55."""


def places(worker: str, bench: Bench, emulated: Sequence[str]) -> dict[str, Place]:
    """Return the boards of a worker, by the names they have on it.

    Real boards that have an emulator have it beside them, for jobs alone that ask for it: such a
    job holds no real board. Raises UsageError for an emulated board that is none.
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
            monitors=_monitors(bench, desk, board),
        )
    for name in dict.fromkeys(emulated):
        real = boards.load_board(name).attached is not None
        board = boards.load_board(name, emulate=real)
        if board.emulator is None:
            raise UsageError(f"board {name} is no emulated one; real ones are named in bench.toml")
        if board.name in bench.boards:
            raise UsageError(
                f"the board of bench.toml that is called {board.name} is another: rename it"
            )
        if board.name in found:
            raise UsageError(f"two emulated boards are called {board.name}: leave one of them out")
        found[board.name] = _emulator(worker, board.name, board, stands_in=real)
    for name in sorted({one.board for one in bench.boards.values()} - {*emulated}):
        try:
            board = boards.load_board(name, emulate=True)
        except UsageError:
            continue
        if board.name in boards.names():  # a declaration of this computer has no such name
            own = f"{board.name}.emulated"
            found[own] = _emulator(worker, own, board, stands_in=True, on_demand=True)
    return found


def _emulator(
    worker: str, own: str, board: Board, *, stands_in: bool, on_demand: bool = False
) -> Place:
    pin = board.emulator is not None and bool(board.emulator.timing_pin)
    return Place(
        f"{worker}/{own}",
        board.name,
        board.core,
        frozenset({"emulated"} if board.emulated else ()),
        emulated=board.emulated,
        attached=False,
        monitors=frozenset({MODELLED} if pin and board.power is not None else ()),
        on_demand=on_demand,
        stands_in=stands_in,
    )


def _monitors(bench: Bench, desk: DeskBoard, board: Board) -> frozenset[str]:
    """Return the names of what measures a board of a desk; none where nothing can."""
    own = line_of(desk, bench, energy=True) == own_line(desk)
    reached = not own or board.attached is None or board.attached.energy
    if desk.monitor is None or not reached:
        return frozenset()
    spec = bench.monitors.get(desk.monitor)
    return frozenset({desk.monitor} if spec is None else {desk.monitor, spec.driver})
