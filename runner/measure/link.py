"""How good the line to a board is: round trip, throughput, errors, and what a task will take."""

import contextlib
import random
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack, closing

import msgspec

from tinybench.errors import TinybenchError
from tinybench.transport.serial_port import latency_timer_ms

from ..build import task as tasks
from ..build.board import Board
from ..build.firmware import build
from ..build.inputs import resolve
from ..build.task import Task
from ..desk.line import open_line
from ..desk.station import Site
from ..dut.client import Dut
from ..dut.line import Tally

ROUND_TRIPS = 50
UPLOAD_S = 5.0
"""Inputs are uploaded for so long, but at least some."""
UPLOADS_MIN = 4
SEED = 1


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What the accuracy set of a task costs on this line, besides the inferences."""

    task: str
    inputs: int
    input_b: int
    link_s: float


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about a line."""

    board: str
    dut: str
    model_id: str
    protocol: str
    verified: bool
    chunk_b: int
    baud: int | None
    latency_timer_ms: int | None
    """Of an FTDI adapter; None for others."""
    round_trip_p50_s: float
    round_trip_p99_s: float
    uploads: int
    upload_b: int
    upload_s: float
    """One input, without the inference and its answer."""
    throughput_bps: float
    """Bytes of input a second."""
    line_share: float | None
    """... as a share of what the baud rate allows."""
    errors: dict[str, int]
    error_rate: float
    """Errors for one input."""
    expected: list[Expected]


def examine(
    board: Board,
    task: Task,
    site: Site | None = None,
    *,
    raise_baud: bool = False,
    verify: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Quality:
    """Measure the line to a board. Raises any TinybenchError.

    A child process gets the firmware of the task; a board on a port, at `site`, keeps its own.
    `say` takes a sentence for the user.
    """
    way = site or board.command(build(board, task, resolve(task).model).elf)
    with ExitStack() as stack:
        line = stack.enter_context(closing(open_line(way, say=say)))
        dut = Dut(line, verify=verify, probe=raise_baud)
        identity = dut.handshake()
        held = tasks.task_of(identity.model_id)
        if raise_baud and site is not None:
            dut.raise_baud(site.baud)
        trips_s = dut.round_trips_s(ROUND_TRIPS)
        uploads, upload_s = _uploads(dut, held.input_b)
        tally = dut.tally
        rate = dut.baud(site.baud) if site is not None else None
        protocol, chunk_b = dut.protocol, dut.chunk_b
        with contextlib.suppress(TinybenchError):
            dut.leave()
    trip_s = statistics.median(trips_s)
    errors = {name: getattr(tally, name) for name in Tally.__dataclass_fields__}
    return Quality(
        board=board.name,
        dut=identity.vendor,
        model_id=identity.model_id,
        protocol=protocol,
        verified=dut.verified,
        chunk_b=chunk_b,
        baud=rate,
        latency_timer_ms=latency_timer_ms(site.port) if site and site.port else None,
        round_trip_p50_s=trip_s,
        round_trip_p99_s=sorted(trips_s)[int(0.99 * len(trips_s))],
        uploads=uploads,
        upload_b=held.input_b,
        upload_s=upload_s,
        throughput_bps=held.input_b / upload_s,
        line_share=None if rate is None else held.input_b * 10 / rate / upload_s,
        errors=errors,
        error_rate=sum(errors.values()) / uploads,
        expected=[_expected(name, held.input_b, upload_s, trip_s) for name in tasks.names()],
    )


def _uploads(dut: Dut, input_b: int) -> tuple[int, float]:
    """Upload random inputs for a while; return how many, and the median time of one.

    An inference on an input that the DUT holds already takes all the rest of the time.
    """
    noise = random.Random(SEED)  # noqa: S311 - not a secret
    times_s: list[float] = []
    until_s = time.monotonic() + UPLOAD_S
    while len(times_s) < UPLOADS_MIN or time.monotonic() < until_s:
        # Below 0x40, so that bytes which a task takes for floats are numbers, and not large ones.
        data = bytes(noise.choices(range(0x40), k=input_b))
        stamps_s = [time.monotonic()]
        for _ in range(2):
            dut.infer(data, 1, 0)
            stamps_s.append(time.monotonic())
        first_s, second_s = stamps_s[1] - stamps_s[0], stamps_s[2] - stamps_s[1]
        times_s.append(max(1e-6, first_s - second_s))
    return len(times_s), statistics.median(times_s)


def _expected(name: str, input_b: int, upload_s: float, trip_s: float) -> Expected:
    """Scale the time of an upload to the inputs of a task; each has an answer, too."""
    task = tasks.load_task(name)
    inputs = resolve(task).uploads
    each_s = trip_s + upload_s * task.input_b / input_b
    return Expected(task=name, inputs=inputs, input_b=task.input_b, link_s=inputs * each_s)
