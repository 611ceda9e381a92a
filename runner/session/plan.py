"""What a request means: every name resolved, the inputs and the firmware that a run needs."""

import hashlib
import platform
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinybench.datasets.reader import Sample
from tinybench.declare import find
from tinybench.errors import ToolMissingError, UsageError
from tinybench.models.compiler import Manifest, compile_model
from tinybench.track import Track
from tinybench.transport.process import program_version

from .. import rules
from ..build import board as boards
from ..build import task as tasks
from ..build.board import Board
from ..build.engine import Engine, load_engine
from ..build.firmware import Image, build, check_emulator
from ..build.inputs import Inputs, resolve
from ..build.task import Task
from ..desk.flash import flasher_of
from ..measure.modes import WindowLength
from ..results.request import MODELLED, Request
from ..rules import Profile


@dataclass(frozen=True)
class Plan:
    """What a request means: declarations, inputs, model and firmware."""

    request: Request
    board: Board
    task: Task
    profile: Profile
    inputs: Inputs
    engine: Engine | None
    """What infers, where it is not ours."""
    manifest: Manifest | None
    """None where the model is what an engine holds."""
    image: Image | None
    """None where the board holds its firmware already."""
    energy_image: Image | None
    """The energy build, where it is asked for."""
    tools: dict[str, str]
    """Versions of what builds and runs it."""

    @property
    def accuracy_samples(self) -> list[Sample]:
        """The inputs of the accuracy mode: of a part of the set, spread over it."""
        samples = self.inputs.samples.samples
        if self.request.limit is None and self.profile.accuracy_inputs is not None:
            return spread(samples, self.profile.accuracy_inputs, self.profile.windows)
        return list(samples[: self.request.limit])

    @property
    def window_length(self) -> WindowLength:
        """How long a window is to be."""
        profile = self.profile
        return WindowLength(
            profile.window_min_s, profile.window_min_iterations, profile.window_max_s
        )

    def sha256(self) -> dict[str, str]:
        """Return the hashes of all that decides the result."""
        judges = [
            find("task", self.request.task, tasks.names()),
            find("profile", self.request.profile, rules.names()),
        ]
        digest = hashlib.sha256(rules.sha256().encode())
        for declaration in judges:
            digest.update(declaration.read_bytes())
        images = [image.elf_sha256 for image in (self.image, self.energy_image) if image]
        return {
            "firmware": " ".join(images) or "not built here",
            "model": self.inputs.model_sha256,
            "dataset": self.inputs.samples.sha256,
            "rules": digest.hexdigest(),
        }


def spread(samples: Sequence[Sample], count: int, first: int) -> list[Sample]:
    """Return `count` samples: the first ones, which have windows, and others spread over the rest.

    A set is sorted by its classes, as a rule: its beginning alone would be of one kind.
    """
    head, rest = list(samples[:first]), samples[first:]
    more = min(max(0, count - len(head)), len(rest))
    return head[:count] + [rest[number * len(rest) // more] for number in range(more)]


def make_plan(request: Request, track: Track, say: Callable[[str], None]) -> Plan:
    """Resolve every name and build the firmware; all that is wrong on paper is said here.

    `say` takes a sentence for the user. Raises any TinybenchError.
    """
    board = boards.load_board(request.board, emulate=request.emulate)
    task = tasks.load_task(request.task)
    profile = rules.load_profile(request.profile)
    _insist_reachable(board, request)
    engine = None if request.engine is None else load_engine(request.engine)
    inputs = resolve(task, request.data, request.model or engine)
    say(f"{board.name}, {task.name}: {inputs.note}")
    tools = _tools(board)
    if board.toolchain is None:
        said = _manifest(task, inputs)
        return Plan(request, board, task, profile, inputs, None, said, None, None, tools)
    builds = [False] * (request.mode != "energy") + [True] * request.wants_energy
    building = (build(board, task, engine or inputs.model, energy=energy) for energy in builds)
    images = list(track(building, "build", len(builds)))
    check_emulator(board, images)
    energy_image = images[-1] if builds[-1] else None
    image = images[0]
    manifest = image.manifest
    if engine is not None and request.model is not None:
        manifest = _manifest(task, inputs)
    return Plan(request, board, task, profile, inputs, engine, manifest, image, energy_image, tools)


def _insist_reachable(board: Board, request: Request) -> None:
    """Raise UsageError when the board cannot be reached the way that was asked for."""
    if not request.ports:
        board.command("")
    elif request.emulate:
        raise UsageError(
            f"board {board.name} is either on {request.ports[0]} or emulated: leave --port or "
            "--emulate out"
        )
    elif board.emulated:
        raise UsageError(
            f"board {board.name} is emulated here, and has no port; for a board on "
            f"{request.ports[0]} leave --board out, or name that board"
        )
    elif request.shards > 1:
        raise UsageError("--shards starts several emulators; for several boards repeat --port")
    if board.toolchain is None and request.model is not None:
        raise UsageError(
            f"--model is built into firmware, but board {board.name} holds its own already"
        )
    if request.probe and len(request.ports) > 1:
        raise UsageError("--probe is that of one board: give one --port, or leave --probe out")
    if request.flasher or (request.flash and request.ports and board.flash):
        flasher_of(board, request.flasher)
    if board.toolchain is None and request.engine is not None:
        raise UsageError(
            f"--engine is built into firmware, but board {board.name} holds its own already; leave "
            "--engine out"
        )
    if request.monitor is not None and request.mode not in ("energy", "all"):
        raise UsageError(f"--monitor measures energy, not --mode {request.mode}")
    if request.interface_board and not (request.ports and request.mode == "energy"):
        raise UsageError("--interface-board stands between a --port and the DUT in --mode energy")
    if request.wants_energy:
        _insist_measurable(board, request)


def _insist_measurable(board: Board, request: Request) -> None:
    """Raise UsageError when there is no way to the energy of this board."""
    if not request.ports:
        if request.monitor not in (None, MODELLED):
            raise UsageError(
                f"monitor {request.monitor} measures a board on a --port; board {board.name} is a "
                "child process: leave --monitor out for its modelled energy"
            )
        if board.power is None or board.emulator is None or not board.emulator.timing_pin:
            raise UsageError(
                f"board {board.name} has no model of its power: its declaration lacks [power], or "
                "timing_pin in [emulator]"
            )
    elif request.monitor in (None, MODELLED):
        raise UsageError(
            "energy of a board on a port needs --monitor; 'tinybench monitors' lists what is there"
        )
    elif len(request.ports) > 1:
        raise UsageError("one monitor supplies one board: give one --port in energy mode")
    elif request.mode == "all":
        raise UsageError(
            "the energy build of the firmware is another one than that for accuracy and "
            "performance: run --mode energy apart, with that build on the board"
        )


def _manifest(task: Task, inputs: Inputs) -> Manifest:
    """Return what the model holds, where it is not compiled for the board by us."""
    with tempfile.TemporaryDirectory() as scratch:
        return compile_model(inputs.model, Path(scratch) / "model", model_id=task.model_id)


def _tools(board: Board) -> dict[str, str]:
    """Return versions of what ran the board."""
    tools = {"python": platform.python_version(), "system": platform.platform()}
    if board.emulator is not None and board.emulated:
        program = board.emulator.argv[0]
        tools["emulator"] = program_version(program)
        if board.emulator.too_old(tools["emulator"]):
            raise ToolMissingError(
                f"{program} is too old to emulate board {board.name}: it says "
                f"'{tools['emulator']}', {board.emulator.version} or newer is needed. On Debian 12 "
                f"'make setup' brings it, or: sudo apt-get install -t bookworm-backports {program}"
            )
    return tools
