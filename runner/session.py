"""One run, from names to a judged result, read from top to bottom."""

import contextlib
import hashlib
import platform
import shutil
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from ..models import declaration as models
from . import board as boards
from . import modes, rules, score
from . import task as tasks
from .board import Board
from .declare import find
from .dut import Dut
from .errors import ProtocolError, RunFolderError, TinybenchError
from .firmware import Image, build
from .inputs import Inputs, resolve
from .result import (
    Accuracy,
    Answer,
    Firmware,
    InputsUsed,
    ModelUsed,
    Performance,
    Result,
    Window,
    read_result,
    write_result,
)
from .rules import Violation
from .task import Task
from .track import Track
from .transport import ProcessTransport, Recorder, program_version

JOURNAL_FILE = "journal.jsonl"
TRANSCRIPT_FILE = "transcript.jsonl"


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


@dataclass(frozen=True)
class Outcome:
    """A result, its verdict, and where it is stored."""

    result: Result
    violations: list[Violation]
    folder: Path


def run(request: Request, track: Track, say: Callable[[str], None]) -> Outcome:
    """Do one run: build, measure, store, judge.

    `track` shows progress, `say` takes a sentence for the user. Whatever ends the run early, what
    was measured until then is in the run folder, marked as incomplete, and the board is closed.
    Raises any TinybenchError; KeyboardInterrupt passes through.
    """
    board = boards.load_board(request.board)
    task = tasks.load_task(request.task)
    if request.out is not None:
        _insist_free(request.out)
    inputs = resolve(task, request.data, request.model)
    say(f"{board.name}, {task.name}: {inputs.note}")
    building = (build(board, task, inputs.model) for _ in range(1))
    (image,) = track(building, "build", 1)
    tools = _tools(board)

    started = datetime.now(UTC)
    folder = _make_folder(request.out or _default_folder(board, task, started))
    files = _store_files(folder, request, task, inputs, image)
    answers: list[Answer] = []
    windows: list[Window] = []

    def result(dut: str, error: str | None) -> Result:
        accuracy = score.accuracy(answers, task.metric) if answers else None
        performance = _performance(windows, board)
        vips, vops = _valid_per_second(accuracy, performance, image.manifest.macs)
        return Result(
            tinybench=version("tinybench-mcu"),
            started_at=started.isoformat(timespec="seconds"),
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
            time_base=_time_base(board),
            dut=dut,
            inputs=_inputs_used(inputs, request),
            model=_model_used(inputs, image),
            firmware=_firmware(image),
            tools=tools,
            accuracy=accuracy,
            performance=performance,
            vips=vips,
            vops=vops,
            files_sha256=files,
        )

    vendor = ""
    try:
        with ExitStack() as stack:
            argv = [word.replace("{elf}", image.elf) for word in board.emulator.argv]
            line = stack.enter_context(closing(ProcessTransport(argv)))
            recorded = stack.enter_context(closing(Recorder(line, folder / TRANSCRIPT_FILE)))
            journal = stack.enter_context(_Journal(folder / JOURNAL_FILE))
            dut = Dut(recorded)
            identity = dut.handshake()
            vendor = identity.vendor
            if identity.model_id != task.model_id:
                raise ProtocolError(
                    f"the DUT holds model '{identity.model_id}', task {task.name} needs "
                    f"'{task.model_id}'"
                )
            samples = inputs.samples.samples
            if request.mode in ("accuracy", "all"):
                some = samples[: request.limit]
                measuring = modes.accuracy(dut, some, task.result_count)
                for answer in track(measuring, "accuracy", len(some)):
                    journal.append("answer", answer)
                    answers.append(answer)
            if request.mode in ("performance", "all"):
                first = samples[: rules.WINDOWS]
                timing = modes.performance(dut, first, task.result_count, rules.WINDOW_MIN_S)
                for window in track(timing, "performance", len(first)):
                    journal.append("window", window)
                    windows.append(window)
    except (TinybenchError, KeyboardInterrupt) as error:
        with contextlib.suppress(RunFolderError):  # the first error is the one to tell
            write_result(folder, result(vendor, str(error) or "interrupted by the user"))
        say(f"stopped; what was measured until then is in {folder}")
        raise

    done = result(vendor, None)
    write_result(folder, done)
    return Outcome(done, rules.check(done, task), folder)


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


class _Journal:
    """What was measured, one JSON line each, on disk as soon as it is known."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise RunFolderError(f"cannot write {path}: {error}") from error

    def __enter__(self) -> "_Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, kind: str, record: Answer | Window) -> None:
        try:
            self._file.write(msgspec.json.encode({kind: record}) + b"\n")
        except OSError as error:
            raise RunFolderError(f"cannot write {self._path}: {error}") from error


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
        (folder / JOURNAL_FILE).open("x").close()
    except FileExistsError:
        raise RunFolderError(
            f"{folder} was taken by another run a moment ago; give --out a new one"
        ) from None
    except OSError as error:
        raise RunFolderError(f"cannot make the run folder {folder}: {error}") from error
    return folder


def _store_files(
    folder: Path, request: Request, task: Task, inputs: Inputs, image: Image
) -> dict[str, str]:
    """Copy the declarations as used, the image and its manifest; return {name: SHA-256}."""
    model = task.embedded_model if inputs.model_origin == "embedded" else task.model
    copies = {
        "board.toml": find("board", request.board, boards.names()),
        "task.toml": find("task", request.task, tasks.names()),
        "firmware.elf": Path(image.elf),
    }
    if inputs.model_origin != "custom":
        copies["model.toml"] = find("model", model, models.names())
    try:
        for name, source in copies.items():
            shutil.copyfile(source, folder / name)
        (folder / "manifest.json").write_bytes(
            msgspec.json.format(msgspec.json.encode(image.manifest), indent=1) + b"\n"
        )
        return {
            name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
            for name in (*copies, "manifest.json")
        }
    except OSError as error:
        raise RunFolderError(f"cannot write into {folder}: {error}") from error


def _time_base(board: Board) -> str:
    if board.emulated:
        return f"emulated: one instruction is {board.emulator.instruction_ns} ns"
    return "clock of this computer"


def _inputs_used(inputs: Inputs, request: Request) -> InputsUsed:
    return InputsUsed(
        name=inputs.dataset.name,
        note=inputs.note,
        sha256=inputs.samples.sha256,
        count=len(inputs.samples.samples),
        limit=request.limit,
    )


def _model_used(inputs: Inputs, image: Image) -> ModelUsed:
    return ModelUsed(
        name=inputs.model.name,
        kind=inputs.model_origin,
        sha256=inputs.model_sha256,
        macs=image.manifest.macs,
        tensor_ram_b=image.manifest.tensor_ram_b,
        weights_b=image.manifest.weights_b,
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
    if board.emulated:
        tools["emulator"] = program_version(board.emulator.argv[0])
    return tools


def _performance(windows: list[Window], board: Board) -> Performance | None:
    if not windows:
        return None
    throughput_per_s = score.median_throughput_per_s(windows)
    instructions = None
    if board.emulated:
        instructions = round(1e9 / board.emulator.instruction_ns / throughput_per_s)
    return Performance(throughput_per_s, 1 / throughput_per_s, instructions, list(windows))


def _valid_per_second(
    accuracy: Accuracy | None, performance: Performance | None, macs: int
) -> tuple[float | None, float | None]:
    """Return VIPS and VOPS of one task, where it has an accuracy and a latency."""
    if accuracy is None or accuracy.top1 is None or performance is None:
        return None, None
    latency_s = performance.latency_s
    return score.vips([(accuracy.top1, latency_s)]), score.vops([(accuracy.top1, latency_s, macs)])
