"""Read a TOML declaration into a frozen structure, or say exactly what is wrong with it."""

import difflib
import functools
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from .errors import DeclarationError, UsageError
from .expected import in_words, like
from .read import read_toml, read_toml_text

Name = Annotated[
    str,
    like(r"^[a-z0-9][a-z0-9-]*\Z", "a name of lower-case letters, digits and -"),
]
"""Becomes part of paths: lower-case letters, digits and hyphens."""


class Declaration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every declared thing: immutable, and no key it does not know."""


T = TypeVar("T", bound=Declaration)


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return a clause that suggests valid names: the nearest if one is near, else all of them."""
    names = sorted(set(valid))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.55)
    if close:
        return f"did you mean '{close[0]}'?"
    return "valid: " + ", ".join(names) if names else "there is none"


def load(path: Path, kind: type[T]) -> T:
    """Read one declaration file.

    Raises DeclarationError with the file, the key and the nearest valid key.
    """
    raw = read_toml(path, _parsed)
    _reject_unknown_keys(path, raw, _known_keys(kind), "")
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        key, text = in_words(error, kind, raw)
        raise DeclarationError(f"{path}: {f'key {key!r}: ' if key else ''}{text}") from error


@functools.lru_cache(maxsize=64)
def _parsed(text: str) -> dict[str, Any]:
    """Parse TOML, the same text once, as a thousand runs have it. What it gives is only read."""
    return read_toml_text(text)


def named(package: str, folder: str) -> dict[str, Path]:
    """Return the declarations in a folder of a tinybench package as {name: path}, sorted."""
    root = Path(str(files(f"tinybench.{package}"))) / folder
    changed_ns = root.stat().st_mtime_ns if root.is_dir() else 0
    return dict(_declarations(root, changed_ns))


@functools.cache
def _declarations(root: Path, changed_ns: int) -> list[tuple[str, Path]]:  # noqa: ARG001
    """Return the declarations in a folder as it was then; a thousand runs ask for the same."""
    return [(path.stem, path) for path in sorted(root.glob("*.toml"))]


def find(what: str, name: str, known: dict[str, Path]) -> Path:
    """Return the path of a declaration by its name, or by its path when it ends in .toml."""
    if name.endswith(".toml"):
        return Path(name)
    if name not in known:
        raise UsageError(f"there is no {what} '{name}': {nearest(name, known)}")
    return known[name]


def beside(path: Path, name: str) -> str:
    """Return a declaration's name as it is, and a .toml named in the file `path` as a path."""
    return str(path.parent / name) if name.endswith(".toml") else name


def fetched_or_packaged(
    path: Path, declared: Declaration, fetched: tuple[str, str], packaged: str
) -> None:
    """Raise DeclarationError unless it has both keys of what is fetched, or that of the package."""
    there = [getattr(declared, key) is not None for key in (*fetched, packaged)]
    if there not in ([True, True, False], [False, False, True]):
        kind = type(declared).__name__.lower()
        raise DeclarationError(
            f"{path}: a {kind} has either the keys '{fetched[0]}' and '{fetched[1]}', "
            f"or '{packaged}'"
        )


@functools.cache
def _known_keys(kind: type[Declaration]) -> msgspec.inspect.Type:
    """Return what a declaration of a kind may hold; it takes a millisecond to find out."""
    return msgspec.inspect.type_info(kind)


def _reject_unknown_keys(path: Path, raw: object, info: msgspec.inspect.Type, where: str) -> None:
    """Raise for the first key that `info` does not know, naming its nearest neighbour."""
    if isinstance(info, msgspec.inspect.UnionType):
        for option in info.types:
            if isinstance(option, msgspec.inspect.StructType):
                info = option
    if isinstance(info, msgspec.inspect.StructType) and isinstance(raw, dict):
        fields = {field.encode_name: field.type for field in info.fields}
        for key, value in raw.items():
            if key not in fields:
                raise DeclarationError(
                    f"{path}: unknown key '{where}{key}': {nearest(str(key), fields)}"
                )
            _reject_unknown_keys(path, value, fields[key], f"{where}{key}.")
    elif isinstance(info, msgspec.inspect.DictType) and isinstance(raw, dict):
        for key, value in raw.items():
            _reject_unknown_keys(path, value, info.value_type, f"{where}{key}.")
    elif isinstance(info, msgspec.inspect.ListType) and isinstance(raw, list):
        for index, item in enumerate(raw):
            _reject_unknown_keys(path, item, info.item_type, f"{where}{index}.")
