"""The estimate of cycles in a run folder: computed from its files, whenever it is wanted."""

import os
from pathlib import Path

from tinybench.errors import RunFolderError, TinybenchError
from tinybench.files import DOCUMENT_MOST_B, read_bytes

from ..build.board import Board
from ..build.elf import IMAGE_MAX_B
from ..results.cycles import Cycles
from ..results.names import CALIBRATION_FILE, CORE_FILE, CYCLES_FILE, MEMORY_FILE
from .code import parse_code
from .plugin import parse_counts
from .price import declared, price

IMAGE_FILE = "firmware.elf"


def stored_cycles(folder: Path, board: Board) -> Cycles | None:
    """Price what was counted, by the declarations and the image beside it; None without counts.

    Raises RunFolderError where what belongs to them is missing or damaged.
    """
    if not os.path.lexists(folder / CYCLES_FILE):
        return None
    try:
        return _priced(folder, board)
    except (TinybenchError, OSError) as error:
        raise RunFolderError(
            f"{folder}: its estimate of cycles cannot be computed from {CYCLES_FILE} and the files "
            f"beside it: {error}"
        ) from error


def _priced(folder: Path, board: Board) -> Cycles | None:
    counts = parse_counts(read_bytes(folder / CYCLES_FILE, DOCUMENT_MOST_B, links=False))
    memory, calibration = folder / MEMORY_FILE, folder / CALIBRATION_FILE
    clocked = declared(
        folder / CORE_FILE,
        memory if memory.exists() else None,
        board.clock_hz,
        board.cycles,
        calibration if calibration.exists() else None,
    )
    code = parse_code(read_bytes(folder / IMAGE_FILE, IMAGE_MAX_B, links=False))
    return price(clocked, code, counts[-1]) if counts else None
