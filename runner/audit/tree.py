"""Find the runs of a published results tree, without following a link out of it."""

import difflib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from tinybench.errors import UsageError

from .clone import Clones
from .text import shown

TASKS = {
    "ad01": ("ad", "ad01", "anomaly_detection"),
    "ic01": ("ic", "ic01", "image_classification"),
    "ic02": ("ic2", "ic02"),
    "kws01": ("kws", "kws01", "keyword_spotting"),
    "vww01": ("vww", "vww01", "visual_wake_words", "person_detection"),
    "sww01": ("sww", "sww01", "strww01", "streaming_wakeword", "streaming_wake_word"),
}
MODES = {
    "accuracy": "accuracy",
    "performance": "performance",
    "energy": "energy",
    "power": "energy",
}
"""Names of folders, in lower case."""
LIKENESS = 0.82
"""Of a folder's name to a mode's that makes it one misspelt: `enegy` has 0.91, `tower` 0.8."""
KINDS = ("log", "results", "postproc")
MAX_DEPTH = 24
SIZE_MAX_B = 50_000_000
"""Of a file in a submission. Ref: MLPerf Tiny submission checker."""

_ROUND = re.compile(r"(?:^|[_-])v(\d\.\d{1,2})(?:\Z|[_-])")


@dataclass(frozen=True, slots=True)
class Place:
    """The files of one mode of one run, and what their path says."""

    folder: Path
    name: str
    """Path below the audited folder, printable."""
    round: str
    division: str
    submitter: str
    system: str
    task: str
    """Model id that the folder's name stands for; empty where it is unknown."""
    mode: str
    """Empty where the folder's name does not say it; what is meant where it is misspelt."""
    logs: tuple[Path, ...]
    tables: tuple[Path, ...]
    """results.txt and the like."""
    json: Path | None
    trace: Path | None
    """EEMBC's ...-energy.bin."""
    absent: dict[str, str] = field(default_factory=dict)
    """Published files of the clone that are not here: the name of one of each kind."""
    submission: Path | None = None
    """Folder of the submitter in a division; None where the path does not say it."""


@dataclass(frozen=True, slots=True)
class Tree:
    """All runs below a folder, and what does not belong into a submission."""

    places: tuple[Place, ...]
    links: tuple[str, ...]
    oversized: tuple[str, ...]
    unreadable: tuple[str, ...]
    top: Path
    clones: Clones


def find(root: Path) -> Tree:
    """Return what is below `root`, in order of names; a file stands for its folder.

    Links are listed and not followed. Raises UsageError for a path that is not there.
    """
    folder = root.parent if root.is_file() else root
    if not folder.is_dir():
        raise UsageError(f"{root}: there is no such folder; give a tree of published results")
    places: list[Place] = []
    links: list[str] = []
    oversized: list[str] = []
    unreadable: list[str] = []
    clones = Clones()
    top = folder.absolute()
    for here, folders, files in os.walk(
        top, onerror=lambda error: unreadable.append(shown(str(error.filename)))
    ):
        path = Path(here)
        depth = len(path.parts) - len(top.parts)
        for name in (*folders, *files):
            if (path / name).is_symlink():
                links.append(_below(top, path / name))
        folders[:] = sorted(
            name
            for name in folders
            if depth < MAX_DEPTH and name != ".git" and not (path / name).is_symlink()
        )
        whole = [
            path / name
            for name in sorted(files)
            if not name.startswith(".") and _plain(path / name)
        ]
        oversized += [_below(top, file) for file in whole if file.stat().st_size > SIZE_MAX_B]
        place = _place(path, top, whole, clones)
        if place is not None:
            places.append(place)
    return Tree(tuple(places), tuple(links), tuple(oversized), tuple(unreadable), top, clones)


def _plain(path: Path) -> bool:
    return not path.is_symlink() and path.is_file()


def _below(top: Path, path: Path) -> str:
    return shown(str(path.relative_to(top))) if path != top else "."


def looks_published(path: Path, most: int = 2000) -> bool:
    """Return whether a folder holds published results, at or below it, and no run of this program.

    Looks into `most` folders, not beyond links.
    """
    found = False
    for looked, (here, folders, files) in enumerate(os.walk(path)):
        folder = Path(here).absolute()
        depth = len(folder.parts) - len(path.absolute().parts)
        folders[:] = sorted(n for n in folders if depth < MAX_DEPTH and not n.startswith("."))
        if "result.json" in files:  # a run of this program
            return False
        if looked >= most:
            break
        lower = [part.lower() for part in folder.parts]
        kinds = {kind_of(name) for name in files}
        if kinds & {"log", "table", "json"} and (
            lower[-1] in MODES or {"closed", "open"} & set(lower[-8:])
        ):
            found = True
    return found


def kind_of(name: str) -> str:
    """Return what a file of a run is by its name: log, table, json or trace; empty for others."""
    name = name.lower()
    if name.endswith((".txt", ".log")):
        if "results" in name or "postproc" in name:
            return "table"
        return "log" if "log" in name and "script" not in name else ""
    if name.endswith("results.json"):
        return "json"
    return "trace" if name.endswith("-energy.bin") else ""


def _place(folder: Path, top: Path, files: list[Path], clones: Clones) -> Place | None:
    """Return the run in a folder; None where nothing in it looks like one."""
    name = folder.name.lower()
    mode = MODES.get(name, "")
    kinds: dict[str, list[Path]] = {kind: [] for kind in ("log", "table", "json", "trace", "")}
    for file in files:
        kinds[kind_of(file.name)].append(file)
    logs, tables, found, traces = (kinds[kind] for kind in ("log", "table", "json", "trace"))
    if not (logs or tables or found or traces):
        return None
    parts = [shown(part) for part in folder.parts]
    if _elsewhere([part.lower() for part in parts]):
        return None
    task_at, task = _task(parts)
    in_results = task_at is not None and task_at > 0
    below_task = task_at is not None and 0 < task_at < len(parts) - 1
    if not mode and below_task and name.isalpha():
        near = difflib.get_close_matches(name, MODES, n=1, cutoff=LIKENESS)
        mode = MODES[near[0]] if near else ""
    if not mode and not in_results and not (logs and (tables or found)):
        return None  # some other log.txt of a source tree
    where = _where(parts, task_at)
    here = {file.name for file in files}
    absent = {kind_of(n): shown(n) for n in sorted(clones.files(folder) - here, reverse=True)}
    absent.pop("", None)
    at = _division([part.lower() for part in parts])
    return Place(
        folder=folder,
        name=_below(top, folder),
        round=where[0],
        division=where[1],
        submitter=where[2],
        system=where[3],
        task=task,
        mode=mode,
        logs=tuple(logs),
        tables=tuple(tables),
        json=found[0] if found else None,
        trace=traces[0] if traces else None,
        absent=absent,
        submission=Path(*folder.parts[: at + 2]) if at is not None and where[2] else None,
    )


def _elsewhere(lower: list[str]) -> bool:
    """Return whether a path in a submission is not below its results, such as in its code."""
    at = _division(lower)
    return at is not None and lower[at + 2 : at + 3] in (["code"], ["systems"], ["models"])


def _division(lower: list[str]) -> int | None:
    return max((n for n, part in enumerate(lower) if part in ("closed", "open")), default=None)


def _task(parts: list[str]) -> tuple[int | None, str]:
    for at in range(len(parts) - 1, -1, -1):
        for model_id, names in TASKS.items():
            if parts[at].lower() in names:
                return at, model_id
    return None, ""


def _where(parts: list[str], task_at: int | None) -> tuple[str, str, str, str]:
    """Return round, division, submitter and system, each empty where the path does not say it."""
    lower = [part.lower() for part in parts]
    at = _division(lower)
    round_ = ""
    for part in parts[:at]:
        if found := _ROUND.search(part):
            round_ = found[1]
    if at is None:
        return round_, "", "", ""
    submitter = parts[at + 1] if at + 1 < len(parts) else ""
    end = task_at if task_at is not None else len(parts)
    system = "/".join(parts[at + 3 : end]) if lower[at + 2 : at + 3] == ["results"] else ""
    if task_at is not None and task_at + 2 < len(parts):  # open division: one task, several models
        system += "#" + "/".join(parts[task_at + 1 : -1])
    return round_, lower[at], submitter, system
