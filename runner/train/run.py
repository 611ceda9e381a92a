"""Training from names to a document: declared, built, and then each seed on one board."""

import hashlib
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from msgspec import structs

from tinybench.energy.monitor import MonitorSpec
from tinybench.energy.simulated.scene import PULSE_S
from tinybench.errors import (
    BenchError,
    BuildError,
    ModelError,
    RunFolderError,
    ToolMissingError,
    UsageError,
)
from tinybench.scratch import scratch
from tinybench.track import Track
from tinybench.transport.recorder import Recorder

from ..build.board import Board
from ..build.firmware import Image, build
from ..build.fit import check_emulator
from ..build.task import METRICS, Task
from ..desk.identity import insist_task
from ..desk.line import open_line
from ..desk.reserve import reserved
from ..desk.station import Site
from ..dut.client import Dut
from ..learning.course import write_course
from ..measure.energy_mode import Ran, measure_phases
from ..results.names import TRANSCRIPT_FILE
from ..results.result import Energy
from ..results.score import time_base
from ..results.words import request_of
from ..session.connect import Met, energy_bench, load_boards
from ..session.plan import insist_measurable
from .cost import cost_of
from .course import courses
from .document import Asked, Cost, Point, Training, Trial, Words
from .given import Given, unseen
from .kept import folder_of, open_training, store_training
from .learn import Lesson, learn
from .samples import Piece
from .variant import header

LITTLE_B = 1024
"""RAM of learning that hardly decides whether an image fits."""
PULSE_MOST = 0.01
"""Of a phase: the pulse that marks its beginning."""


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
    # Checkpoints go on wherever samples come from.
    head_sha256 = hashlib.sha256(header(of.variant, "").encode()).hexdigest()
    metered = bool(asked.monitor)
    request = request_of(
        **words.board, task=of.task.name, mode="energy" if metered else "accuracy",
        monitor=asked.monitor or None,
    )  # fmt: skip
    with ExitStack() as stack:
        station, tell = stack.enter_context(reserved(request, say))
        board = station.board
        if metered:
            insist_measurable(board, request)
        insist_flash(of, board)
        say(
            f"{board.name}, {of.task.name}: learning takes {of.variant.ram_b:,} B of RAM beside "
            "that of inference" + f", samples {of.samples_b:,} B of flash" * (of.samples_b > 0)
        )
        image = built(of, board, energy=metered)
        check_emulator(board, [(image.flash_b, image.ram_b)])
        open_training(folder, asked, words)
        tell(folder)
        site = station.sites[0] if station.sites else None
        load_boards(board, image, station.sites, station.monitor, say, write=True)
        lesson = Lesson(
            asked=asked, variant=of.variant, head_sha256=head_sha256, trained=of.trained,
            held_out=of.held_out, undrifted=of.undrifted,
            power_w=board.power and board.power.active_w,
        )  # fmt: skip
        way = _Way(of, board, image, site, station.monitor, folder, track, say)
        trials = way.metered(lesson) if metered else way.plain(lesson)
    cost, no_cost = None, "none beside a monitor"
    if not metered:
        cost, no_cost = _cost(board, image, asked, of.trained[0])
    found = Training(
        asked=asked,
        tinybench=version("tinybench-mcu"),
        emulated=board.emulated,
        time_base=time_base(board.instruction_ns, on_port=bool(request.ports)),
        features=of.head.features,
        outputs=of.head.classes,
        classes=list(of.task.classes),
        trained=len(of.trained),
        held_out=len(of.held_out),
        unseen=unseen(of),
        flash_b=image.flash_b,
        ram_b=image.ram_b,
        training_ram_b=of.variant.ram_b,
        samples_b=of.samples_b,
        metric="auc" if of.variant.squared else "top1",
        energy=_energy_is(board, station.monitor, metered),
        energy_source=_source_of(board, station.monitor),
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


def built(of: Given, board: Board, *, energy: bool = False) -> Image:
    """Build the firmware that learns. Raises what `build` raises."""
    with scratch() as own:
        body = own / of.inputs.model.name
        body.write_bytes(of.head.body)
        text = header(of.variant, of.samples)
        try:
            return build(board, _body_task(of), body, train=text, energy=energy)
        except (ModelError, BuildError) as error:
            if of.variant.ram_b <= LITTLE_B and not of.variant.samples:
                raise
            flash = f"; samples {of.samples_b:,} B of flash, less by --limit" * (of.samples_b > 0)
            raise type(error)(
                f"{error}; learning takes {of.variant.ram_b:,} B of RAM, less by --part bias or "
                f"sparse, or by --weights int8{flash}"
            ) from error


def _body_task(of: Given) -> Task:
    """Return the task of the model without its head."""
    return structs.replace(of.task, outputs=of.head.features, result="output")


def insist_flash(of: Given, board: Board) -> None:
    """Raise UsageError where samples alone are more than a board's flash."""
    flash_b = None if board.memory is None else board.memory.flash_size_b
    if flash_b is not None and of.samples_b > flash_b:
        raise UsageError(
            f"--samples flash: {of.variant.samples} samples of {of.samples_b:,} B do not fit into "
            f"the {flash_b:,} B of flash of {board.name}: take fewer by --limit, or --samples link"
        )


@dataclass(frozen=True)
class _Way:
    """How a board is reached, each seed of a lesson after the other."""

    of: Given
    board: Board
    image: Image
    site: Site | None
    monitor: MonitorSpec | None
    folder: Path
    track: Track
    say: Callable[[str], None]

    def plain(self, lesson: Lesson) -> list[Trial]:
        """Train each seed, over one line."""
        with ExitStack() as stack:
            way = self.site or self.board.command(self.image.elf)
            inner = stack.enter_context(closing(open_line(way, say=self.say)))
            line = stack.enter_context(closing(Recorder(inner, self.folder / TRANSCRIPT_FILE)))
            dut = Dut(line)
            insist_task(dut.handshake(), _body_task(self.of), self.image)
            trials = [self._trial(lesson, seed, dut, None) for seed in lesson.asked.seeds]
            dut.leave()
        return trials

    def metered(self, lesson: Lesson) -> list[Trial]:
        """Train each seed under a monitor, which supplies the board anew."""
        return [self._under_monitor(lesson, seed) for seed in lesson.asked.seeds]

    def _under_monitor(self, lesson: Lesson, seed: int) -> Trial:
        own = folder_of(self.folder, seed)
        if any(own.iterdir()):
            raise RunFolderError(
                f"{own} holds a training under a monitor, whose trace has ended: it cannot be gone "
                "on with. Give -o a new folder"
            )
        with energy_bench(
            self.board, _body_task(self.of), self.image, self.of.inputs, self.site, self.monitor,
            own, Met(), verify=True, named=True, say=self.say,
        ) as bench:  # fmt: skip

            def run(dut: Dut, ran: Ran) -> Trial:
                return self._trial(lesson, seed, dut, ran)

            energy, trial = measure_phases(bench, run, own)
        return spent(trial, energy)

    def _trial(self, lesson: Lesson, seed: int, dut: Dut, ran: Ran | None) -> Trial:
        what = METRICS[self.of.task.metric]

        def said(point: Point) -> None:
            loss = "" if point.loss is None else f", loss {point.loss:.4f}"
            self.say(f"seed {seed}, step {point.step}: {what} {point.score:.4f} held out{loss}")

        try:
            own = folder_of(self.folder, seed)
            return learn(lesson, seed, dut, own, self.track, said, ran)
        except BenchError as error:
            kept = f"; checkpoints are in {self.folder}"
            where = f": go on with 'tinybench resume {self.folder}'"
            raise type(error)(f"{error}{kept}{where * (ran is None)}") from error


def spent(trial: Trial, energy: Energy) -> Trial:
    """Return a trial with what its phases took, at each point."""
    steps, total_j = 0, 0.0
    until = {0: 0.0}
    for window in energy.windows:
        steps += window.iterations
        total_j += window.energy_j or 0.0
        until[steps] = total_j
    points = [structs.replace(one, energy_j=until.get(one.step)) for one in trial.points]
    doubts = [*energy.faults, *(fault for window in energy.windows for fault in window.faults)]
    lengths_s = [one.monitor_s for one in energy.windows if one.monitor_s is not None]
    if lengths_s and PULSE_MOST * min(lengths_s) < PULSE_S:
        doubts.append(
            f"a phase lasted {min(lengths_s) * 1e3:.2f} ms, and the pulse that marks its beginning "
            f"is {PULSE_S * 1e6:.0f} us of it: evaluate less often, by --evaluate-every"
        )
    return structs.replace(
        trial, points=points, energy_j=points[-1].energy_j,
        energy_doubts=list(dict.fromkeys(doubts)),
    )  # fmt: skip


def _energy_is(
    board: Board, monitor: MonitorSpec | None, metered: bool
) -> Literal["measured", "modelled"] | None:
    if metered and monitor is not None:
        return "measured"
    return None if board.power is None else "modelled"


def _source_of(board: Board, monitor: MonitorSpec | None) -> str:
    if monitor is not None:
        return monitor.driver
    return "" if board.power is None else board.power.source


def _cost(board: Board, image: Image, asked: Asked, one: Piece) -> tuple[Cost | None, str]:
    try:
        return cost_of(board, image, asked, one.data())
    except (BenchError, ToolMissingError) as error:
        return None, f"not counted: {error}"
