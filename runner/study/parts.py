"""A study dealt out over computers: what is whose share, and the folders of all parts gathered.

A part keeps in its folder what an interrupted study would. Folders to gather are others': nothing
in them is followed, run or believed to be of this study before it is looked at.
"""

import hashlib
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from tinybench.errors import RunFolderError, UsageError
from tinybench.files import (
    DOCUMENT_MOST_B,
    STREAM_MOST_B,
    is_file_name,
    is_partial,
    open_lines,
    open_regular,
    read_bytes,
    write_whole,
)
from tinybench.read import read_json

from ..results.asked import ASKED_FILE, difference, open_asked
from ..results.journal import JOURNAL_FILE
from ..results.result import RESULT_FILE, read_result
from .asking.options import PARTS_MOST
from .kept import TRIALS_FILE, Key, Trial, dealt, lock_study, read_trials

TRIALS_MOST = 1_000_000
FILES_MOST, DEEP_MOST = 100_000, 8
"""Of what is copied at a time, and of folders in each other."""
"""Characters of what was asked for, in a message."""
_PART = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})")
_CHUNK_B = 1 << 20
T = TypeVar("T")


class Part(msgspec.Struct, frozen=True):
    """One of so many equal shares of a study."""

    which: int
    count: int

    def __str__(self) -> str:
        """Return it as it is asked for."""
        return f"{self.which}/{self.count}"


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What a part of a study came to."""

    study: str
    part: str
    done: dict[str, int]
    """How many of what the folder has now of this part."""
    same: bool
    """Whether no board answered otherwise than the same C on its computer."""

    def __str__(self) -> str:
        """Return it in words."""
        return ", ".join(f"{count} {what}" for what, count in self.done.items())


@dataclass(frozen=True)
class Pieces:
    """The files that a kind of study keeps, one for each thing that is done."""

    names: str
    """Regular expression of their names, without .json."""
    kind: type[msgspec.Struct]
    beside: tuple[str, ...] = ()
    """What belongs to one, "{}" being its name: files or folders."""
    under: str = "."
    """In which folder of the study all of it is."""
    fits: Callable[[str, Any], bool] = lambda _name, _piece: True
    """Whether one, by its name, can be of the study that is gathered."""
    more: tuple["Pieces", ...] = ()
    """Of other kinds, in other folders."""


class Gathered(msgspec.Struct, frozen=True):
    """What was taken over from other folders."""

    trials: int
    pieces: int


@dataclass(frozen=True)
class _Piece:
    """A kept file in the folder of a part, and the files to copy before it."""

    folder: Path
    path: Path
    """Within the folder."""
    digest: bytes
    size_b: int
    things: tuple[tuple[Path, tuple[Path, ...]], ...]
    """Files or folders within the folder, each with the files in it."""


def part_of(text: str) -> Part:
    """Return the part of "2/4". Raises UsageError."""
    found = _PART.fullmatch(text)
    part = Part(int(found[1]), int(found[2])) if found else Part(0, 0)
    if not 1 <= part.which <= part.count <= PARTS_MOST:
        raise UsageError(
            f"'{text[:40]}' is no part such as 2/4, the second of four; at most {PARTS_MOST}"
        )
    return part


def share(items: Iterable[T], part: Part | None) -> list[T]:
    """Return what a part has of items: each is in one part, all are about equal; of None all."""
    every = list(items)
    return every if part is None else every[part.which - 1 :: part.count]


def gather(
    into: Path, folders: Sequence[Path], asked: msgspec.Struct, pieces: Pieces
) -> tuple[Gathered, list[str]]:
    """Take over what folders have of the study `asked`, and return how much, and what to say of it.

    All is looked at before anything is written. A piece is there whole or not at all, behind what
    belongs to it, so that what was interrupted is asked for again. Raises UsageError for the
    study's own folder, RunFolderError for a folder of another study, for a piece or a trial that
    two folders have otherwise, and for what is no regular file, or too much.
    """
    folders = list(dict.fromkeys(folders))
    if len(folders) > PARTS_MOST:
        raise UsageError(f"--gather: {len(folders)} folders; at most {PARTS_MOST}")
    for folder in folders:
        if folder.resolve() == into.resolve():
            raise UsageError(f"--gather {folder}: that is the folder of the study itself (-o)")
        _insist_same(folder, asked)
    try:
        if _is_there(into / ASKED_FILE):
            open_asked(into, asked, "study")
        trials = _joined([into, *folders])
        found = _listed([into, *folders], pieces)
        said = [words for folder in folders if (words := _of_version(folder))]
        open_asked(into, asked, "study")
        with closing(open_lines(into / TRIALS_FILE)) as file:
            lock_study(into, file.fileno())
            new = [one for one in found if not _is_there(into / one.path)]
            for one in new:
                _take(one, into)
            known = read_trials(into)
            # Which board: two desks may have one by the same name, at the same port.
            more = [replace(one, board="") for key, (one, _) in trials.items() if key not in known]
            for one in more:
                file.write(msgspec.json.encode(one) + b"\n")
    except OSError as error:
        raise RunFolderError(
            f"cannot gather into {into}: {error.strerror or error}; what it has stays: ask for the "
            "same again once it can be written"
        ) from error
    return Gathered(len(more), len(new)), said


def held(folder: Path, pieces: Pieces) -> tuple[int, int]:
    """Return how many bytes of trials, and how many pieces, the folder of a study has.

    Raises RunFolderError.
    """
    path = folder / TRIALS_FILE
    try:
        trials_b = path.lstat().st_size if path.exists() else 0
        every = (pieces, *pieces.more)
        return trials_b, sum(1 for one in every for _ in names_of(folder, one))
    except OSError as error:
        raise RunFolderError(f"{folder}: cannot be read: {error.strerror or error}") from error


def _insist_same(folder: Path, asked: msgspec.Struct) -> None:
    """Raise RunFolderError, which names what differs, for the folder of another study."""
    path = folder / ASKED_FILE
    try:
        there = read_json(read_bytes(path, DOCUMENT_MOST_B, links=False))
    except (OSError, msgspec.MsgspecError) as error:
        why = getattr(error, "strerror", None) or error
        raise RunFolderError(
            f"{path}: cannot be read: {why}; --gather takes the folder of a study, such as of "
            "--part 1/2"
        ) from error
    here = read_json(msgspec.json.encode(asked))
    if there == here:
        return
    raise RunFolderError(
        f"{folder} is of another study: {difference(there, here)}; ask for the same, or leave it "
        "out"
    )


def _of_version(folder: Path) -> str | None:
    """Return what to say of a part that another tinybench did."""
    found, own = dealt(folder), version("tinybench-mcu")
    if found is None or found.tinybench == own:
        return None
    return f"{folder} was done by tinybench {found.tinybench[:40]}, and this is {own}"


def _joined(folders: Sequence[Path]) -> dict[Key, tuple[Trial, Path]]:
    """Return all trials, each with a folder that has it."""
    found = dict[Key, tuple[Trial, Path]]()
    for folder in folders:
        for key, one in read_trials(folder).items():
            before, where = found.setdefault(key, (one, folder))
            if replace(before, board=one.board) != one:
                raise RunFolderError(
                    f"trial {one.trial} of {one.part[:40]} {one.amount:g} has {before.score:g} in "
                    f"{where} and {one.score:g} in {folder}, or its board answered otherwise: "
                    "leave one of them out"
                )
        if len(found) > TRIALS_MOST:
            raise RunFolderError(f"{folder}: more than {TRIALS_MOST} trials in all")
    return found


def _listed(folders: Sequence[Path], pieces: Pieces) -> list[_Piece]:
    """Return all pieces, each from the first folder that has it."""
    found, count, size_b = dict[Path, _Piece](), 0, 0
    for folder in folders:
        named = [(name, kind) for kind in (pieces, *pieces.more) for name in names_of(folder, kind)]
        for name, kind in named:
            one = _piece(folder, name, kind)
            before = found.setdefault(one.path, one)
            if before.digest != one.digest:
                raise RunFolderError(
                    f"{one.path} stands in {before.folder} and in {folder} with other figures: "
                    "leave one of them out"
                )
            if before is one:
                files = [folder / file for _, files in one.things for file in files]
                count += 1 + len(files)
                size_b += one.size_b + sum(file.lstat().st_size for file in files)
                if count > FILES_MOST or size_b > STREAM_MOST_B:
                    raise RunFolderError(
                        f"{folder / one.path}, with what belongs to it, is more than the "
                        f"{FILES_MOST} files or {STREAM_MOST_B} bytes that are gathered at most: "
                        f"remove what is not of the study from {folder}, or leave that out"
                    )
    return list(found.values())


def names_of(folder: Path, pieces: Pieces) -> Iterator[str]:
    """Yield the names of the pieces of a folder. Raises RunFolderError."""
    _insist_own(folder, Path(pieces.under) / "any")
    own = folder / pieces.under
    if not _is_there(own):
        return
    pattern = re.compile(rf"({pieces.names})\.json")
    for entry in sorted(own.iterdir()):
        if found := pattern.fullmatch(entry.name):
            yield found[1]


def _piece(folder: Path, name: str, pieces: Pieces) -> _Piece:
    """Return a piece, looked at. Raises RunFolderError, OSError."""
    path = Path(pieces.under) / f"{name}.json"
    data = read_bytes(folder / path, DOCUMENT_MOST_B, links=False)
    try:
        found = read_json(data, type=pieces.kind)
    except msgspec.MsgspecError as error:
        raise RunFolderError(f"{folder / path}: cannot be read: {error}; remove it") from error
    if not pieces.fits(name, found):
        raise RunFolderError(
            f"{folder / path} cannot be of this study, which has others: remove it, or leave "
            f"{folder} out"
        )
    things = list[tuple[Path, tuple[Path, ...]]]()
    for text in pieces.beside:
        thing = Path(pieces.under) / text.format(name)
        _insist_own(folder, thing)
        if _done(folder / thing) and (files := tuple(_files(folder, thing))):
            things.append((thing, files))
    return _Piece(folder, path, hashlib.sha256(data).digest(), len(data), tuple(things))


def _mode(path: Path) -> int:
    """Return what a path is; 0 where nothing is. A link is a link."""
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return 0


def _is_there(path: Path) -> bool:
    return _mode(path) != 0


def _insist_own(folder: Path, path: Path) -> None:
    """Raise RunFolderError where what leads to a path within a folder is no folder in it."""
    for above in [one for one in path.parents if one != Path()]:
        mode = _mode(folder / above)
        if mode and not stat.S_ISDIR(mode):
            raise RunFolderError(f"{folder / above}: a link, or no folder; nothing is gathered")


def _done(path: Path) -> bool:
    """Return whether something is there, and no run that was left half done.

    Such a run would be gone on with, by what its folder says.
    """
    if not _is_there(path):
        return False
    if not stat.S_ISDIR(_mode(path)) or not _is_there(path / JOURNAL_FILE):
        return True
    return _is_there(path / RESULT_FILE) and read_result(path).complete


def _files(root: Path, path: Path, deep: int = 0) -> Iterator[Path]:
    """Yield the files of a thing within a folder. Raises RunFolderError for any that is odd."""
    mode = _mode(root / path)
    if stat.S_ISREG(mode):
        yield path
        return
    if not stat.S_ISDIR(mode) or deep > DEEP_MOST:
        why = "folders in each other" if stat.S_ISDIR(mode) else "a link, or no regular file"
        raise RunFolderError(f"{root / path}: {why}; nothing of it is gathered")
    for entry in sorted((root / path).iterdir()):
        if not is_file_name(entry.name):
            raise RunFolderError(f"{root / path}: {entry.name[:40]!r} is no name of a file")
        if not is_partial(entry.name):
            yield from _files(root, path / entry.name, deep + 1)


def _take(one: _Piece, into: Path) -> None:
    """Copy a piece, last of all that belongs to it. Raises RunFolderError, OSError."""
    for thing, files in one.things:
        target = into / thing
        _insist_own(into, thing)
        if _is_there(target):
            _insist_equal(one.folder, files, into, thing)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(target.name + ".partial")
        _remove(partial)
        try:
            for file in files:
                _copy(one.folder / file, partial / file.relative_to(thing))
            partial.rename(target)
        except BaseException:
            _remove(partial)
            raise
    (into / one.path).parent.mkdir(parents=True, exist_ok=True)
    write_whole(into / one.path, read_bytes(one.folder / one.path, DOCUMENT_MOST_B, links=False))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with open_regular(source, STREAM_MOST_B, links=False) as file, target.open("xb") as out:
        shutil.copyfileobj(file, out, _CHUNK_B)


def _remove(path: Path) -> None:
    """Remove what an interrupted copy left."""
    if stat.S_ISDIR(_mode(path)):
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _insist_equal(folder: Path, files: Sequence[Path], into: Path, thing: Path) -> None:
    """Raise RunFolderError where what is there already is not the same, file by file."""
    there = tuple(_files(into, thing))
    if there != tuple(files) or not all(_equal(folder / one, into / one) for one in files):
        raise RunFolderError(
            f"{thing} stands in {into} and in {folder}, and differs: it was begun in both; remove "
            "one of them"
        )


def _equal(one: Path, other: Path) -> bool:
    with (
        open_regular(one, STREAM_MOST_B, links=False) as first,
        open_regular(other, STREAM_MOST_B, links=False) as second,
    ):
        if os.fstat(first.fileno()).st_size != os.fstat(second.fileno()).st_size:
            return False
        while data := first.read(_CHUNK_B):
            if second.read(_CHUNK_B) != data:
                return False
    return True
