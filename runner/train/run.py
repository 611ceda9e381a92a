"""Training from names to a document: declared, built, and then each seed on one board."""

import hashlib
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from msgspec import structs

from tinybench.datasets.reader import Sample
from tinybench.errors import BenchError, ModelError, ToolMissingError, UsageError
from tinybench.scratch import scratch
from tinybench.track import Track
from tinybench.transport.recorder import Recorder

from ..build.board import Board
from ..build.firmware import Image, build
from ..build.fit import check_emulator
from ..build.inputs import Inputs, resolve
from ..build.task import METRICS, Task, load_task
from ..desk.flash import load
from ..desk.identity import insist_task
from ..desk.line import open_line
from ..desk.reserve import reserved
from ..dut.client import Dut
from ..learning.course import write_course
from ..results.names import TRANSCRIPT_FILE
from ..results.score import time_base
from ..results.words import request_of
from .cost import cost_of
from .course import courses
from .document import FLOAT_MAX, Asked, Cost, Point, Training, Trial, Words
from .head import Head, head_of
from .kept import folder_of, open_training, store_training
from .learn import Lesson, learn, split
from .variant import Variant, declare, header

LITTLE_B = 1024
"""RAM of learning that hardly decides whether an image fits."""


@dataclass(frozen=True)
class Given:
    """What is trained: all that is known before a board is asked for."""

    task: Task
    inputs: Inputs
    head: Head
    variant: Variant
    samples: list[Sample]


def given(
    task_name: str,
    model: Path | None,
    data: Path | None,
    limit: int | None,
    init: str,
    weights: str,
    part: str,
    rows: str | None,
    columns: str | None,
) -> Given:
    """Find model and inputs as a run does, and declare the variant. Raises UsageError."""
    task = load_task(task_name)
    if task.streams or task.metric != "top1":
        raise UsageError(
            f"task {task.name} is scored by {METRICS[task.metric]}: training a head needs a task "
            "scored by top-1, input by input, such as kws"
        )
    inputs = resolve(task, data, model)
    head = head_of(inputs.model)
    samples = list(inputs.samples.samples)
    if limit is not None and limit < len(samples):
        samples = [samples[i * len(samples) // limit] for i in range(limit)]
    for one in samples:
        if not 0 <= one.label < head.classes:
            raise UsageError(
                f"{one.name}: label {one.label} is none of the {head.classes} outputs of the head"
            )
    return Given(task, inputs, head, declare(head, init, weights, part, rows, columns), samples)


def ask(of: Given, board: str, seeds: list[int], **said: Any) -> Asked:
    """Return what a training is asked for, checked. Raises UsageError."""
    trained, held_out = split(of.samples, said["held_out"])
    batch = said["batch"]
    if not held_out or len(trained) < batch:
        raise UsageError(
            f"--held-out {said['held_out']:g} of {len(of.samples)} inputs leaves {len(trained)} to "
            f"train on and {len(held_out)} to evaluate on: a --batch of {batch} and one input are "
            "needed at least"
        )
    every = said["evaluate_every"] or len(trained) // batch
    if said["rate"] > FLOAT_MAX:
        raise UsageError(f"--rate {said['rate']:g} is beyond single precision")
    if max(seeds) >= 1 << 31:
        raise UsageError(f"--seed {max(seeds)}: the firmware takes seeds below {1 << 31}")
    inputs = of.inputs
    return Asked(
        task=of.task.name, board=board, model=inputs.model.name, model_sha256=inputs.model_sha256,
        dataset=inputs.name, dataset_sha256=inputs.samples.sha256, seeds=seeds,
        rows=list(of.variant.rows), columns=list(of.variant.columns),
        **{**said, "evaluate_every": every},
    )  # fmt: skip


def run_training(
    of: Given,
    asked: Asked,
    words: Words,
    folder: Path,
    track: Track,
    say: Callable[[str], None],
) -> Training:
    """Build the firmware, and train each seed; go on where a folder has checkpoints.

    Raises UsageError, RunFolderError, and what a board raises: checkpoints are kept.
    """
    trained, held_out = split(of.samples, asked.held_out)
    text = header(of.variant)
    request = request_of(**words.board, task=of.task.name)
    with ExitStack() as stack:
        station, tell = stack.enter_context(reserved(request, say))
        board = station.board
        say(
            f"{board.name}, {of.task.name}: learning takes {of.variant.ram_b:,} B of RAM beside "
            "that of inference"
        )
        image = _built(of, board, text)
        check_emulator(board, [(image.flash_b, image.ram_b)])
        open_training(folder, asked, words)
        tell(folder)
        site = station.sites[0] if station.sites else None
        if site is not None:
            load(board, image, site, say, write=True)
        inner = stack.enter_context(closing(open_line(site or board.command(image.elf), say=say)))
        line = stack.enter_context(closing(Recorder(inner, folder / TRANSCRIPT_FILE)))
        dut = Dut(line)
        task = structs.replace(of.task, outputs=of.head.features)
        insist_task(dut.handshake(), task, image)
        lesson = Lesson(
            asked=asked, variant=of.variant, head_sha256=hashlib.sha256(text.encode()).hexdigest(),
            trained=trained, held_out=held_out,
            power_w=board.power and board.power.voltage_v * board.power.active_a,
        )  # fmt: skip
        trials = [_trial(lesson, seed, dut, folder, track, say) for seed in asked.seeds]
        dut.leave()
    cost, no_cost = _cost(board, image, asked, trained[0])
    found = Training(
        asked=asked,
        tinybench=version("tinybench-mcu"),
        emulated=board.emulated,
        time_base=time_base(board.instruction_ns, on_port=bool(request.ports)),
        features=of.head.features,
        classes=list(of.task.classes),
        trained=len(trained),
        held_out=len(held_out),
        unseen=_unseen(of.task, trained, held_out),
        flash_b=image.flash_b,
        ram_b=image.ram_b,
        training_ram_b=of.variant.ram_b,
        tensor_ram_b=None if image.manifest is None else image.manifest.tensor_ram_b,
        elf_sha256=image.elf_sha256,
        cost=cost,
        no_cost=no_cost,
        trials=trials,
    )
    for course in courses(found):
        write_course(folder_of(folder, course.seed), course)
    store_training(folder, found)
    return found


def built(of: Given, board: Board) -> Image:
    """Build the firmware that learns. Raises what `build` raises."""
    return _built(of, board, header(of.variant))


def _built(of: Given, board: Board, text: str) -> Image:
    task = structs.replace(of.task, outputs=of.head.features)
    with scratch() as own:
        body = own / of.inputs.model.name
        body.write_bytes(of.head.body)
        try:
            return build(board, task, body, train=text)
        except ModelError as error:
            if of.variant.ram_b <= LITTLE_B:
                raise
            raise ModelError(
                f"{error}; learning takes {of.variant.ram_b:,} B of RAM, less by --part bias or "
                "sparse, or by --weights int8"
            ) from error


def _trial(
    lesson: Lesson,
    seed: int,
    dut: Dut,
    folder: Path,
    track: Track,
    say: Callable[[str], None],
) -> Trial:
    last: list[Point] = []

    def said(point: Point) -> None:
        last.append(point)
        loss = "" if point.loss is None else f", loss {point.loss:.4f}"
        say(f"seed {seed}, step {point.step}: {point.accuracy:.4f} of held-out inputs{loss}")

    try:
        return learn(lesson, seed, dut, folder_of(folder, seed), track, said)
    except BenchError as error:
        where = f"; checkpoints are in {folder}: go on with 'tinybench resume {folder}'"
        raise type(error)(f"{error}{where}") from error


def _cost(board: Board, image: Image, asked: Asked, one: Sample) -> tuple[Cost | None, str]:
    try:
        return cost_of(board, image, asked, one.windows()[0])
    except (BenchError, ToolMissingError) as error:
        return None, f"not counted: {error}"


def _unseen(task: Task, trained: list[Sample], held_out: list[Sample]) -> list[str]:
    """Return the classes that are evaluated and never trained."""
    missing = {one.label for one in held_out} - {one.label for one in trained}
    return [task.classes[label] for label in sorted(missing)]
