"""Whether a model fits on a board, before anything is built: what it needs beside what there is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from tinybench.errors import ModelError, UsageError
from tinybench.models.compiler import Manifest
from tinybench.models.compiler.anatomy import Anatomy, anatomy

from ..results.firmware import SecondCoreUsed
from . import board as boards
from .board import Board, Memory
from .recipe import refused

CODE_B = (11_000, 28_500)
FIRMWARE_RAM_B = (5_500, 11_000)
"""Least and most that the firmware itself takes, tables and tensors left out: of each task on each
board in the package, 11,496 to 26,960 bytes of code and 6,364 to 10,476 of RAM; and a margin."""

Verdict = Literal["fits", "does not fit", "too close to say"]


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """A model beside the memory of a board; what the whole image needs is estimated, from - to."""

    board: str
    core: str
    kernels: str
    flash_b: tuple[int, int]
    flash_has_b: int
    ram_b: tuple[int, int]
    ram_has_b: int

    @property
    def verdict(self) -> Verdict:
        """Whether the image fits, where both estimates agree."""
        if self.flash_b[1] <= self.flash_has_b and self.ram_b[1] <= self.ram_has_b:
            return "fits"
        return "does not fit" if any(self.missing_b) else "too close to say"

    @property
    def missing_b(self) -> tuple[int, int]:
        """Bytes of flash and of RAM that are missing at least."""
        return (
            max(0, self.flash_b[0] - self.flash_has_b),
            max(0, self.ram_b[0] - self.ram_has_b),
        )


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is, and how it fits on boards; nothing was built."""

    anatomy: Anatomy
    boards: list[Fit]


def examine(
    tflite: Path,
    board: str | None = None,
    *,
    prune: bool = True,
    strips: bool = True,
    stream: bool = False,
) -> Examined:
    """Return what a .tflite is, and how it fits on a board, or on each that is declared.

    `prune`, `strips` and `stream` are those of `compile_model`. Raises ModelError for a file that
    is none, UsageError for a board that is not there or declares no memory.
    """
    loaded = map(boards.load_board, boards.names() if board is None else [board])
    there = [(one, one.memory, one.toolchain) for one in loaded]
    room = [(one, memory, tools.kernels) for one, memory, tools in there if memory and tools]
    if not room:
        raise UsageError(f"board {there[0][0].name} declares no memory to fit into")
    try:
        kernels = tuple(dict.fromkeys(kind for _, _, kind in room))
        found = anatomy(tflite, kernels, prune=prune, strips=strips, stream=stream)
    except ModelError as error:
        raise refused(error, tflite) from error
    return Examined(anatomy=found, boards=[fit(found, one, memory) for one, memory, _ in room])


def fit(found: Anatomy, board: Board, memory: Memory) -> Fit:
    """Return how a model fits into the memory of one board that is built for."""
    kernels = board.toolchain.kernels if board.toolchain else "plain"
    need = found.needs[kernels]
    return Fit(
        board=board.name,
        core=board.core,
        kernels=kernels,
        flash_b=_from_to(need.weights_b, CODE_B),
        flash_has_b=memory.flash_size_b,
        ram_b=_from_to(
            need.tensor_ram_b + (need.weights_b if memory.weights_in_ram else 0), FIRMWARE_RAM_B
        ),
        ram_has_b=memory.ram_size_b,
    )


def _from_to(model_b: int, firmware_b: tuple[int, int]) -> tuple[int, int]:
    least_b, most_b = firmware_b
    return model_b + least_b, model_b + most_b


def check_fits(board: Board, manifest: Manifest) -> None:
    """Raise ModelError when the model alone is larger than the board's memory, before building."""
    if board.memory is None:
        return
    coupled = board.memory.coupled.tensors
    held, ram_b = "tensors", 0 if coupled else manifest.tensor_ram_b
    if board.memory.weights_in_ram:
        held, ram_b = "tensors and weights", ram_b + manifest.weights_b
    for what, needed_b, there_b in (
        *([("DTCM for tensors", manifest.tensor_ram_b, coupled[1])] if coupled else []),
        ("flash for weights", manifest.weights_b, board.memory.flash_size_b),
        (f"RAM for {held}", ram_b, board.memory.ram_size_b),
    ):
        _check(board, what, needed_b, there_b)


def check_least(board: Board, flash_b: int, ram_b: int = 0) -> None:
    """Raise ModelError when what an engine keeps of a model is larger than the board's memory."""
    if board.memory is not None:
        _check(board, "flash for the model", flash_b, board.memory.flash_size_b)
        _check(board, "RAM for the model", ram_b, board.memory.ram_size_b)


def _check(board: Board, what: str, needed_b: int, there_b: int) -> None:
    if needed_b > there_b:
        raise ModelError(
            f"the model does not fit {board.name}: it needs {needed_b} bytes of {what}, the "
            f"board has {there_b}: {needed_b - there_b} too many. Use a smaller model or "
            "another board"
        )


def check_emulator(board: Board, images: Sequence[tuple[int, int]]) -> None:
    """Raise ModelError when the emulated chip has less memory than an image needs.

    `images`: bytes of flash and of RAM of each image of the board.
    """
    if board.emulator is None:
        return
    for flash_b, ram_b in images:
        for what, needed_b, there_b in (
            ("flash", flash_b, board.emulator.flash_size_b),
            ("RAM", ram_b, board.emulator.ram_size_b),
        ):
            if there_b is not None and needed_b > there_b:
                raise ModelError(
                    f"the firmware fits {board.name}, but not its emulator: it needs {needed_b} "
                    f"bytes of {what}, the emulated chip has {there_b}. Run it on the board "
                    "itself, with --port, or on an emulated board with more memory, such as "
                    "mps2-an386"
                )


def second_core_used(board: Board, manifest: Manifest | None) -> SecondCoreUsed | None:
    """Return what a second core does of a model that was compiled for the board; None: nothing."""
    halves = manifest and manifest.halves
    if halves is None or board.second_core is None:
        return None
    return SecondCoreUsed(
        layers=halves.layers,
        macs=halves.macs,
        arena_more_b=halves.arena_more_b,
        stack_b=board.second_core.stack_b,
    )
