"""Write the tree of a submission: whole and new, or not at all."""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tinybench.energy.analysis import analyse
from tinybench.energy.pictures import draw
from tinybench.energy.trace import open_trace
from tinybench.errors import RunFolderError, UsageError
from tinybench.scratch import scratch

from ..audit.text import NO_RESULT
from ..build.board import Board, load_board
from ..results.names import TRACE_FILE
from ..rules import Violation
from . import logs, stream
from .parts import REHEARSED, VERIFIED, Part, objections, parts, refused, scenario_notes
from .samples import window_samples
from .system import BOARD_NAME, INPUTS, STATUS, System, describe, known_fields, read_fields

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""Of a submitter and of a system: they become folders."""
FILE_MAX_B = 50_000_000
"""Ref: MLPerf Tiny submission checker; a later version of it allows ten times as much."""
REHEARSAL = "REHEARSAL"
PICTURE = "energy_inf_{:03d}.png"


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, or why nothing was."""

    folder: str
    """Empty when it was refused."""
    division: str
    submitter: str
    system: str
    tasks: list[str]
    files: list[str]
    """Below the folder."""
    refused: list[Violation]
    """Why there is no tree; empty when there is one."""
    marked: list[Violation]
    """Rules that are broken all the same, as the notes of the system say."""
    rehearsal: bool


def submit(
    folders: Sequence[Path],
    *,
    submitter: str,
    system: Path,
    division: str,
    out: Path,
    rehearsal: bool = False,
) -> Submission:
    """Make the tree of a submission from runs, in a new folder.

    `system` is a file with what the submitter says of it. `rehearsal`: also of emulated boards and
    other inputs, marked as none everywhere. Raises RunFolderError for what is no run and when the
    disk refuses, UsageError for names and files that cannot be; nothing is left behind then.
    """
    name = f"{REHEARSAL}-{system.stem}" if rehearsal else system.stem
    for what, word in (("--submitter", submitter), ("the name of the --system file", name)):
        if not NAME.fullmatch(word):
            raise UsageError(
                f"{what}: '{word}' becomes a folder: use letters, digits, '.', '-' and '_' only"
            )
    if rehearsal and division != "open":
        raise UsageError("--rehearsal is for the open division only: add --open")
    if out.exists() or out.is_symlink():
        raise RunFolderError(f"{out}: is there already; nothing is overwritten: give a new folder")
    said = read_fields(system)
    found = parts(folders)
    against = objections(found, division)
    inputs_from = said.get(INPUTS, "")
    no = refused(against, division, rehearsal, inputs_from)
    outcome = Submission(
        folder="" if no else str(out),
        division=division,
        submitter=submitter,
        system=name,
        tasks=[part.task.name for part in found],
        files=[],
        refused=no,
        marked=[] if no else against,
        rehearsal=rehearsal,
    )
    if no:
        return outcome
    described = _described(system, said, found, against, submitter, division, rehearsal)
    marks = [_marks(part, _mark(against, rehearsal), inputs_from) for part in found]
    files = _written(out, submitter, division, name, described, found, marks)
    return msgspec.structs.replace(outcome, files=files)


def _mark(against: Sequence[Violation], rehearsal: bool) -> str:
    if not rehearsal:
        return ""
    why = "; ".join(dict.fromkeys(v.found for v in against if v.rule in REHEARSED))
    return f"{NO_RESULT}: {why or 'asked for as a rehearsal'}"


def _marks(part: Part, mark: str, inputs_from: str) -> logs.Marks:
    """Return what stands in every file of a task."""
    if not part.unverified:
        return logs.Marks(mark, "")
    (title, *_) = dict.fromkeys(result.inputs.name for result in part.results)
    return logs.Marks(mark, _stated(title, inputs_from))


def _stated(title: str, inputs_from: str) -> str:
    origin = f'the submitter states: "{inputs_from}"' if inputs_from else "of unknown origin"
    return f"inputs of {title}: unverified, {origin}"


def _described(
    path: Path,
    said: dict[str, str],
    found: Sequence[Part],
    against: Sequence[Violation],
    submitter: str,
    division: str,
    rehearsal: bool,
) -> System:
    results = [result for part in found for result in part.results]
    hardware = _supplies(found)
    if any(result.board == "host" for result in results):
        hardware.append("a process of the computer that ran the benchmark, timed by its clock")
    names = {part.modes[mode].result.inputs.name for part in found if part.unverified
             for mode in part.modes}  # fmt: skip
    stated = [_stated(title, said.get(INPUTS, "")) for title in sorted(names)]
    broken = [f"{v.rule}: {v.found}" for v in against if v.rule != VERIFIED]
    software = ["breaks these run rules: " + "; ".join(broken)] if broken else []
    notes = [words for part in found for words in scenario_notes(part)]
    mark = _mark(against, rehearsal)
    described = describe(
        path,
        said,
        known_fields(_board(found[0]), results),
        submitter=submitter,
        division=division,
        hardware=[mark, *hardware],
        software=[*stated, *software, *notes],
    )
    if not rehearsal:
        return described
    fields = described.fields | {
        STATUS: "rdi",
        BOARD_NAME: f"{NO_RESULT}: {described.fields[BOARD_NAME]}",
    }
    return System(described.name, fields)


def _supplies(found: Sequence[Part]) -> list[str]:
    """Return how energy was measured, as notes."""
    words = []
    for part in found:
        energy = part.modes["energy"].result.energy if "energy" in part.modes else None
        if energy is not None:
            volts = "" if energy.voltage_v is None else f" at {energy.voltage_v:g} V"
            words.append(f"energy measured by {energy.monitor}{volts}")
    return list(dict.fromkeys(words))


def _board(part: Part) -> Board:
    outcome = next(iter(part.modes.values()))
    stored = outcome.folder / "board.toml"
    return load_board(str(stored) if stored.is_file() else outcome.result.board)


def _written(
    out: Path,
    submitter: str,
    division: str,
    name: str,
    described: System,
    found: Sequence[Part],
    marks: Sequence[logs.Marks],
) -> list[str]:
    """Write everything beside `out` first, and give it its name at the end."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with scratch(out.parent, f".{out.name}.partial-") as own:
            top = own / division / submitter
            (top / "systems").mkdir(parents=True)
            text = json.dumps(described.fields, indent=2) + "\n"
            (top / "systems" / f"{name}.json").write_text(text, encoding="utf-8")
            for part, mark in zip(found, marks, strict=True):
                _write_part(top / "results" / name / part.folder, part, mark)
            files = sorted(str(path.relative_to(own)) for path in own.rglob("*") if path.is_file())
            for file in files:
                size_b = (own / file).stat().st_size
                if size_b > FILE_MAX_B:
                    raise UsageError(
                        f"{file} has {size_b} bytes; a submission's files have at most "
                        f"{FILE_MAX_B}: use fewer iterations in a window"
                    )
            own.rename(out)
    except OSError as error:
        raise RunFolderError(f"cannot write {out}: {error}; nothing is left there") from error
    return files


def _write_part(folder: Path, part: Part, mark: logs.Marks) -> None:
    if part.task.streams:
        heard = part.modes["performance"].result
        if heard.stream is None:
            raise UsageError(f"{part.task.name}: nothing was heard")
        _write(folder / "performance", stream.performance(heard, heard.stream, mark))
        return
    answered = part.modes["accuracy"].result
    timed = part.modes["performance"].result
    if answered.accuracy is None or timed.performance is None:
        raise UsageError(f"{part.task.name}: lacks accuracy or performance")
    windows = timed.performance.windows
    labels = logs.labels_of(windows, answered.accuracy)
    _write(folder / "accuracy", logs.accuracy(answered, answered.accuracy, part.task, mark))
    _write(folder / "performance", logs.performance(timed, windows, labels, part.task, mark))
    if "energy" not in part.modes:
        return
    outcome = part.modes["energy"]
    energy = outcome.result.energy
    if energy is None:
        raise UsageError(f"{outcome.folder}: has no energy")
    labels = logs.labels_of(energy.windows, answered.accuracy)
    samples = window_samples(outcome.folder / TRACE_FILE, energy.windows)
    texts = logs.energy(outcome.result, energy, samples, labels, part.task, mark)
    _write(folder / "energy", texts)
    with open_trace(outcome.folder / TRACE_FILE, links=False) as trace, scratch() as own:
        draw(trace, analyse(trace), own)
        for number in range(len(energy.windows)):
            picture = PICTURE.format(number)
            shutil.copyfile(own / picture, folder / "energy" / picture)


def _write(folder: Path, texts: logs.Texts) -> None:
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text(texts.log, encoding="utf-8", newline="\n")
    (folder / "results.txt").write_text(texts.results, encoding="utf-8", newline="\n")
    (folder / "results.json").write_bytes(texts.json)
