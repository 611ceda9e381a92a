"""One run, from names to a judged result, read from top to bottom."""

import contextlib
import hashlib
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from ..energy.monitor import load_spec
from ..models import declaration as models
from ..models.compiler import Manifest, compile_model
from . import board as boards
from . import energy_mode, modes, rules, score
from . import task as tasks
from .board import Board
from .declare import find
from .dut import Dut, Identity
from .errors import (
    OtherDutError,
    ProtocolError,
    RunFolderError,
    TinybenchError,
    ToolMissingError,
    UsageError,
)
from .firmware import Image, build
from .inputs import Inputs, resolve
from .interface_board import InterfaceBoard
from .journal import Asked, Entry, Head, Journal, create, read
from .result import (
    RESULT_FILE,
    Accuracy,
    Answer,
    Energy,
    Firmware,
    InputsUsed,
    Link,
    ModelUsed,
    Performance,
    Result,
    Window,
    read_result,
    write_result,
)
from .rules import Violation
from .serial_port import SerialTransport
from .task import Task
from .track import Track
from .transport import ProcessTransport, Recorder, Transport, program_version

TRANSCRIPT_FILE = "transcript.jsonl"
ENERGY_TRANSCRIPT_FILE = "transcript-energy.jsonl"
MODELLED = "modelled"
DEFAULT_BAUD = 115_200


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    board: str
    task: str
    mode: str = "all"
    division: str = "closed"
    limit: int | None = None
    data: Path | None = None
    model: Path | None = None
    out: Path | None = None
    ports: tuple[str, ...] = ()
    """Serial ports of equal boards; none: the board is a child process."""
    baud: int = DEFAULT_BAUD
    raise_baud: bool = False
    """Go to the fastest rate the firmware offers."""
    verify: bool = True
    """Prove each upload also over the stock protocol, which has no check sum."""
    shards: int = 1
    """Emulators that share the accuracy set."""
    monitor: str | None = None
    """Energy monitor by name or spec file; None or "modelled": a model, of an emulated board."""
    interface_board: bool = False
    """The port is that of an interface board, which isolates the DUT in energy mode."""


@dataclass(frozen=True)
class Outcome:
    """A result, its verdict, and where it is stored."""

    result: Result
    violations: list[Violation]
    folder: Path


@dataclass(frozen=True)
class _Plan:
    """What a request means: declarations, inputs, model and firmware."""

    request: Request
    board: Board
    task: Task
    inputs: Inputs
    manifest: Manifest
    image: Image | None
    """None where the board holds its firmware already."""
    energy_image: Image | None
    """The energy build, where it is asked for."""
    tools: dict[str, str]
    """Versions of what builds and runs it."""

    def sha256(self) -> dict[str, str]:
        """Return the hashes of all that decides the result."""
        task_toml = find("task", self.request.task, tasks.names()).read_bytes()
        images = [image.elf_sha256 for image in (self.image, self.energy_image) if image]
        return {
            "firmware": " ".join(images) or "not built here",
            "model": self.inputs.model_sha256,
            "dataset": self.inputs.samples.sha256,
            "rules": hashlib.sha256(task_toml + Path(rules.__file__).read_bytes()).hexdigest(),
        }


def run(request: Request, track: Track, say: Callable[[str], None]) -> Outcome:
    """Do one run: build, measure, store, judge.

    `track` shows progress, `say` takes a sentence for the user. Whatever ends the run early, what
    was measured until then is in the run folder, marked as incomplete, and the board is closed.
    Raises any TinybenchError; KeyboardInterrupt passes through.
    """
    if request.out is not None:
        _insist_free(request.out)
    plan = _plan(request, track, say)
    started = datetime.now(UTC)
    folder = _make_folder(request.out or _default_folder(plan.board, plan.task, started))
    head = Head(
        tinybench=version("tinybench-mcu"),
        started_at=started.isoformat(timespec="seconds"),
        asked=_asked(request),
        sha256=plan.sha256(),
    )
    with Journal(folder) as journal:
        journal.append(Entry(run=head))
        return _measure(plan, head, journal, [], folder, track, say)


def resume(folder: Path, track: Track, say: Callable[[str], None]) -> Outcome:
    """Go on with a run that was interrupted, from its journal; what is done is not done again.

    Raises RunFolderError when there is nothing to go on with, or when firmware, model, dataset or
    rules are not those of the run any more; else as `run`.
    """
    head, entries = read(folder)
    if (folder / RESULT_FILE).exists() and read_result(folder).complete:
        raise RunFolderError(
            f"{folder}: this run is complete; judge it with: tinybench check {folder}"
        )
    plan = _plan(_request(head.asked, folder), track, say)
    now = plan.sha256()
    changed = [name for name, was in head.sha256.items() if now.get(name) != was]
    if changed:
        raise RunFolderError(
            f"{folder}: the {' and the '.join(changed)} changed since this run began: its parts "
            "would not belong together. Start a new run"
        )
    with Journal(folder) as journal:
        again = Entry(resumed_at=datetime.now(UTC).isoformat(timespec="seconds"))
        journal.append(again)
        return _measure(plan, head, journal, [*entries, again], folder, track, say)


def _plan(request: Request, track: Track, say: Callable[[str], None]) -> _Plan:
    """Resolve every name and build the firmware; all that is wrong on paper is said here."""
    board = boards.load_board(request.board)
    task = tasks.load_task(request.task)
    _insist_reachable(board, request)
    inputs = resolve(task, request.data, request.model)
    say(f"{board.name}, {task.name}: {inputs.note}")
    tools = _tools(board)
    if board.toolchain is None:
        return _Plan(request, board, task, inputs, _manifest(task, inputs), None, None, tools)
    builds = [False] * (request.mode != "energy") + [True] * _wants_energy(request)
    building = (build(board, task, inputs.model, energy=energy) for energy in builds)
    images = list(track(building, "build", len(builds)))
    energy_image = images[-1] if builds[-1] else None
    return _Plan(request, board, task, inputs, images[0].manifest, images[0], energy_image, tools)


def _wants_energy(request: Request) -> bool:
    """Return whether energy is to be measured: when asked for, or when there is a monitor."""
    return request.mode == "energy" or (request.mode == "all" and request.monitor is not None)


def _insist_reachable(board: Board, request: Request) -> None:
    """Raise UsageError when the board cannot be reached the way that was asked for."""
    if not request.ports:
        board.command("")
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
    if request.monitor is not None and request.mode not in ("energy", "all"):
        raise UsageError(f"--monitor measures energy, not --mode {request.mode}")
    if request.interface_board and not (request.ports and request.mode == "energy"):
        raise UsageError("--interface-board stands between a --port and the DUT in --mode energy")
    if _wants_energy(request):
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


@dataclass
class _Measured:
    """What is known so far; from the journal of an interrupted run, and then as it is measured."""

    answers: dict[str, Answer]
    windows: list[Window]
    energies: list[Energy]
    resumed: int
    vendor: str = ""
    link: Link | None = None


def _measure(
    plan: _Plan,
    head: Head,
    journal: Journal,
    before: list[Entry],
    folder: Path,
    track: Track,
    say: Callable[[str], None],
) -> Outcome:
    """Measure what is not in the journal yet, store the result and judge it."""
    files = _store_files(folder, plan)
    known = _Measured(
        answers={entry.answer.input: entry.answer for entry in before if entry.answer},
        windows=[entry.window for entry in before if entry.window],
        energies=[entry.energy for entry in before if entry.energy],
        resumed=sum(entry.resumed_at is not None for entry in before),
    )
    try:
        if plan.request.mode != "energy":
            _measure_boards(plan, known, journal, before, folder, track)
        if _wants_energy(plan.request):
            _measure_energy(plan, known, journal, folder, track, say)
    except (TinybenchError, KeyboardInterrupt) as error:
        with contextlib.suppress(RunFolderError):  # the first error is the one to tell
            why = str(error) or "interrupted by the user"
            write_result(folder, _result(plan, head, known, files, why))
        say(
            f"stopped; what was measured until then is in {folder}, what was said on the line in "
            f"{folder / TRANSCRIPT_FILE}; go on with: tinybench resume {folder}"
        )
        raise
    done = _result(plan, head, known, files, None)
    write_result(folder, done)
    return Outcome(done, rules.check(done, plan.task), folder)


def _measure_boards(
    plan: _Plan,
    known: _Measured,
    journal: Journal,
    before: list[Entry],
    folder: Path,
    track: Track,
) -> None:
    """Measure accuracy and performance."""
    request, task, samples = plan.request, plan.task, plan.inputs.samples.samples
    duts: list[Dut] = []
    with ExitStack() as stack:
        for index in range(len(request.ports) or request.shards):
            duts.append(_open(plan, index, folder, stack))
            known.vendor = _handshake(duts[-1], plan, before, journal)
        stack.callback(lambda: setattr(known, "link", _link(duts, request)))  # before they are left
        if request.mode in ("accuracy", "all"):
            some = samples[: request.limit]
            left = [sample for sample in some if sample.name not in known.answers]
            measuring = modes.shared_accuracy(duts, left, task.result_count)
            for answer in track(measuring, "accuracy", len(left)):
                journal.append(Entry(answer=answer))
                known.answers[answer.input] = answer
        if request.mode in ("performance", "all"):
            first = samples[len(known.windows) : rules.WINDOWS]
            timing = modes.performance(
                duts[0],
                first,
                task.result_count,
                rules.WINDOW_MIN_S,
                known.windows[-1].iterations if known.windows else None,
            )
            for window in track(timing, "performance", len(first)):
                journal.append(Entry(window=window))
                known.windows.append(window)


def _measure_energy(
    plan: _Plan,
    known: _Measured,
    journal: Journal,
    folder: Path,
    track: Track,
    say: Callable[[str], None],
) -> None:
    """Measure energy, unless it has been already: one trace is measured whole or not at all."""
    if known.energies:
        return
    with _energy_bench(plan, known, folder) as bench:
        first = plan.inputs.samples.samples[: rules.WINDOWS]
        measuring = energy_mode.measure(bench, first, rules.WINDOW_MIN_S, folder)
        for energy in track(measuring, "energy", 1):
            journal.append(Entry(energy=energy))
            known.energies.append(energy)
    try:
        energy_mode.draw_pictures(folder)
    except ToolMissingError as error:
        say(str(error))


def _result(
    plan: _Plan, head: Head, known: _Measured, files: dict[str, str], error: str | None
) -> Result:
    """Return what is known, as it is stored; `error` says what ended the run early."""
    request, board, task, inputs = plan.request, plan.board, plan.task, plan.inputs
    ordered = [
        known.answers[sample.name]
        for sample in inputs.samples.samples
        if sample.name in known.answers
    ]
    accuracy = score.accuracy(ordered, task.metric) if ordered else None
    performance = _performance(known.windows, board)
    vips, vops = _valid_per_second(accuracy, performance, plan.manifest.macs)
    image = plan.image or plan.energy_image
    return Result(
        tinybench=version("tinybench-mcu"),
        started_at=head.started_at,
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        complete=error is None,
        error=error,
        board=board.name,
        core=board.core,
        task=task.name,
        model_id=task.model_id,
        mode=request.mode,
        division=request.division,
        dataset=inputs.dataset_origin,
        emulated=board.emulated,
        time_base=_time_base(board, request),
        dut=known.vendor,
        inputs=_inputs_used(inputs, request),
        model=_model_used(plan),
        firmware=None if image is None else _firmware(image),
        link=known.link,
        resumed=known.resumed,
        tools=plan.tools,
        accuracy=accuracy,
        performance=performance,
        energy=known.energies[-1] if known.energies else None,
        vips=vips,
        vops=vops,
        files_sha256=files,
    )


def _open(plan: _Plan, index: int, folder: Path, stack: ExitStack) -> Dut:
    """Open the line to one board, recorded; it is closed with the stack."""
    request = plan.request
    if request.ports:
        line: Transport = SerialTransport(request.ports[index], request.baud)
    else:
        line = ProcessTransport(plan.board.command(plan.image.elf if plan.image else ""))
    line = stack.enter_context(closing(line))
    name = TRANSCRIPT_FILE if index == 0 else f"transcript-{index}.jsonl"
    recorded = stack.enter_context(closing(Recorder(line, folder / name)))
    dut = Dut(recorded, verify=request.verify, probe=request.raise_baud)
    if request.ports:
        stack.callback(_leave, dut)
    return dut


@contextlib.contextmanager
def _energy_bench(plan: _Plan, known: _Measured, folder: Path) -> Iterator[energy_mode.Bench]:
    """Yield the monitor and the way to the DUT behind it; a model of both for an emulated board."""
    request, board = plan.request, plan.board

    @contextlib.contextmanager
    def connect(pin: str | None) -> Iterator[Dut]:
        with ExitStack() as stack:
            if request.ports:
                line: Transport = SerialTransport(request.ports[0], request.baud)
            else:
                elf = plan.energy_image.elf if plan.energy_image else ""
                line = ProcessTransport(board.command(elf, pin))
            line = stack.enter_context(closing(line))
            path = folder / ENERGY_TRANSCRIPT_FILE
            line = stack.enter_context(closing(Recorder(line, path)))
            if request.interface_board:
                line = InterfaceBoard(line)
                line.prepare()
            fast = not request.interface_board  # frames do not pass through it
            dut = Dut(line, verify=request.verify, fast=fast, marks=True)
            identity = dut.handshake()
            _insist_task(identity, plan.task, plan.energy_image)
            if known.link is None:
                known.vendor = identity.vendor
                stack.callback(lambda: setattr(known, "link", _link([dut], request)))
            yield dut

    if request.ports:
        spec = load_spec(request.monitor or "")
        yield energy_mode.Bench(spec, lambda: connect(None))
        return
    assert board.power is not None  # noqa: S101 - _insist_measurable
    with energy_mode.modelled_monitor(board.power) as (spec, pin):
        yield energy_mode.Bench(spec, lambda: connect(pin), board.power.source)


def _leave(dut: Dut) -> None:
    """Leave a board as other programs expect it; a run that has failed already fails no more."""
    with contextlib.suppress(TinybenchError):
        dut.leave()


def _handshake(dut: Dut, plan: _Plan, before: list[Entry], journal: Journal) -> str:
    """Insist that it is the board for this task, and the one that began the run; return its name.

    Raises ProtocolError and OtherDutError.
    """
    identity = dut.handshake()
    _insist_task(identity, plan.task, plan.image)
    told = " ".join((identity.vendor, identity.model_id, *identity.caps))
    for entry in before:
        if entry.dut not in (None, told):
            raise OtherDutError(
                f"the run began with the DUT '{entry.dut}', now '{told}' answers: connect the "
                "board that began it, or start a new run"
            )
    journal.append(Entry(dut=told))
    if plan.request.raise_baud:
        dut.raise_baud(plan.request.baud)
    return identity.vendor


def _insist_task(identity: Identity, task: Task, image: Image | None) -> None:
    """Raise ProtocolError or OtherDutError unless the DUT holds the task's model, in this image."""
    if identity.model_id != task.model_id:
        raise ProtocolError(
            f"the DUT holds model '{identity.model_id}', task {task.name} needs '{task.model_id}'"
        )
    if image is not None and f"build-{image.build_id}" not in identity.caps:
        raise OtherDutError(
            f"the board holds other firmware than was built for it here ({image.elf}): it says "
            f"'{' '.join(identity.caps)}', not build-{image.build_id}. Flash that file, or take "
            "the board as it is with --board serial"
        )


def _link(duts: list[Dut], request: Request) -> Link:
    """Return how the boards were reached, with what went wrong on all their lines together."""
    tallies = [dut.tally for dut in duts]
    return Link(
        protocol=duts[0].protocol,
        verified=all(dut.verified for dut in duts),
        baud=duts[0].baud(request.baud) if request.ports else None,
        chunk_b=duts[0].chunk_b,
        boards=len(duts),
        retries=sum(tally.retries for tally in tallies),
        restarts=sum(tally.restarts for tally in tallies),
        reopened=sum(tally.reopened for tally in tallies),
        resent_frames=sum(tally.resent_frames for tally in tallies),
        quarantined_lines=sum(tally.quarantined_lines for tally in tallies),
    )


def _asked(request: Request) -> Asked:
    return Asked(
        board=_path_or_name(request.board),
        task=_path_or_name(request.task),
        mode=request.mode,
        division=request.division,
        limit=request.limit,
        data=None if request.data is None else str(request.data.resolve()),
        model=None if request.model is None else str(request.model.resolve()),
        ports=list(request.ports),
        baud=request.baud,
        raise_baud=request.raise_baud,
        verify=request.verify,
        shards=request.shards,
        monitor=_path_or_name(request.monitor) if request.monitor else None,
        interface_board=request.interface_board,
    )


def _path_or_name(text: str) -> str:
    """Return a declaration's name as it is, and its path made absolute."""
    return str(Path(text).resolve()) if text.endswith(".toml") else text


def _request(asked: Asked, folder: Path) -> Request:
    return Request(
        board=asked.board,
        task=asked.task,
        mode=asked.mode,
        division=asked.division,
        limit=asked.limit,
        data=None if asked.data is None else Path(asked.data),
        model=None if asked.model is None else Path(asked.model),
        out=folder,
        ports=tuple(asked.ports),
        baud=asked.baud,
        raise_baud=asked.raise_baud,
        verify=asked.verify,
        shards=asked.shards,
        monitor=asked.monitor,
        interface_board=asked.interface_board,
    )


def every_task(request: Request) -> list[Request]:
    """Return a request for each task, each with a folder of its own below `out`."""
    return [
        replace(request, task=name, out=None if request.out is None else request.out / name)
        for name in tasks.names()
    ]


def judge(folder: Path) -> Outcome:
    """Judge a stored result again, by the task declaration stored with it.

    Raises RunFolderError when there is none that can be read.
    """
    result = read_result(folder)
    folder = folder if folder.is_dir() else folder.parent
    changed = rules.check_files(result, folder)
    stored = folder / "task.toml"
    task = tasks.load_task(str(stored) if stored.is_file() else result.task)
    return Outcome(result, changed + rules.check(result, task), folder)


def _manifest(task: Task, inputs: Inputs) -> Manifest:
    """Return what the model holds, for a board whose firmware is not built here."""
    with tempfile.TemporaryDirectory() as scratch:
        return compile_model(inputs.model, Path(scratch) / "model", model_id=task.model_id)


def _default_folder(board: Board, task: Task, started: datetime) -> Path:
    return Path("runs") / f"{started:%Y%m%dT%H%M%S.%f}Z-{board.name}-{task.name}"


def _insist_free(folder: Path) -> None:
    """Raise RunFolderError unless `folder` is not there, or empty."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunFolderError(
                f"{folder} is not an empty folder, perhaps another run's; nothing was written. "
                "Give --out a new one"
            )
    except OSError as error:
        raise RunFolderError(f"{folder} cannot be a run folder: {error}") from error


def _make_folder(folder: Path) -> Path:
    """Make the run folder; of two runs that want the same one, only one gets it."""
    _insist_free(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        create(folder)
    except FileExistsError:
        raise RunFolderError(
            f"{folder} was taken by another run a moment ago; give --out a new one"
        ) from None
    except OSError as error:
        raise RunFolderError(f"cannot make the run folder {folder}: {error}") from error
    return folder


def _store_files(folder: Path, plan: _Plan) -> dict[str, str]:
    """Copy the declarations as used, the image and its manifest; return {name: SHA-256}."""
    request, task, inputs = plan.request, plan.task, plan.inputs
    model = task.embedded_model if inputs.model_origin == "embedded" else task.model
    copies = {
        "board.toml": find("board", request.board, boards.names()),
        "task.toml": find("task", request.task, tasks.names()),
    }
    if plan.image is not None:
        copies["firmware.elf"] = Path(plan.image.elf)
    if plan.energy_image is not None and plan.energy_image != plan.image:
        copies["firmware-energy.elf"] = Path(plan.energy_image.elf)
    if inputs.model_origin != "custom":
        copies["model.toml"] = find("model", model, models.names())
    try:
        for name, source in copies.items():
            shutil.copyfile(source, folder / name)
        (folder / "manifest.json").write_bytes(
            msgspec.json.format(msgspec.json.encode(plan.manifest), indent=1) + b"\n"
        )
        return {
            name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
            for name in (*copies, "manifest.json")
        }
    except OSError as error:
        raise RunFolderError(f"cannot write into {folder}: {error}") from error


def _time_base(board: Board, request: Request) -> str:
    if board.emulated:
        return f"emulated: one instruction is {board.instruction_ns} ns"
    return "clock of the board" if request.ports else "clock of this computer"


def _inputs_used(inputs: Inputs, request: Request) -> InputsUsed:
    return InputsUsed(
        name=inputs.dataset.name,
        note=inputs.note,
        sha256=inputs.samples.sha256,
        count=len(inputs.samples.samples),
        limit=request.limit,
    )


def _model_used(plan: _Plan) -> ModelUsed:
    return ModelUsed(
        name=plan.inputs.model.name,
        kind=plan.inputs.model_origin,
        sha256=plan.inputs.model_sha256,
        macs=plan.manifest.macs,
        tensor_ram_b=None if plan.image is None else plan.manifest.tensor_ram_b,
        weights_b=plan.manifest.weights_b,
    )


def _firmware(image: Image) -> Firmware:
    return Firmware(
        elf_sha256=image.elf_sha256,
        sources_sha256=image.sources_sha256,
        compiler=image.compiler,
        flash_b=image.flash_b,
        code_flash_b=image.code_flash_b,
        ram_b=image.ram_b,
    )


def _tools(board: Board) -> dict[str, str]:
    """Return versions of what ran the board."""
    tools = {"python": platform.python_version(), "system": platform.platform()}
    if board.emulator is not None and board.emulated:
        tools["emulator"] = program_version(board.emulator.argv[0])
    return tools


def _performance(windows: list[Window], board: Board) -> Performance | None:
    if not windows:
        return None
    throughput_per_s = score.median_throughput_per_s(windows)
    instructions = None
    if board.emulated:
        instructions = round(1e9 / board.instruction_ns / throughput_per_s)
    return Performance(throughput_per_s, 1 / throughput_per_s, instructions, list(windows))


def _valid_per_second(
    accuracy: Accuracy | None, performance: Performance | None, macs: int
) -> tuple[float | None, float | None]:
    """Return VIPS and VOPS of one task, where it has an accuracy and a latency."""
    if accuracy is None or accuracy.top1 is None or performance is None:
        return None, None
    latency_s = performance.latency_s
    return score.vips([(accuracy.top1, latency_s)]), score.vops([(accuracy.top1, latency_s, macs)])
