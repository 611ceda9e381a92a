"""Build firmware that hears, play a recording into it, and say what it heard."""

import contextlib
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from tinybench.datasets.wake.features import SAMPLE_RATE_HZ
from tinybench.datasets.wake.played import middle_frame
from tinybench.errors import TinybenchError, ToolMissingError, UsageError
from tinybench.track import Track, silent

from ..build.board import Board
from ..build.firmware import Image, build
from ..build.stream_task import insist_hears, stream_task
from ..build.task import SAMPLE_B, FrontEnd
from ..cycles.estimate import can_estimate, estimate
from ..desk.flash import load
from ..desk.identity import insist_task
from ..desk.line import open_line
from ..desk.station import Site
from ..dut.client import Dut
from ..results.cycles import Cycles
from ..results.stream import Busy
from ..results.stream.score import busy, power_w
from .listen import SampleClock, frames_of, listen


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """A frame whose output 0 is above the threshold."""

    frame: int
    end_s: float
    """Where the frame ends in the recording."""
    activation: int


class Listening(msgspec.Struct, frozen=True, kw_only=True):
    """What a board heard of a recording."""

    board: str
    core: str
    clock_hz: int
    model: str
    whole: bool
    """Whether each inference is one of the whole history; else of its newest frame."""
    keeps_state: bool
    """Whether the model has a state of its own, and takes its newest rows of features alone."""
    front_end: FrontEnd
    """What makes features of sound."""
    period_s: float
    """Of a frame."""
    emulated: bool
    """Whether time is an instruction count."""
    frames: int
    threshold: int
    detections: list[Detection]
    outside: int
    """Features beyond int8."""
    overruns: int | None
    """Frames that would have been lost, sent by the sample clock; None where each was sent when the
    one before was answered. With any, this is no result."""
    wraps: bool
    """Whether those went around, or were saturated."""
    busy: Busy
    """By the board's clock."""
    instructions: list[int] | None
    """Of a frame: median, nine tenths, most; None on a board whose time is no instruction count."""
    cycles: Cycles | None
    """Of a frame, estimated; None where there is no estimate."""
    no_cycles: str
    """Why there is none, where there should be one."""
    duty: float | None
    """Share of the period of a frame, by the estimated cycles at the board's clock."""
    power_w: float | None
    """In the mean, modelled: by that share, and what the board's declaration says that it draws
    while it infers and while it waits. None where either is not known."""
    macs: int
    computed_macs: int
    state_b: int
    tensor_ram_b: int
    flash_b: int
    code_flash_b: int | None
    ram_b: int
    activations: list[list[int]]
    """Of each frame."""
    elapsed_us: list[int]
    """Of each frame, by the board's clock."""


def hear(
    board: Board,
    model: Path,
    samples: NDArray[np.int16],
    site: Site | None = None,
    *,
    threshold: int,
    whole: bool = False,
    front_end: FrontEnd = "log-mel",
    wraps: bool = False,
    paced: bool = False,
    track: Track = silent,
    say: Callable[[str], None] = lambda _: None,
) -> Listening:
    """Play sound of 16 kHz into a board with a model, at `site` or as a child process.

    A board on a port gets the firmware where its declaration says how; else it must hold it.
    `threshold`, `whole`, `front_end` and `wraps` are those of `Listening`; `paced`: send frames by
    the sample clock, at the fastest rate of the line. Raises any TinybenchError.
    """
    if paced and board.emulated:
        raise UsageError(
            f"board {board.name} is emulated: its time is a count of instructions, and keeps no "
            "pace with a sample clock"
        )
    if wraps and front_end != "log-mel":
        raise UsageError(
            f"--compatible is of front end log-mel: {front_end} saturates, as its reference does"
        )
    hears = insist_hears(model, front_end)
    task = stream_task(model, front_end=front_end, hears=hears)
    hop_samples = task.input_b // SAMPLE_B
    frames_of(samples, hop_samples)
    image = build(board, task, model, whole=whole)
    if image.manifest is None:
        raise UsageError(f"{model}: an engine of its own hears nothing")
    if site is not None and (board.flash or board.reset or site.hub):
        load(board, image, site, say, write=True)
    with ExitStack() as stack:
        line = stack.enter_context(closing(open_line(site or board.command(image.elf))))
        dut = Dut(line)
        insist_task(dut.handshake(), task, image)
        if paced and site is not None:
            dut.raise_baud(site.baud)
        clock = SampleClock() if paced else None
        heard = listen(dut, samples, hop_samples=hop_samples, wraps=wraps, track=track, clock=clock)
        with contextlib.suppress(TinybenchError):
            dut.leave()
    cycles, no_cycles = _cycles(board, image, middle_frame(samples, hop_samples))
    period_s = hop_samples / SAMPLE_RATE_HZ
    duty = cycles and cycles.usual / cycles.clock_hz / period_s
    found = busy(heard.elapsed_us.tolist(), period_s=period_s)
    counted = None
    if board.emulated:
        a_second = 1e9 / board.instruction_ns
        counted = [round(s * a_second) for s in (found.p50_s, found.p90_s, found.max_s)]
    return Listening(
        board=board.name,
        core=board.core,
        clock_hz=board.clock_hz,
        model=model.name,
        whole=whole,
        emulated=board.emulated,
        keeps_state=hears.keeps_state,
        front_end=front_end,
        period_s=period_s,
        frames=len(heard.elapsed_us),
        threshold=threshold,
        detections=[
            Detection(
                frame=frame,
                end_s=round((frame + 1) * period_s, 3),
                activation=int(heard.activations[frame, 0]),
            )
            for frame in heard.detections(threshold)
        ],
        outside=heard.outside,
        overruns=heard.overruns if paced else None,
        wraps=wraps,
        busy=found,
        instructions=counted,
        cycles=cycles,
        no_cycles=no_cycles,
        duty=duty,
        power_w=power_w(duty, board.power and board.power.currents),
        macs=image.manifest.macs,
        computed_macs=image.manifest.computed_macs or image.manifest.macs,
        state_b=image.manifest.state_b,
        tensor_ram_b=image.manifest.tensor_ram_b,
        flash_b=image.flash_b,
        code_flash_b=image.code_flash_b,
        ram_b=image.ram_b,
        activations=heard.activations.tolist(),
        elapsed_us=heard.elapsed_us.tolist(),
    )


def _cycles(board: Board, image: Image, frame: bytes) -> tuple[Cycles | None, str]:
    """Return the estimated cycles of a frame, or why there are none."""
    if not can_estimate(board):
        return None, ""
    try:
        return estimate(board, image, frame).whole, ""
    except ToolMissingError as error:
        return None, str(error)
