"""A board of the package at another clock: its declaration with that clock, as a file."""

import hashlib
import re

from tinybench.cache import cache_folder
from tinybench.errors import BenchError, DeclarationError, UsageError
from tinybench.files import read_text, write_whole

from ..board import FIXED_HZ, Board, load_board, names
from .tree import MHZ, settings, shown

DECLARATION_MOST_B = 1 << 20
_CLOCK = re.compile(r"^clock_hz *= *[0-9_]+", re.MULTILINE)
_NAME = re.compile(r'^name *= *"[^"]*"', re.MULTILINE)


def insist_clock(board: Board, clock_hz: int) -> None:
    """Raise UsageError for a clock that a board cannot run at, with the nearest that it can."""
    fixed = FIXED_HZ.get(board.family, () if board.clock else (board.clock_hz,))
    if board.toolchain is None or not board.clock_hz:
        raise UsageError(f"board {board.name} has no clock that could be chosen: leave it out")
    if fixed and clock_hz not in fixed:
        near = min(fixed, key=lambda one: abs(one - clock_hz))
        raise UsageError(
            f"board {board.name} cannot run at {shown(clock_hz)}; the nearest that it can is "
            f"{shown(near)}"
        )
    if board.clock is not None:
        try:
            settings(board.clock, clock_hz)
        except DeclarationError as error:
            said = str(error).removeprefix("key 'clock_hz': ")
            raise UsageError(f"board {board.name}: {said}") from None


def at_clock(name: str, clock_hz: int) -> str:
    """Return a board at a clock: its own name, or the path of a declaration with that clock.

    The board has another name there, such as nucleo-l4r5-80mhz: its results are by themselves.
    Raises UsageError for a clock that it cannot run at, or a board of a file of one's own.
    """
    known = names()
    if name not in known:
        raise UsageError(
            f"a clock is that of a board of the package, and {name} is a file: say clock_hz in it"
        )
    board = load_board(name)
    if clock_hz == board.clock_hz:
        return name
    insist_clock(board, clock_hz)
    own = f"{board.name}-{clock_hz // MHZ}mhz"
    text = _CLOCK.sub(f"clock_hz = {clock_hz}", read_text(known[name], DECLARATION_MOST_B), count=1)
    text = _NAME.sub(f'name = "{own}"', text, count=1)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    path = cache_folder() / "boards" / digest / f"{own}.toml"
    try:
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text.encode())
    except OSError as error:
        raise BenchError(f"{path}: cannot be written: {error.strerror or error}") from error
    return str(path)
