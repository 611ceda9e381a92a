"""What is kept of a build: objects that hold no model, for the next image of the same board."""

import contextlib
import hashlib
import shutil
from pathlib import Path

import msgspec

from tinybench.cache import cache_folder
from tinybench.files import write_whole

from ..board import Board
from .board_mk import board_mk

SOURCE_FOLDERS = (
    *("core", "kernels", "ports", "semihosting", "stm32", "nordic", "rp2", "cortex_m", "riscv"),
    *("cxx", "esp32"),
    *("th_api", "th_api/api", "audio", "stream", "train"),
)
OF_A_CORE = ("PREFIX", "CFLAGS_BOARD", "KERNELS")
"""What of a board its kernels and features are compiled with. Ref: firmware/Makefile."""
OF_A_BOARD = (*OF_A_CORE, "FAMILY", "CLOCK_HZ", "PORT_CONSTANTS")
"""... and all others but core/, told the constants TB_... alone. The rest is the linker's."""
OF_ONE_IMAGE = {"core/command.o"}
"""Objects that no other image can use: what it calls itself. Its model lies in no such folder."""


def objects_of(board: Board, made_by: object, *build: object) -> dict[str, Path]:
    """Return where objects are kept that hold no model, by the folder of their sources."""
    lines = {line.split()[0]: line for line in board_mk(board).splitlines()}
    own = [word for word in lines["PORT_CONSTANTS"].split() if word.startswith("TB_")]
    kept = {}
    for folder in SOURCE_FOLDERS:
        of_core = folder in ("kernels", "audio")
        flags = [lines[n] for n in (OF_A_CORE if of_core or folder == "core" else OF_A_BOARD)]
        made_of = [flags, board.memory is None, made_by, () if of_core else (own, build)]
        digest = hashlib.sha256(msgspec.json.encode(made_of)).hexdigest()[:16]
        kept[folder] = cache_folder() / "objects" / digest / folder
    return kept


def lend(objects: dict[str, Path], work: Path) -> None:
    """Copy kept objects to where make looks for them: newer than all that they are made of."""
    for folder, kept in objects.items():
        for path in kept.glob("*.o"):
            (work / folder).mkdir(exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # whoever empties the cache meanwhile
                shutil.copyfile(path, work / folder / path.name)


def keep(objects: dict[str, Path], work: Path) -> None:
    """Copy the objects of a build to where the next one finds them; each is whole at once.

    One that cannot be written, as on a full disk, is compiled anew then: this build has what it
    needs.
    """
    for folder, kept in objects.items():
        for path in (work / folder).glob("*.o"):
            if f"{folder}/{path.name}" not in OF_ONE_IMAGE:
                with contextlib.suppress(OSError):
                    kept.mkdir(parents=True, exist_ok=True)
                    write_whole(kept / path.name, path.read_bytes())
