"""A board's declaration as make reads it."""

from tinybench.errors import UsageError

from ..board import Board, Toolchain


def toolchain_of(board: Board) -> Toolchain:
    """Return what a board is built with. Raises UsageError for one that holds its own firmware."""
    if board.toolchain is None:
        raise UsageError(
            f"no firmware is built for board {board.name}: it holds its own. Name a board of "
            "'tinybench boards' that has a toolchain"
        )
    return board.toolchain


def board_mk(board: Board) -> str:
    """Return a board's declaration as make variables; firmware/Makefile explains them."""
    toolchain = toolchain_of(board)
    lines = {
        "BOARD": board.name,
        "FAMILY": board.family,
        "PREFIX": toolchain.prefix,
        "CFLAGS_BOARD": " ".join(toolchain.cflags),
        "KERNELS": toolchain.kernels,
        "CLOCK_HZ": str(board.clock_hz),
        "PORT_CONSTANTS": " ".join(f"{k}={v:#x}u" for k, v in board.constants.items()),
    }
    if board.memory is not None:
        lines |= {
            "FLASH_ORIGIN": hex(board.memory.flash_origin),
            "FLASH_SIZE_B": str(board.memory.flash_size_b),
            "RAM_ORIGIN": hex(board.memory.ram_origin),
            "RAM_SIZE_B": str(board.memory.ram_size_b),
        }
        if board.memory.vectors_origin is not None:
            lines["VECTORS_ORIGIN"] = hex(board.memory.vectors_origin)
        if board.memory.weights_in_ram:
            lines["WEIGHTS"] = board.memory.weights
        for what, place in (
            ("CODE", board.memory.coupled.kernels),
            ("DATA", board.memory.coupled.tensors),
        ):
            if place is not None:
                lines[f"COUPLED_{what}_ORIGIN"] = hex(place[0])
                lines[f"COUPLED_{what}_SIZE_B"] = str(place[1])
        if board.memory.constants_origin is not None:
            lines["CONSTANTS_ORIGIN"] = hex(board.memory.constants_origin)
    return "".join(f"{name} := {_literal(value)}\n" for name, value in lines.items())


def _literal(value: str) -> str:
    """Return a value that make takes as it is, expanding nothing in it."""
    return value.replace("$", "$$").replace("#", "\\#").replace("\n", " ")
