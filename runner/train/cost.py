"""What a step of training takes on an emulated board: instructions, and estimated cycles."""

import struct

from tinybench.errors import ToolMissingError

from ..build.board import Board
from ..build.firmware import Image
from ..cycles.estimate import INFER, can_estimate, estimate_function
from ..dut.client import Dut
from ..results.cycles import Cycles
from .document import Asked, Cost, Part
from .link import REPLY_S

ADD, STEP = "learn_add", "learn_step"
"""Functions of the firmware. Ref: firmware/train/learn.h."""
_REAL = struct.Struct(">f")


def cost_of(board: Board, image: Image, asked: Asked, data: bytes) -> tuple[Cost | None, str]:
    """Return what body, gradient and step take; or None and why not. `data`: any input.

    Raises any BenchError.
    """
    if not can_estimate(board):
        return None, f"board {board.name} is not emulated here, or declares no timings"
    real = f"{_REAL.pack(asked.rate).hex()} {_REAL.pack(asked.momentum).hex()}"

    def ask(dut: Dut) -> None:
        # Batches of one: a gradient takes the same whatever is gathered already.
        dut.command(f"train begin {real} 1 1", REPLY_S)
        for step in range(2):
            dut.infer(data, 1, 0)
            dut.command("train add 0 0", REPLY_S)
            dut.command(f"train step {step}", REPLY_S)

    try:
        parts = [
            _part(estimate_function(board, image, name, data, ask)) for name in (INFER, ADD, STEP)
        ]
    except ToolMissingError as error:
        return None, str(error)
    body, add, step = parts
    return Cost(body=body, add=add, step=step, batch=asked.batch, clock_hz=board.clock_hz), ""


def _part(cycles: Cycles) -> Part:
    return Part(
        instructions=round(cycles.instructions), cycles=cycles.usual, cycles_low=cycles.low,
        cycles_high=cycles.high,
    )  # fmt: skip
