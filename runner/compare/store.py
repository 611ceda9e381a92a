"""Runs in a folder tree, one row a run: found, judged once, remembered."""

import contextlib
import gc
import hashlib
import os
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import msgspec

from tinybench.cache import cache_folder
from tinybench.errors import RunFolderError, TinybenchError
from tinybench.files import DOCUMENT_MOST_B, read_bytes, write_whole
from tinybench.printable import one_line
from tinybench.read import read_json

from ..results.result import RESULT_FILE, Result
from ..results.score import figures, instruction_ns
from ..rules import Verdict
from .tags import read_tags


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """One run as one row; SI units, shares of 1; None where it was not measured."""

    run: str
    """Folder of the run."""
    started_at: str
    """ISO 8601, UTC."""
    task: str
    board: str
    core: str
    mode: str
    division: str
    profile: str
    """The run was done by it, and is judged by it."""
    mlperf: bool
    """Whether no less than the MLPerf Tiny run rules was asked for, of one of its tasks."""
    dataset: str
    """"official", "unverified", "embedded" or "custom"."""
    emulated: bool
    """Whether times are instruction counts and no measurement."""
    complete: bool
    valid: bool
    """Whether the run keeps every rule of its profile."""
    broken_rules: list[str]
    """Names of the rules it breaks; as a text with spaces between in CSV."""
    inputs: int | None
    """Inputs answered in the accuracy mode."""
    top1: float | None
    auc: float | None
    top5: float | None
    recall: float | None
    """Of the class with the least."""
    exact: float | None
    """Share of the golden outputs that are as expected."""
    iou: float | None
    r2: float | None
    mae: float | None
    """Mean absolute error, in the unit of the outputs."""
    rmse: float | None
    f1: float | None
    """Of a stream: 2 TP / (2 TP + FP + FN), a detection counting until 1 s after a word."""
    words_missed: int | None
    false_alarms: int | None
    duty: float | None
    """Share of the time of a stream that the board works, by its own clock."""
    estimated_duty: float | None
    """... by the estimated cycles of a frame."""
    deadlines_missed: int | None
    """Frames that took longer than their 32 ms; of an emulated board by estimated cycles."""
    modelled_power_w: float | None
    """In the mean of a stream: a model's, no measurement."""
    latency_s: float | None
    """Of one inference, the median over windows."""
    latency_uncertainty_s: float | None
    """k = 2; None where time is a count."""
    scenario: str | None
    """Of MLPerf Inference; the percentiles are then those of its queries."""
    interference: str | None
    """What was built into the firmware on purpose, to disturb it."""
    rate_per_s: float | None
    """Inferences a second in it; of a server, arrivals that keep the deadline."""
    latency_p50_s: float | None
    """Of single inferences, of a scenario's queries, or of the frames of a stream."""
    latency_p90_s: float | None
    latency_p99_s: float | None
    throughput_per_s: float | None
    instructions_per_inference: int | None
    estimated_cycles: int | None
    """Of one inference, the usual figure of a model of the core; no measurement."""
    estimated_cycles_low: int | None
    estimated_cycles_high: int | None
    estimated_latency_s: float | None
    """Of one inference, at the clock of the board."""
    estimated_latency_low_s: float | None
    estimated_latency_high_s: float | None
    estimated_energy_j: float | None
    """Of one inference, by a declared current of the board."""
    estimated_energy_low_j: float | None
    estimated_energy_high_j: float | None
    calibrated_by: str | None
    """Which measurement narrowed the model; empty where none did."""
    energy_per_inference_j: float | None
    energy_uncertainty_j: float | None
    """k = 2."""
    energy_modelled: bool | None
    """Whether the energy is a model's and no measurement."""
    vips: float | None
    vops: float | None
    model: str
    model_kind: str
    macs: int | None
    weights_b: int | None
    tensor_ram_b: int | None
    flash_b: int | None
    code_flash_b: int | None
    ram_b: int | None
    git_commit: str | None
    """Of the project in whose folder it was run, or of its tag `commit`."""
    dut: str
    """Who answered, in its own words."""
    tinybench: str
    """Version that wrote the result."""
    tags: list[str] = []
    """Of its owner, such as "commit=1a2b3c"."""

    def __repr__(self) -> str:
        """Return what it is of and whether valid: an assertion that fails shows this."""
        said = "valid" if self.valid else f"breaks {', '.join(self.broken_rules[:3])}"
        return f"<run: {one_line(f'{self.task} on {self.board}')}, {said}, profile {self.profile}>"


SCORES = ("top5", "recall", "exact", "iou", "r2", "mae", "rmse")
STREAM = (
    "f1",
    "words_missed",
    "false_alarms",
    "duty",
    "deadlines_missed",
    "modelled_power_w",
)
COLUMNS = Summary.__struct_fields__


COLLECT_EACH = 200_000
"""Objects made, while runs are judged; the collector of cycles has 700."""


class Found(msgspec.Struct, frozen=True):
    """The runs below a folder, the newest last, and what could not be read, in words."""

    runs: list[Summary]
    unreadable: list[str]


class _Remembered(msgspec.Struct, frozen=True):
    state: str
    """Of the run folder's files when the run was judged."""
    summary: Summary


class _Index(msgspec.Struct, frozen=True):
    judge: str
    """Of the code and the declarations that judged."""
    runs: dict[str, _Remembered]


def summary(result: Result, verdict: Verdict, folder: Path) -> Summary:
    """Return a judged result as a row."""
    accuracy, performance = result.accuracy, result.performance
    energy, firmware, scenario = result.energy, result.firmware, result.scenario
    cycles = result.cycles
    drawn = cycles and cycles.energy
    disturbed = scenario and scenario.asked.interference
    scores = {} if accuracy is None else figures(accuracy)
    stream = result.stream
    times = stream and stream.in_time(emulated=result.emulated)
    tags = read_tags(folder)
    project = result.provenance and result.provenance.project_git
    tail = (scenario and scenario.latency) or (stream and stream.busy) or None
    return Summary(
        run=str(folder),
        started_at=result.started_at,
        task=result.task,
        board=result.board,
        core=result.core,
        mode=result.mode,
        division=result.division,
        profile=verdict.profile,
        mlperf=verdict.mlperf,
        dataset=result.dataset,
        emulated=result.emulated,
        complete=result.complete,
        valid=verdict.valid,
        broken_rules=[violation.rule for violation in verdict.violations],
        inputs=accuracy and accuracy.count,
        top1=accuracy and accuracy.top1,
        auc=accuracy and accuracy.auc,
        **{name: scores.get(name) for name in SCORES},
        f1=stream and stream.first.f1,
        words_missed=stream and stream.first.missed,
        false_alarms=stream and stream.first.false,
        duty=None if stream is None or result.emulated else stream.busy.duty,
        estimated_duty=stream and stream.estimated and stream.estimated.duty,
        deadlines_missed=times and times.missed,
        modelled_power_w=stream and stream.power_w,
        latency_s=performance.latency_s if performance else stream and stream.busy.p50_s,
        latency_uncertainty_s=performance and performance.latency_uncertainty_s,
        scenario=scenario and scenario.asked.name,
        interference=disturbed and disturbed.words,
        rate_per_s=scenario and scenario.rate_per_s,
        latency_p50_s=tail.p50_s if tail else accuracy and accuracy.latency_p50_s,
        latency_p90_s=tail.p90_s if tail else accuracy and accuracy.latency_p90_s,
        latency_p99_s=scenario.latency.p99_s if scenario else accuracy and accuracy.latency_p99_s,
        throughput_per_s=performance and performance.throughput_per_s,
        instructions_per_inference=_instructions(result),
        estimated_cycles=cycles and cycles.usual,
        estimated_cycles_low=cycles and cycles.low,
        estimated_cycles_high=cycles and cycles.high,
        estimated_latency_s=cycles and cycles.bounds_s[1],
        estimated_latency_low_s=cycles and cycles.bounds_s[0],
        estimated_latency_high_s=cycles and cycles.bounds_s[2],
        estimated_energy_j=drawn and drawn.usual_j,
        estimated_energy_low_j=drawn and drawn.low_j,
        estimated_energy_high_j=drawn and drawn.high_j,
        calibrated_by=cycles and cycles.calibrated_by,
        energy_per_inference_j=energy and energy.per_inference_j,
        energy_uncertainty_j=energy and energy.uncertainty_j,
        energy_modelled=energy and energy.modelled,
        vips=result.vips,
        vops=result.vops,
        model=result.model.name,
        model_kind=result.model.kind,
        macs=result.model.macs,
        weights_b=result.model.weights_b,
        tensor_ram_b=result.model.tensor_ram_b,
        flash_b=firmware and firmware.flash_b,
        code_flash_b=firmware and firmware.code_flash_b,
        ram_b=firmware and firmware.ram_b,
        git_commit=tags.get("commit") or (project and project.commit),
        dut=result.dut,
        tinybench=result.tinybench,
        tags=[f"{name}={value}" for name, value in tags.items()],
    )


def _instructions(result: Result) -> int | None:
    """Return the instructions of one inference, of a stream the median frame's; None of others."""
    each_ns = instruction_ns(result.time_base)
    if result.stream is not None and each_ns:
        return round(result.stream.busy.p50_s * 1e9 / each_ns)
    return result.performance and result.performance.instructions_per_inference


def find_runs(root: Path) -> Found:
    """Return every run at or below a folder, judged; links are not followed.

    A verdict is remembered in the cache folder until a file of the run, or tinybench, changes.
    Raises RunFolderError when there is no such folder. A run that cannot be read hides no other.
    """
    _insist_folder(root)
    judge_state = _judge_state()
    path = cache_folder() / "results" / f"{_digest(str(root.resolve()))}.json"
    known = _read_index(path, judge_state)
    seen: dict[str, _Remembered] = {}
    unreadable: list[str] = []
    with _seldom_collected():
        for folder, state in _folders(root, unreadable):
            before = known.get(str(folder))
            if before is not None and before.state == state:
                seen[str(folder)] = before
                continue
            from ..rules.judge import judge

            try:
                outcome = judge(folder)
            except TinybenchError as error:
                unreadable.append(str(error))
                continue
            row = summary(outcome.result, outcome.verdict, folder)
            seen[str(folder)] = _Remembered(state, row)
    if seen != known:
        _write_index(path, _Index(judge_state, seen))
    runs = [entry.summary for entry in seen.values()]
    return Found(sorted(runs, key=lambda run: (run.started_at, run.run)), unreadable)


@contextlib.contextmanager
def _seldom_collected() -> Iterator[None]:
    """Look for cycles seldom: a run's thousands of answers are none, and take a quarter of the time
    to be looked through."""
    before = gc.get_threshold()
    gc.set_threshold(max(COLLECT_EACH, before[0]) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def run_folders(root: Path) -> list[Path]:
    """Return the folders of runs at or below a folder. Raises RunFolderError: none to be seen."""
    unreadable: list[str] = []
    folders = [folder for folder, _ in _folders(root, unreadable)]
    if not folders:
        why = "; ".join(unreadable) or f"there is no {RESULT_FILE} in it or below"
        raise RunFolderError(f"{root}: no run here: {why}")
    return folders


def _insist_folder(root: Path) -> None:
    if not root.is_dir():
        raise RunFolderError(f"{root}: there is no such folder; give one with runs below it")


def _folders(root: Path, unreadable: list[str]) -> Iterator[tuple[Path, str]]:
    """Yield each folder with a result, and the state of its files; a run holds no other run."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as found:
                entries = list(found)
            if not _is_text(folder):
                unreadable.append(f"{folder!r}: its name is not UTF-8; rename it")
            elif any(entry.name == RESULT_FILE and entry.is_file() for entry in entries):
                yield folder, _state(entries)
            else:
                waiting += [
                    folder / entry.name
                    for entry in entries
                    if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
                ]
        except OSError as error:
            unreadable.append(f"{folder}: cannot be read: {error.strerror}")


def _is_text(path: Path) -> bool:
    """Return whether a name can stand in JSON; Python reads other bytes as half surrogates."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _state(entries: list["os.DirEntry[str]"]) -> str:
    stats = sorted((entry.name, entry.stat()) for entry in entries if entry.is_file())
    return _digest(repr([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]))


def _judge_state() -> str:
    """Return a digest of the code and the declarations: other ones may judge otherwise."""
    runner = Path(__file__).parents[1]
    sources = sorted([*runner.rglob("*.py"), *runner.rglob("*.toml")])
    digest = hashlib.sha256(version("tinybench-mcu").encode())
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _read_index(path: Path, judge_state: str) -> dict[str, _Remembered]:
    with contextlib.suppress(OSError, msgspec.MsgspecError):  # whatever it is, it can be made anew
        index = read_json(read_bytes(path, DOCUMENT_MOST_B), type=_Index)
        if index.judge == judge_state:
            return index.runs
    return {}


def _write_index(path: Path, index: _Index) -> None:
    with contextlib.suppress(OSError):  # without an index the next listing takes longer
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, msgspec.json.encode(index))
