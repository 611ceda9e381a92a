"""A board's part of a round: opened, given the head, taught, asked for its weights, and let go.

What is asked and answered is plain data, whichever computer the board is on.
"""

from contextlib import ExitStack, closing

import msgspec
import numpy as np

from tinybench.errors import TinybenchError
from tinybench.printable import one_line

from ..desk.flash import load
from ..desk.identity import insist_task
from ..desk.line import open_line
from ..desk.reserve import reserved
from ..dut.client import Dut
from ..results.words import request_of
from ..train.given import Given, given
from ..train.link import DivergedError, Trainee
from ..train.reference import Words
from ..train.run import built
from ..train.variant import Variant

MICRO = 1e-6
WHY_MOST = 500


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a board is to do in a round."""

    board: str
    """Its name on the computer where it is."""
    emulate: bool
    task: str
    rate: float
    seed: int
    head: bytes
    """Weights [classes][features], and then biases, float32 little endian; empty: zeros."""
    inputs: list[bytes]
    labels: list[int]
    steps: list[list[int]]
    """Of each local step the inputs of its batch, by their place."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What it came to."""

    why: str = ""
    """Why there is no answer; empty: there is one."""
    status: int = 0
    """By which a command ends for that reason."""
    head: bytes = b""
    """As above; empty where a number was none any more."""
    losses: list[float] = []
    """Of each step, the mean of its batch."""
    compute_s: float = 0.0
    """Of bodies, gradients and steps, on the board's clock."""
    emulated: bool = False
    power_w: float | None = None
    """Of the board at work, as it declares."""


def whole_head(task: str) -> Given:
    """Return the samples of a task and the head of its model, which learns in float32, from zeros.

    Raises UsageError, ModelError, DatasetError.
    """
    return given(task)


def do(order: Order) -> Reply:
    """Build the firmware, open the board, and let it learn; say why where that does not do."""
    try:
        return _learnt(order, whole_head(order.task))
    except TinybenchError as error:
        return Reply(why=one_line(str(error))[:WHY_MOST], status=error.exit_status)


def _learnt(order: Order, of: Given) -> Reply:
    """Raises any TinybenchError."""
    losses, busy_us, words = list[float](), 0, None
    batch = len(order.steps[0])
    with ExitStack() as stack:
        request = request_of(board=order.board, task=order.task, emulate=order.emulate or None)
        station, _ = stack.enter_context(reserved(request, _quiet))
        board = station.board
        image = built(of, board)
        site = station.sites[0] if station.sites else None
        if site is not None:
            load(board, image, site, _quiet, write=True)
        line = stack.enter_context(closing(open_line(site or board.command(image.elf))))
        dut = Dut(line)
        insist_task(dut.handshake(), of.task, image)
        variant = of.variant
        board_of = Trainee(dut, variant.shape)
        try:
            board_of.begin(order.rate, 0.0, batch, order.seed)
            if order.head:
                board_of.write(_whole(order, variant))
            for number, places in enumerate(order.steps):
                for place, n in enumerate(places):
                    busy_us += board_of.add(order.inputs[n], order.labels[n], place)
                stepped = board_of.step(number)
                busy_us += stepped.elapsed_us
                losses.append(stepped.loss)
            words = board_of.read()
            board_of.end()
        except DivergedError:
            losses.append(float("nan"))
        dut.leave()
    size = variant.trained + len(variant.rows)
    return Reply(
        head=b"" if words is None else words[:size].astype("<u4").tobytes(),
        losses=losses,
        compute_s=busy_us * MICRO,
        emulated=board.emulated,
        power_w=board.power and board.power.active_w,
    )


def _whole(order: Order, variant: Variant) -> Words:
    """Return all words of a board's learning: its head, and nothing gathered."""
    head = np.frombuffer(order.head, "<u4").astype(np.uint32)
    return np.concatenate(
        [
            head,
            np.zeros(variant.words - 1 - len(head), np.uint32),
            np.array([order.seed or 1], np.uint32),
        ]
    )


def _quiet(_: str) -> None:
    return None


def serve(order: bytes) -> bytes:
    """Do an order on the computer that this is; JSON in, JSON out."""
    return msgspec.json.encode(do(msgspec.json.decode(order, type=Order)))
