"""The folder of a study: what was asked, and each trial as soon as it is known."""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from tinybench.errors import OtherFolderError, RunFolderError, UsageError
from tinybench.files import DOCUMENT_MOST_B, lock_file, open_lines, read_bytes, write_whole
from tinybench.read import read_json

from ..results.asked import ASKED_FILE, open_asked

TRIALS_FILE, STUDY_FILE, DEALT_FILE = "trials.jsonl", "study.json", "part.json"
PARTS_SHOWN = 8


class Dealt(msgspec.Struct, frozen=True):
    """What a folder says that has no more than parts of a study."""

    parts: list[str]
    """Such as "2/4"."""
    tinybench: str


class Trial(msgspec.Struct, frozen=True, omit_defaults=True):
    """One measurement: which it is, and what came out."""

    part: str
    amount: float
    trial: int
    score: Annotated[float, msgspec.Meta(ge=0, le=1)]
    which: int = -1
    """Of the layers or the bits that are taken one by one."""
    equal: int | None = None
    """Inputs to which a board answered what this computer did; None where there was none."""
    missed: int | None = None
    false_alarms: int | None = None
    """Of a stream: words that were not found, and alarms without a word."""
    weights_sha256: str = ""
    """Of weights that were fitted, which another processor may round otherwise."""
    board: str = ""
    """Which one on a port did it, by its name on that desk, and its serial number or port; empty
    where it was gathered from elsewhere. It decides nothing."""


Key = tuple[str, float, int, int]


def key_of(one: Trial) -> Key:
    """Return what tells a trial from all others of its study."""
    return one.part, one.amount, one.which, one.trial


def chosen(option: str, words: Sequence[str], valid: Sequence[str]) -> list[str]:
    """Return the words of an option, each once. Raises UsageError for one that is none."""
    unknown = next((one for one in words if one not in valid), None)
    if unknown is not None:
        raise UsageError(f"{option} {unknown}: valid: {', '.join(valid)}")
    return list(dict.fromkeys(words))


def chosen_rates(rates: Sequence[float]) -> list[float]:
    """Return --rates in order, each once. Raises UsageError for two that are told alike."""
    found = sorted(set(rates))
    for rate, other in itertools.pairwise(found):
        if f"{rate:g}" == f"{other:g}":
            raise UsageError(
                f"--rates {rate!r} and {other!r} are both told as {rate:g}: leave one of them out"
            )
    return found


@contextlib.contextmanager
def open_study(
    folder: Path, asked: msgspec.Struct, part: str = ""
) -> Iterator[tuple[dict[Key, Trial], Callable[[Trial], None]]]:
    """Make the folder of a study, or open that of one that was interrupted.

    `part`: no more than this is done here, and the folder says so. Yields the trials that are
    known, and what keeps another one. Raises RunFolderError where the folder is another study's,
    cannot be written, or has another process at work in it.
    """
    try:
        open_asked(folder, asked, "study")
        with contextlib.closing(open_lines(folder / TRIALS_FILE)) as file:
            lock_study(folder, file.fileno())
            if part and not (folder / STUDY_FILE).exists():
                before = dealt(folder)
                parts = dict.fromkeys([*(before.parts if before else ()), part])
                write_whole(
                    folder / DEALT_FILE,
                    msgspec.json.encode(Dealt(list(parts), version("tinybench-mcu"))),
                )
            known = read_trials(folder)

            def keep(trial: Trial) -> None:
                file.write(msgspec.json.encode(trial) + b"\n")

            yield known, keep
    except OSError as error:
        raise RunFolderError(
            f"cannot keep the study in {folder}: {error.strerror or error}; what it has stays: ask "
            "for the same again once it can be written, or give -o another folder"
        ) from error


def lock_study(folder: Path, file: int) -> None:
    """Lock an open file for this process. Raises RunFolderError when another one has it."""
    try:
        lock_file(file)
    except BlockingIOError:
        raise RunFolderError(
            f"{folder}: another tinybench is at work in this study: let it finish, or give -o a "
            "new folder"
        ) from None


def read_trials(folder: Path) -> dict[Key, Trial]:
    """Return the trials of a study's folder; of a last line that was never finished nothing.

    Raises RunFolderError, OSError.
    """
    path = folder / TRIALS_FILE
    try:
        *lines, _ = read_bytes(path, DOCUMENT_MOST_B, links=False).split(b"\n")
    except FileNotFoundError:
        return {}
    try:
        found = [read_json(line, type=Trial) for line in lines]
    except msgspec.MsgspecError as error:
        raise OtherFolderError(
            f"{path}: a line is no trial: {error}; give -o a new folder"
        ) from None
    return {key_of(one): one for one in found}


T = TypeVar("T", bound=msgspec.Struct)


def kept_part(path: Path, kind: type[T]) -> T | None:
    """Return a part of a study that is done already; None if not. Raises RunFolderError."""
    try:
        return read_json(read_bytes(path, DOCUMENT_MOST_B, links=False), type=kind)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunFolderError(
            f"{path}: cannot be read: {error.strerror or error}; give -o a new folder"
        ) from error
    except msgspec.MsgspecError as error:
        raise OtherFolderError(f"{path}: cannot be read: {error}; give -o a new folder") from error


def keep_part(path: Path, part: T) -> T:
    """Keep a part of a study, and return it. Raises RunFolderError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, msgspec.json.encode(part))
    except OSError as error:
        raise _unwritten(path.parent, error) from error
    return part


class _Named(msgspec.Struct, frozen=True):
    study: str


class _Asked(msgspec.Struct, frozen=True):
    asked: _Named


def kind_of(folder: Path) -> str:
    """Return which study a folder holds. Raises RunFolderError."""
    return read_study(folder, _Asked).asked.study


def read_study(folder: Path, kind: type[T]) -> T:
    """Return the document of a finished study. Raises RunFolderError.

    `RENAMED` of a kind: fields that were called otherwise once, and what they are called now.
    """
    path = folder / STUDY_FILE
    try:
        data = read_bytes(path, DOCUMENT_MOST_B, links=False)
        for before, now in getattr(kind, "RENAMED", {}).items():
            data = data.replace(f'"{before}":'.encode(), f'"{now}":'.encode())
        return read_json(data, type=kind)
    except OSError as error:
        raise RunFolderError(
            f"{path}: cannot be read: {error.strerror or error}{_instead(folder)}"
        ) from error
    except msgspec.MsgspecError as error:
        raise RunFolderError(f"{path}: no study of this kind: {error}") from error


def _instead(folder: Path) -> str:
    """Return what a folder without the document of a study has, and what to do with it."""
    found = dealt(folder)
    if found is not None:
        return f"; the folder has {of_parts(found)}"
    if (folder / ASKED_FILE).is_file():
        return "; it was interrupted: ask for the same again"
    return (
        "; name the folder of a study, its -o: 'tinybench results FOLDER --studies' lists those "
        "below a folder"
    )


def dealt(folder: Path) -> Dealt | None:
    """Return of which parts of a study a folder says that it has no more; None of any other."""
    try:
        return read_json(read_bytes(folder / DEALT_FILE, DOCUMENT_MOST_B, links=False), type=Dealt)
    except (OSError, msgspec.MsgspecError):
        return None


def of_parts(found: Dealt) -> str:
    """Return what such a folder has, and what to do with it."""
    some = ", ".join(one[:12] for one in found.parts[:PARTS_SHOWN])
    more = ", ..." if len(found.parts) > PARTS_SHOWN else ""
    return (
        f"part {some}{more} of a study: ask for the study with --gather and each folder of its "
        "parts"
    )


def store_study(folder: Path, document: msgspec.Struct) -> None:
    """Write the document of a study, of which the folder has all now. Raises RunFolderError."""
    text = msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
    try:
        write_whole(folder / STUDY_FILE, text)
        (folder / DEALT_FILE).unlink(missing_ok=True)
    except OSError as error:
        raise _unwritten(folder, error) from error


def _unwritten(folder: Path, error: OSError) -> RunFolderError:
    return RunFolderError(
        f"cannot write into {folder}: {error.strerror or error}; what is measured stays: ask for "
        "the same again once it can be written"
    )
