"""How much code the kernels of a study take: functions of an image, by its symbols."""

import subprocess
from collections.abc import Iterable, Mapping

from tinybench.program import ask

from ..build.board import Board
from ..build.make.board_mk import toolchain_of

TIMEOUT_S = 20


def functions_in(board: Board, elf: str, names: Iterable[str]) -> dict[str, int]:
    """Return the bytes of functions of an image, by name; what is inlined is not among them.

    Empty where `nm` of the board's compiler is not there or says none.
    """
    try:
        done = ask([toolchain_of(board).prefix + "nm", "-S", elf], TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return {}
    wanted, found = {*names}, dict[str, int]()
    for line in done.out.splitlines() if done.status == 0 else ():
        match line.split():
            case [_, size, "T" | "t", symbol]:
                name = symbol.split(".")[0]  # without .isra.0, .part.0
                if name in wanted:
                    found[name] = found.get(name, 0) + int(size, 16)
            case _:
                pass
    return found


def told(sizes: Mapping[str, int], of: Mapping[str, Iterable[str]]) -> list[str]:
    """Return in words what the kernels of some ways take, if known; `of`: functions of each."""
    each = {way: sum(sizes.get(name, 0) for name in names) for way, names in of.items()}
    text = ", ".join(f"{way} {size_b:,} B" for way, size_b in each.items() if size_b)
    words = f"code of kernels, once in an image, however many layers call it: {text}"
    return [words] if text else []
