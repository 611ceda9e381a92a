"""The journal of a run: what was asked and what was measured, on disk as soon as it is known."""

import os
from pathlib import Path

import msgspec

from tinybench.errors import RunFolderError
from tinybench.files import DOCUMENT_MOST_B, read_bytes
from tinybench.json_lines import open_lines
from tinybench.read import read_json

from .request import Request
from .result import Answer, Energy, FloatModel, Step, Window

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
    answer: Answer | None = None
    window: Window | None = None
    energy: Energy | None = None


class Journal:
    """A journal that is written; a context manager. Only one process at a time can have it."""

    def __init__(self, folder: Path) -> None:
        """Open the journal of a run folder; cuts off a line that was not finished.

        Raises RunFolderError when it cannot be written, or another process writes it.
        """
        self._path = folder / JOURNAL_FILE
        try:
            self._file = open_lines(self._path)
            _lock(self._file.fileno())
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
        lines = read_bytes(path, DOCUMENT_MOST_B, links=False).split(b"\n")[:-1]
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


def _lock(file: int) -> None:
    """Lock an open file for this process. Raises BlockingIOError when another one has it."""
    if os.name == "posix":
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _path(kind: type, text: object) -> Path:
    """Return a path of a request, which is the one thing in it that JSON has not."""
    if kind is not Path or not isinstance(text, str):
        raise NotImplementedError(kind)
    return Path(text)
