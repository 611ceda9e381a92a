"""What studies of a lab have found: their rows, read once from folders that workers sent."""

import threading
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from tinybench.errors import RunFolderError

from ...study.kept import STUDY_FILE, dealt, kind_of, of_parts, read_study
from ...study.listed import KINDS, StudyRow, rows_of
from ..store import Row

ROWS_MOST = 500
"""Of one study; its document has all of them."""
WHY_MOST = 500


class Study(msgspec.Struct, frozen=True):
    """What is known of the folder of a study."""

    rows: list[StudyRow] = []
    count: int = 0
    """Of its rows, of which some may be left out."""
    why: str | None = None
    """Why there are none."""


class Studied:
    """The studies of a lab; each is read once, and kept while the lab is served."""

    def __init__(self, runs: Path) -> None:
        """`runs`: the folder of their folders; none of them ever changes."""
        self._runs = runs
        self._known: dict[str, Study] = {}
        self._lock = threading.Lock()

    def of(self, name: str) -> Study:
        """Return what the study in a folder has found."""
        with self._lock:
            if name not in self._known:
                self._known[name] = _read(self._runs / name)
            return self._known[name]


def _read(folder: Path) -> Study:
    part = dealt(folder)
    if part is not None and not (folder / STUDY_FILE).exists():
        return Study(why=of_parts(part)[:WHY_MOST])
    try:
        rows = rows_of(folder)
    except RunFolderError as error:
        return Study(why=str(error).replace(str(folder), folder.name)[:WHY_MOST])
    kept = [msgspec.structs.replace(row, folder="") for row in rows[:ROWS_MOST]]
    return Study(kept, len(rows))


def text_of(folder: Path) -> str:
    """Return the study in a folder as Markdown. Raises RunFolderError for one that has no sense."""
    kind = kind_of(folder)
    if kind not in KINDS:
        raise RunFolderError(f"{folder.name}: no study of this version: '{kind[:40]}'")
    document = read_study(folder, KINDS[kind][0])
    report = import_module(f"tinybench.runner.report.study.{kind}")
    try:
        return report.markdown(document)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise RunFolderError(
            f"{folder.name}: what its study says does not belong together: {error}"
        ) from None


def of(studied: Studied, row: Row) -> Study | None:
    """Return what the study of a job has found; None of a job that is none, or has not ended."""
    if row.job.study is None or row.folder is None:
        return None
    return studied.of(row.folder)


def told(studied: Studied, row: Row) -> dict[str, Any] | None:
    """Return that as plain data."""
    found = of(studied, row)
    return None if found is None else msgspec.to_builtins(found)
