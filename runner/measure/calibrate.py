"""Calibrate the model of a board's cycles by one measurement of a real one."""

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from tinybench.declare import load, named, nearest
from tinybench.energy.importers.published import read_throughput
from tinybench.errors import RunFolderError, UsageError
from tinybench.files import WHOLE_MOST_B, read_bytes, write_whole
from tinybench.printable import one_line
from tinybench.track import Track

from ..build.board import Board, load_board
from ..build.firmware import Image, build
from ..build.inputs import resolve
from ..build.task import load_task
from ..cycles.calibration import Calibration, narrowed
from ..cycles.core import Range
from ..cycles.estimate import estimate, of_board
from ..cycles.kept import calibrations_folder
from ..cycles.price import Clocked, insist_same
from ..results.request import is_recipe
from ..results.seal import file_sha256
from ..rules.judge import judge
from .arena import built_engine

UNSURE = 0.01
"""Of a measurement of which nobody says how sure it is: as a share, k = 2."""
IMAGE_FILE = "firmware.elf"


class Measured(NamedTuple):
    """How long one inference took on a real board, by which firmware."""

    task: str
    latency_s: float
    uncertainty: float
    """As a share, k = 2."""
    source: str
    elf_sha256: str | None = None
    """Of the image that ran; None: the one that is built here."""
    folder: Path | None = None
    """Where that image lies."""


class Calibrated(NamedTuple):
    """A calibration, and what the model says of the measured inference without and with it."""

    calibration: Calibration
    before: Range
    after: Range
    path: Path


def of_run(folder: Path, board: Board) -> Measured:
    """Return what a run folder measured on a board. Raises UsageError, RunFolderError."""
    outcome = judge(folder, thorough=True)
    result, performance = outcome.result, outcome.result.performance
    if result.emulated or result.board != board.name:
        what = "is emulated" if result.emulated else f"is of board {one_line(result.board)}"
        raise UsageError(
            f"{folder}: this run {what}; calibrate {board.name} by a run that measured it: "
            f"tinybench --board {board.name} --task {one_line(result.task)} --mode performance"
        )
    if outcome.violations or performance is None:
        broken = ", ".join(one.rule for one in outcome.violations) or "nothing was timed in it"
        raise RunFolderError(f"{folder}: only a valid, timed run calibrates a board: {broken}")
    if result.firmware is None:
        raise UsageError(
            f"{folder}: what firmware the board held is not known; give the time with the engine "
            "that it was built with: tinybench calibrate BOARD --latency-ms MS --task T --engine E"
        )
    if (clock_hz := load_board(str(folder / "board.toml")).clock_hz) != board.clock_hz:
        raise UsageError(
            f"{folder}: its board ran at {clock_hz / 1e6:g} MHz, {board.name} is declared with "
            f"{board.clock_hz / 1e6:g}: measure again"
        )
    unsure_s, sha256 = performance.latency_uncertainty_s, result.firmware.elf_sha256
    return Measured(
        task=result.task,
        latency_s=performance.latency_s,
        uncertainty=UNSURE if unsure_s is None else unsure_s / performance.latency_s,
        source=one_line(f"run of {result.started_at[:10]}, firmware {sha256[:12]}"),
        elf_sha256=sha256,
        folder=folder,
    )


def of_log(path: Path, task: str) -> Measured:
    """Return what a published results.txt of a performance run states. Raises UsageError."""
    rate = read_throughput(path)
    if rate is None:
        raise UsageError(
            f"{path}: no run folder, and no results.txt with 'Median throughput is ... inf./sec.'; "
            "give a time by hand: --latency-ms MS --task TASK"
        )
    digest = hashlib.sha256(read_bytes(path, WHOLE_MOST_B)).hexdigest()
    return Measured(task, 1 / rate, UNSURE, f"published log, SHA-256 {digest[:12]}")


def calibrate(
    board: Board,
    measured: Measured,
    track: Track,
    say: Callable[[str], None],
    *,
    model: Path | None = None,
    engine: str | None = None,
    engine_source: Path | None = None,
) -> Calibrated:
    """Count what the measured inference executed, and narrow the model by how long it took.

    Raises UsageError for firmware that cannot be had here, DeclarationError where the model cannot
    explain the measurement, and as `estimate`.
    """
    if not 0 < measured.latency_s < math.inf or not 0 <= measured.uncertainty < UNSURE * 50:
        raise UsageError(
            f"an inference of {measured.latency_s:g} s, unsure by {measured.uncertainty:.0%}, "
            "calibrates nothing"
        )
    task = load_task(measured.task)
    inputs = resolve(task, None, model)
    made = None
    if engine is not None:
        if not is_recipe(engine):
            known = named("firmware", "engines")
            raise UsageError(f"--engine {engine} is not built here: {nearest(engine, known)}")
        made = built_engine(engine, engine_source, board, task, inputs.model, track, say)
    image = _image(board, build(board, task, made or inputs.model), measured)
    data = inputs.first
    told = estimate(board, image, data, calibrated=False)
    clocked = of_board(board, calibrated=False)
    calibration = Calibration(
        board=board.name,
        core=clocked.core.name,
        memory="" if clocked.memory is None else clocked.memory.name,
        clock_hz=board.clock_hz,
        wait_states=clocked.wait_states,
        task=task.name,
        cycles=measured.latency_s * board.clock_hz,
        uncertainty=measured.uncertainty,
        source=measured.source + (f", engine {engine}" if engine else ""),
        amounts={name: count for name, count in told.amounts.items() if count},
    )
    return keep(calibration, clocked)


def adopt(path: Path, board: Board) -> Calibrated:
    """Take over a calibration that others made. Raises DeclarationError, UsageError."""
    calibration = load(path, Calibration)
    if calibration.board != board.name:
        raise UsageError(f"{path}: a calibration of board {calibration.board}, not {board.name}")
    return keep(calibration, of_board(board, calibrated=False))


def keep(calibration: Calibration, clocked: Clocked) -> Calibrated:
    """Store a calibration for its board, if it is one of this model.

    Raises DeclarationError where it is not, UsageError where it cannot be written.
    """
    insist_same(clocked, calibration)
    prices = clocked.widened()
    before = Range(
        *(
            sum(count * prices[name][i] for name, count in calibration.amounts.items())
            for i in range(3)
        )
    )
    after, _ = narrowed(calibration, prices, calibration.amounts)
    path = calibrations_folder() / f"{calibration.board}.toml"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, as_toml(calibration).encode())
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
    return Calibrated(calibration, before, after, path)


def as_toml(calibration: Calibration) -> str:
    """Return the text of a calibration file."""
    fields = {name: getattr(calibration, name) for name in calibration.__struct_fields__}
    paid = fields.pop("amounts")
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
    return "\n".join([*lines, "", "[amounts]", *(f"{name} = {n}" for name, n in paid.items()), ""])


def _image(board: Board, built: Image, measured: Measured) -> Image:
    """Return the image that was measured: the one built here, or that beside the result.

    An image of others is executed only where the emulator gives it nothing of this computer.
    """
    if measured.elf_sha256 in (None, built.elf_sha256):
        return built
    assert measured.folder is not None  # noqa: S101 - of_run has both
    theirs = measured.folder / IMAGE_FILE
    emulator = board.emulator
    shut = emulator is not None and not any("semihosting" in word for word in emulator.argv)
    if shut and file_sha256(measured.folder, IMAGE_FILE) == measured.elf_sha256:
        return replace(built, elf=str(theirs.resolve()), elf_sha256=measured.elf_sha256)
    raise UsageError(
        f"{measured.folder}: measured with other firmware than this version builds, and its image "
        "is not executed here, for the emulator of this board lets firmware at files of this "
        "computer: measure again with this version"
    )
