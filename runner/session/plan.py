"""What a request means: every name resolved, the inputs and the firmware that a run needs."""

import hashlib
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinybench.datasets.part import part
from tinybench.datasets.reader import Sample
from tinybench.declare import find
from tinybench.energy.monitor import MonitorSpec
from tinybench.errors import ModelError, ToolMissingError, UsageError
from tinybench.extras import unicorn_version
from tinybench.files import WHOLE_MOST_B, read_bytes
from tinybench.models import declaration as models
from tinybench.models.compiler import Manifest, compile_model
from tinybench.scratch import scratch
from tinybench.track import Track
from tinybench.transport.process import program_version

from .. import rules
from ..build import board as boards
from ..build import task as tasks
from ..build.board import Board
from ..build.engine import Engine, load_engine
from ..build.firmware import Image, build
from ..build.fit import check_emulator
from ..build.inputs import Inputs, resolve
from ..build.stream_task import heard_by
from ..build.task import Task
from ..cycles.core import core_file, memory_file
from ..cycles.estimate import can_estimate
from ..cycles.kept import calibration_file
from ..desk.bench import find_bench, load_bench
from ..desk.choose import choose
from ..desk.flash import flasher_of
from ..desk.line import Way, insist_reachable
from ..desk.station import Site, Station
from ..export.kept import is_exported
from ..measure import loadgen
from ..measure.arena import built_engine, tree_of
from ..measure.modes import WindowLength
from ..results.defaults import STREAM
from ..results.names import CALIBRATION_FILE, CORE_FILE, MEMORY_FILE
from ..results.provenance import gather
from ..results.request import MODELLED, Request, is_recipe
from ..results.result import Provenance
from ..results.scenario import Asked
from ..results.scenario.interference import SHARE_MAX, Interference
from ..rules import Profile
from .run_folder import insist_free


@dataclass(frozen=True)
class Plan:
    """What a request means: declarations, inputs, model and firmware."""

    asked: Request
    board: Board
    task: Task
    sites: tuple[Site, ...]
    """Where the boards are; none: a child process."""
    monitor: MonitorSpec | None
    """None: energy is not measured, or modelled."""
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
    copies: dict[str, Path]
    """Declarations and images that decide the result, by the names they are kept by."""
    sha256: dict[str, str]
    """Of all that decides the result."""
    provenance: Provenance

    @property
    def lines(self) -> Sequence[Way]:
        """The way to each board: where it is, or the command of a child process."""
        if self.sites:
            return self.sites
        return [self.board.command(self.image.elf if self.image else "")] * self.asked.shards

    @property
    def accuracy_samples(self) -> list[Sample]:
        """The inputs of the accuracy mode: of a part of the set, drawn."""
        samples = self.inputs.samples.samples
        if self.asked.limit is None and self.profile.accuracy_inputs is not None:
            return drawn(samples, self.profile.accuracy_inputs, self.profile.windows)
        return list(samples[: self.asked.limit])

    @property
    def timed_samples(self) -> Sequence[Sample]:
        """The inputs of the other modes, a window on each."""
        return self.inputs.samples.samples[: self.profile.windows]

    @property
    def window_length(self) -> WindowLength:
        """How long a window is to be."""
        profile = self.profile
        return WindowLength(
            profile.window_min_s, profile.window_min_iterations, profile.window_max_s
        )

    @property
    def modes(self) -> list[str]:
        """The modes that take the firmware's text build, in their order."""
        if self.scenario is not None or self.asked.mode == STREAM:
            return [self.asked.mode]
        wanted = ["accuracy", "performance"]
        if self.profile.performance_first:
            wanted.reverse()
        return [mode for mode in wanted if self.asked.mode in (mode, "all")]

    @property
    def scenario(self) -> Asked | None:
        """The scenario, with what the profile says where it is not asked for."""
        return self.asked.scenario and self.profile.scenario(self.asked.scenario)

    @property
    def scenario_samples(self) -> Sequence[Sample]:
        """The inputs that a scenario asks for."""
        return self.inputs.samples.samples[: self.asked.limit]

    @property
    def cool_down_s(self) -> float:
        """How long the board rests before the performance mode; a child process gets not warm."""
        return 0.0 if self.board.emulated else self.profile.cool_down_s


def drawn(samples: Sequence[Sample], count: int, first: int) -> list[Sample]:
    """Return `count` samples: the first ones, which have windows, and drawn ones of the rest.

    Of each label its share: a set is sorted by its classes, as a rule, and its beginning alone
    would be of one kind.
    """
    head, rest = list(samples[:first]), samples[first:]
    return head[:count] + part(rest, max(0, count - len(head)))


def insist_on_paper(asked: Request) -> None:
    """Refuse what no board or engine can be, before anything is made for a run of it.

    Raises UsageError, also for a board that is not attached.
    """
    asked, board = choose(asked, load_bench(find_bench()), lambda _: None)
    insist_reachable(board, asked)
    insist_possible(board, asked)
    if is_recipe(asked.engine):
        tree_of(asked.engine or "", asked.engine_source, board)
    elif asked.engine is not None:
        load_engine(Path(asked.engine))
    if asked.out is not None:
        insist_free(asked.out)


def make_plan(station: Station, track: Track, say: Callable[[str], None]) -> Plan:
    """Resolve what is no matter of the desk, and build the firmware.

    All that is wrong on paper is said here, before anything is built. `say` takes a sentence for
    the user. Raises any TinybenchError.
    """
    asked, board, task = station.asked, station.board, station.task
    if task is None:
        raise UsageError("name a task, such as --task kws")
    profile = rules.load_profile(asked.profile).on(board.core)
    insist_possible(board, asked)
    recipe = asked.engine if is_recipe(asked.engine) else None
    engine = load_engine(Path(asked.engine)) if asked.engine and recipe is None else None
    inputs = resolve(task, asked.data, asked.model or engine, which=profile.recording)
    if task.streams:
        task = heard_by(task, inputs.model)
    say(f"{board.name}, {task.name}: {inputs.note}")
    tools = _tools(board)
    if recipe is not None:
        engine = built_engine(recipe, asked.engine_source, board, task, inputs.model, track, say)
    images: list[Image] = []
    builds = [False] * (asked.mode != "energy") + [True] * asked.wants_energy
    built = board.interfered(asked.scenario and asked.scenario.interference)
    if board.toolchain is not None:
        building = (
            build(
                built,
                task,
                engine or inputs.model,
                energy=energy,
                prune=asked.prune,
                strips=asked.strips,
                whole=asked.whole,
            )
            for energy in builds
        )
        images = list(track(building, "build", len(builds)))
        check_emulator(board, [(image.flash_b, image.ram_b) for image in images])
    image = images[0] if images else None
    energy_image = images[-1] if images and builds[-1] else None
    if recipe is not None:
        manifest = _manifest_if_ours(task, inputs)
    elif image is None or (engine is not None and asked.model is not None):
        manifest = _manifest(task, inputs)
    else:
        manifest = image.manifest
    copies = _copies(asked, board, task, inputs, image, energy_image)
    hashes = [built.elf_sha256 for built in (image, energy_image) if built]
    sha256 = {
        "firmware": " ".join(hashes) or "not built here",
        "model": inputs.model_sha256,
        "dataset": inputs.samples.sha256,
        "rules": _rules_sha256(copies["task.toml"], copies["profile.toml"]),
    }
    return Plan(
        asked=asked,
        board=board,
        task=task,
        sites=station.sites,
        monitor=station.monitor,
        profile=profile,
        inputs=inputs,
        engine=engine,
        manifest=manifest,
        image=image,
        energy_image=energy_image,
        tools=tools,
        copies=copies,
        sha256=sha256,
        provenance=gather(sha256["rules"], asked.ports),
    )


def _copies(
    asked: Request,
    board: Board,
    task: Task,
    inputs: Inputs,
    image: Image | None,
    energy_image: Image | None,
) -> dict[str, Path]:
    """Return what decides the result, by the names it is kept by."""
    copies = {
        "board.toml": find("board", asked.board, boards.names()),
        "task.toml": find("task", asked.task, tasks.names()),
        "profile.toml": find("profile", asked.profile, rules.names()),
    }
    if image is not None:
        copies["firmware.elf"] = Path(image.elf)
    if energy_image is not None and energy_image != image:
        copies["firmware-energy.elf"] = Path(energy_image.elf)
    if inputs.model_origin in ("official", "embedded"):
        model = task.embedded_model if inputs.model_origin == "embedded" else task.model
        copies["model.toml"] = find("model", model, models.names())
    if image is not None and board.cycles is not None and can_estimate(board):
        copies[CORE_FILE] = core_file(board.cycles.core)
        if board.cycles.memory is not None:
            copies[MEMORY_FILE] = memory_file(board.cycles.memory)
        if (calibration := calibration_file(board.name)) is not None:
            copies[CALIBRATION_FILE] = calibration
    return copies


def _rules_sha256(*judges: Path) -> str:
    digest = hashlib.sha256(rules.sha256().encode())
    for declaration in judges:
        digest.update(declaration.read_bytes())
    return digest.hexdigest()


def insist_possible(board: Board, request: Request) -> None:
    """Raise UsageError when the board cannot do what was asked for, as it is on paper."""
    if request.ports and request.shards > 1:
        raise UsageError("--shards starts several emulators; for several boards repeat --port")
    if board.toolchain is None and request.model is not None and not _is_exported(request.model):
        raise UsageError(
            f"--model is built into firmware, but board {board.name} holds its own already, and "
            f"no project with {request.model.name} was exported here"
        )
    word = "--no-prune" if not request.prune else "--no-strips" if not request.strips else None
    if word and (board.toolchain is None or request.engine is not None):
        raise UsageError(
            f"{word} is about the model that is compiled here, but "
            + ("--engine brings" if request.engine is not None else f"board {board.name} holds")
            + f" its own firmware; leave {word} out"
        )
    if request.cores == 2 and request.engine is not None:
        raise UsageError("--cores 2 is about the kernels here: an --engine runs on one core")
    if request.probe and len(request.ports) > 1:
        raise UsageError("--probe is that of one board: give one --port, or leave --probe out")
    if request.flasher or (request.flash and request.ports and board.flash):
        flasher_of(board, request.flasher)
    if request.whole and board.toolchain is None:
        raise UsageError(
            f"--whole is built into firmware, but board {board.name} holds its own already; leave "
            "--whole out"
        )
    if board.toolchain is None and request.engine is not None:
        raise UsageError(
            f"--engine is built into firmware, but board {board.name} holds its own already; leave "
            "--engine out"
        )
    if request.scenario is not None:
        _insist_askable(board, request.scenario)
    if request.monitor is not None and request.mode not in ("energy", "all"):
        raise UsageError(f"--monitor measures energy, not --mode {request.mode}")
    if request.interface_board and not (request.ports and request.mode == "energy"):
        raise UsageError("--interface-board stands between a --port and the DUT in --mode energy")
    if request.wants_energy:
        insist_measurable(board, request)


def _insist_askable(board: Board, asked: Asked) -> None:
    """Raise UsageError when a board cannot be asked the queries of this scenario."""
    if asked.engine_loadgen:
        if asked.name == "server" and board.emulated:
            raise UsageError(
                f"LoadGen sends to a server by this computer's clock, and board {board.name} is "
                "emulated: leave --engine-loadgen out, and the queue is computed on the board's own"
            )
        loadgen.insist_installed()
    if asked.interference is not None:
        _insist_disturbable(board, asked.interference)


def _insist_disturbable(board: Board, by: Interference) -> None:
    """Raise UsageError when this interference cannot be built into the board's firmware."""
    if board.emulator is None or not board.emulator.interference:
        able = [
            one.name
            for one in map(boards.load_board, boards.names())
            if one.emulator is not None and one.emulator.interference
        ]
        raise UsageError(
            f"interference cannot be built into the firmware of board {board.name}; it can into "
            f"that of {', '.join(able)}"
        )
    lasts_s = by.instructions * board.instruction_ns * 1e-9
    if lasts_s > SHARE_MAX * by.every_s:
        most = int(SHARE_MAX * by.every_s * 1e9 / board.instruction_ns)
        raise UsageError(
            f"interference of {by.instructions:,} instructions every {by.every_s:g} s leaves the "
            f"model less than half of the time on board {board.name}: at most {most:,}"
        )


def _is_exported(model: Path) -> bool:
    """Return whether firmware that a board holds may be of this model, for it was exported."""
    try:
        data = read_bytes(model, WHOLE_MOST_B)
    except OSError:
        return False
    return is_exported(hashlib.sha256(data).hexdigest())


def insist_measurable(board: Board, request: Request) -> None:
    """Raise UsageError when there is no way to the energy of this board."""
    if not request.ports:
        if request.monitor not in (None, MODELLED):
            raise UsageError(
                f"monitor {request.monitor} measures a board on a --port; board {board.name} is a "
                "child process: leave --monitor out, or give --monitor modelled, for the energy "
                "of a model"
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
    with scratch() as own:
        return compile_model(
            inputs.model, own / "model", model_id=task.model_id, prune=False, strips=False
        )


def _manifest_if_ours(task: Task, inputs: Inputs) -> Manifest | None:
    """Return what the model holds; None where our compiler refuses it, and an engine may not."""
    try:
        return _manifest(task, inputs)
    except ModelError:
        return None


def _tools(board: Board) -> dict[str, str]:
    """Return versions of what ran the board."""
    tools = {"python": platform.python_version(), "system": platform.platform()}
    if board.emulator is not None and board.emulated:
        if board.emulator.chip is not None:
            return tools | {"emulator": f"unicorn {unicorn_version()}"}
        program = board.emulator.program
        tools["emulator"] = program_version(program)
        if board.emulator.too_old(tools["emulator"]):
            raise ToolMissingError(
                f"{program} is too old to emulate board {board.name}: it says "
                f"'{tools['emulator']}', {board.emulator.version} or newer is needed. On Debian 12 "
                f"'make setup' brings it, or: sudo apt-get install -t bookworm-backports {program}"
            )
    return tools
