"""How good the line to a board is: round trip, throughput, errors, and what a task will take."""

import contextlib
import random
import statistics
import time
from contextlib import ExitStack, closing

import msgspec

from tinybench.errors import TinybenchError
from tinybench.transport.process import ProcessTransport
from tinybench.transport.serial_port import SerialTransport, latency_timer_ms
from tinybench.transport.transport import Transport

from ..build import board as boards
from ..build import task as tasks
from ..build.firmware import build
from ..build.inputs import resolve
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
    board_name: str,
    task_name: str,
    port: str | None,
    baud: int,
    *,
    raise_baud: bool = False,
    verify: bool = True,
    emulate: bool = False,
) -> Quality:
    """Measure the line to a board. Raises any TinybenchError.

    An emulated board (`emulate`: a real one in an emulator) gets the firmware of the task; a board
    on a port keeps its own.
    """
    board = boards.load_board(board_name, emulate=emulate)
    with ExitStack() as stack:
        line: Transport
        if port is not None:
            line = stack.enter_context(closing(SerialTransport(port, baud)))
        else:
            task = tasks.load_task(task_name)
            image = build(board, task, resolve(task).model)
            line = stack.enter_context(closing(ProcessTransport(board.command(image.elf))))
        dut = Dut(line, verify=verify, probe=raise_baud)
        identity = dut.handshake()
        task = tasks.task_of(identity.model_id)
        if raise_baud:
            dut.raise_baud(baud)
        trips_s = dut.round_trips_s(ROUND_TRIPS)
        uploads, upload_s = _uploads(dut, task.input_b)
        tally = dut.tally
        rate = dut.baud(baud) if port is not None else None
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
        latency_timer_ms=None if port is None else latency_timer_ms(port),
        round_trip_p50_s=trip_s,
        round_trip_p99_s=sorted(trips_s)[int(0.99 * len(trips_s))],
        uploads=uploads,
        upload_b=task.input_b,
        upload_s=upload_s,
        throughput_bps=task.input_b / upload_s,
        line_share=None if rate is None else task.input_b * 10 / rate / upload_s,
        errors=errors,
        error_rate=sum(errors.values()) / uploads,
        expected=[_expected(name, task.input_b, upload_s, trip_s) for name in tasks.names()],
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
    inputs = sum(len(sample.windows()) for sample in resolve(task).samples.samples)
    each_s = trip_s + upload_s * task.input_b / input_b
    return Expected(task=name, inputs=inputs, input_b=task.input_b, link_s=inputs * each_s)
