"""The journal of a run: what was asked and what was measured, on disk as soon as it is known."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tinybench.errors import RunFolderError
from tinybench.files import WHOLE_MOST_B, lock_file, open_lines, open_regular, read_bytes
from tinybench.read import read_json

from .request import Request
from .result import Answer, Energy, FloatModel, Reference, Step, Window
from .scenario import Query
from .scenario.queries import Queries
from .stream import Streamed

JOURNAL_FILE = "journal.jsonl"
FORMAT = 1


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The first line: the run, and the hashes of all that decides its result."""

    format: int = FORMAT
    tinybench: str
    started_at: str
    asked: Request
    sha256: dict[str, str]
    """Of "firmware", "model", "dataset" and "rules"."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line; exactly one field is set."""

    run: Head | None = None
    dut: str | None = None
    """Who answered the handshake, in its own words."""
    resumed_at: str | None = None
    step: Step | None = None
    float_model: FloatModel | None = None
    reference: Reference | None = None
    answer: Answer | None = None
    window: Window | None = None
    query: Query | None = None
    stream: Streamed | None = None
    energy: Energy | None = None
    ended: dict[str, Any] | None = None
    """What of the result nothing else in the journal says: see `recorded`."""


@dataclass(frozen=True)
class Noted:
    """What a journal holds, taken together: of what was measured twice, the last counts."""

    answers: dict[str, Answer]
    """By the name of the input."""
    windows: list[Window]
    """In the order of their inputs: each is on another one."""
    queries: Queries
    stream: Streamed | None
    energy: Energy | None
    float_model: FloatModel | None
    reference: Reference | None
    steps: list[Step]
    resumed: int
    duts: list[str]
    """Who answered the handshakes."""
    ended: dict[str, Any] | None


def noted(entries: Iterable[Entry]) -> Noted:
    """Take the entries of a journal together."""
    entries = list(entries)
    windows = {entry.window.input: entry.window for entry in entries if entry.window}
    return Noted(
        answers={entry.answer.input: entry.answer for entry in entries if entry.answer},
        windows=list(windows.values()),
        queries=Queries(entry.query for entry in entries if entry.query),
        stream=next((entry.stream for entry in reversed(entries) if entry.stream), None),
        energy=next((entry.energy for entry in reversed(entries) if entry.energy), None),
        float_model=next((one.float_model for one in reversed(entries) if one.float_model), None),
        reference=next((one.reference for one in reversed(entries) if one.reference), None),
        steps=[entry.step for entry in entries if entry.step],
        resumed=sum(entry.resumed_at is not None for entry in entries),
        duts=[entry.dut for entry in entries if entry.dut is not None],
        ended=next((entry.ended for entry in reversed(entries) if entry.ended is not None), None),
    )


class Journal:
    """A journal that is written; a context manager. Only one process at a time can have it."""

    def __init__(self, folder: Path) -> None:
        """Open the journal of a run folder; cuts off a line that was not finished.

        Raises RunFolderError when it cannot be written, or another process writes it.
        """
        self._path = folder / JOURNAL_FILE
        try:
            self._file = open_lines(self._path)
            lock_file(self._file.fileno())
        except BlockingIOError:
            raise RunFolderError(
                f"{folder}: another tinybench is writing into this run; let it finish"
            ) from None
        except OSError as error:
            raise RunFolderError(f"cannot write {self._path}: {error}") from error

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, entry: Entry) -> None:
        """Write one line. Raises RunFolderError when the disk refuses."""
        try:
            self._file.write(msgspec.json.encode(entry, enc_hook=str) + b"\n")
        except OSError as error:
            raise RunFolderError(f"cannot write {self._path}: {error}") from error


def create(folder: Path) -> None:
    """Make the journal; of two runs that want the same folder, only one gets it.

    Raises FileExistsError or OSError.
    """
    (folder / JOURNAL_FILE).open("x").close()


def read(folder: Path) -> tuple[Head, list[Entry]]:
    """Return the head of a run's journal and what follows it.

    A last line without an end, as a crash leaves it, is no entry. Raises RunFolderError when there
    is no journal, or one that is damaged or of another version.
    """
    path = folder / JOURNAL_FILE
    try:
        lines = read_bytes(path, WHOLE_MOST_B, links=False).split(b"\n")[:-1]
    except OSError as error:
        raise RunFolderError(f"{path}: there is no run to go on with: {error.strerror}") from error
    entries = []
    for number, line in enumerate(lines, start=1):
        try:
            entries.append(read_json(line, type=Entry, dec_hook=_path))
        except msgspec.MsgspecError as error:
            raise RunFolderError(f"{path}:{number}: damaged: {error}") from error
    if not entries or (head := entries[0].run) is None:
        raise RunFolderError(f"{path}: it does not begin with a run; start a new one")
    if head.format != FORMAT:
        raise RunFolderError(
            f"{path}: written in format {head.format} by tinybench {head.tinybench}; this version "
            f"goes on with format {FORMAT} only"
        )
    return head, entries[1:]


def head_sha256(folder: Path) -> str:
    """Return the SHA-256 of a journal's first line, as it was written. Raises RunFolderError."""
    path = folder / JOURNAL_FILE
    try:
        with open_regular(path, WHOLE_MOST_B, links=False) as file:
            return hashlib.sha256(file.readline()).hexdigest()
    except OSError as error:
        raise RunFolderError(f"cannot read the journal {path}: {error}") from error


def _path(kind: type, text: object) -> Path:
    """Return a path of a request, which is the one thing in it that JSON has not."""
    if kind is not Path or not isinstance(text, str):
        raise TypeError(f"{text!r} is no path")
    return Path(text)
