"""What a study is of, by its declared name and by what its files hold: no path of this computer."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from tinybench.errors import DeclarationError, UsageError
from tinybench.files import STREAM_MOST_B, is_there, open_regular
from tinybench.read import read_toml

from ..build.board import load_board
from ..build.task import load_task
from ..desk.bench import find_bench, load_bench

BESIDE = ("file", "archive", "checksums")
"""Keys of a declaration that name a file beside it, which is none."""
FILES_MOST = 64
"""Declarations that one may name, and these."""


class Declared(msgspec.Struct, frozen=True):
    """A board or a task."""

    name: str
    sha256: str = ""
    """Of what a file of one's own says; empty where the package has it."""


def kind_here(name: str) -> str:
    """Return the kind of a board that may be called by its name on this desk.

    A study is asked for by kind: whichever board of a desk, or of another one, goes on with it.
    """
    desk = load_bench(find_bench()).boards.get(name)
    return desk.board if desk else name


def board_asked(name: str) -> Declared:
    """Return which board is meant by a name, by that of this desk, or by a .toml file.

    The same file is the same board, wherever it lies. Raises UsageError, DeclarationError.
    """
    kind = kind_here(name)
    return Declared(load_board(kind).name, toml_sha256(kind)) if _is_own(kind) else Declared(kind)


def task_asked(name: str) -> Declared:
    """Return which task is meant by a name, or by a .toml file. Raises as `board_asked`."""
    return Declared(load_task(name).name, toml_sha256(name)) if _is_own(name) else Declared(name)


def toml_sha256(name: str) -> str:
    """Return a SHA-256 of what a declaration says, and of what is in the files that it names.

    How it is written, and where files lie, changes nothing. Empty for a name of the package.
    Raises DeclarationError, UsageError.
    """
    return _said(Path(name), {}) if _is_own(name) else ""


def contents(path: Path) -> str:
    """Return a SHA-256 of a file, or of a folder's files and their names; of a .toml as above.

    Raises UsageError, DeclarationError.
    """
    if _is_own(str(path)):
        return f"sha256:{toml_sha256(str(path))}"
    digest = hashlib.sha256()
    try:
        files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        for one in files:
            own = bytes.fromhex(_sha256(one))
            digest.update(one.relative_to(path).as_posix().encode() + b"\0" + own)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    return f"sha256:{digest.hexdigest()}"


def _is_own(name: str) -> bool:
    return name.endswith(".toml")


def _sha256(path: Path) -> str:
    with open_regular(path, STREAM_MOST_B) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _said(path: Path, known: dict[Path, str]) -> str:
    """Return the SHA-256 of a declaration; `known`: those that were looked at, each once."""
    place = path.resolve()
    if place not in known:
        if len(known) == FILES_MOST:
            raise DeclarationError(f"{path}: more than {FILES_MOST} files name each other")
        known[place] = ""  # of one that names itself
        whole = _with_files(read_toml(path), "", path.parent, known)
        known[place] = hashlib.sha256(msgspec.json.encode(whole, order="sorted")).hexdigest()
    return known[place]


def _with_files(value: Any, key: str, folder: Path, known: dict[Path, str]) -> Any:
    """Return a value with what a file holds instead of its name; one that is not there keeps it."""
    if isinstance(value, dict):
        return {name: _with_files(one, name, folder, known) for name, one in value.items()}
    if isinstance(value, list):
        return [_with_files(one, key, folder, known) for one in value]
    own = isinstance(value, str) and _is_own(value)
    if not own and not (isinstance(value, str) and key in BESIDE):
        return value
    path = folder / value
    if not is_there(path):
        return value
    return _said(path, known) if own else contents(path)
