"""The source tree of an engine: whether it is whole, what of it is compiled, its version."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from tinybench.errors import UsageError
from tinybench.files import DOCUMENT_MOST_B, open_regular, read_text

from ..results.provenance import git
from .engine import Origin
from .recipe import Recipe

FILES_MOST = 20_000
NAME = re.compile(r"[A-Za-z0-9_./+,@=~-]+")
"""Paths that make and the compiler take as they are."""
_ADD = re.compile(r"\bTfLiteStatus\s+Add([A-Za-z0-9]{1,60})\s*\(")
_BUILTIN = re.compile(r"\bBuiltinOperator_([A-Z0-9_]{1,60})\b")
_CUSTOM = re.compile(r'\bAddCustom\(\s*"([A-Za-z0-9_]{1,60})"')
_ELSEWHERE = re.compile(r"\btflm_signal::|\bethos", re.IGNORECASE)
"""Operators whose sources are none of a recipe's."""


@dataclass(frozen=True)
class Unit:
    """One file that is compiled."""

    path: Path
    optimisation: str


@dataclass(frozen=True)
class Tree:
    """A source tree."""

    folder: Path
    units: tuple[Unit, ...]
    include: tuple[Path, ...]
    operators: dict[str, str]
    """Name of an operator in a model, and that of the function that adds it, without the Add; of a
    library, kernels of ours and the function in place of each."""
    version: str
    sha256: str
    """Over all that is compiled or may be included, with the names in the tree."""


def read_tree(recipe: Recipe, folder: Path) -> Tree:
    """Return what is built of the tree in a folder.

    Raises UsageError where it is none, an old one or half of one, with what to do.
    """
    folder = folder.resolve()
    said = f"the source tree of {recipe.title} in {folder}"
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder; to have one: {recipe.fetch}")
    if not NAME.fullmatch(str(folder)):
        raise UsageError(f"{said}: make cannot handle its path; link or move it to a plain one")
    if recipe.mark and not (folder / recipe.mark).is_file():
        raise UsageError(
            f"{folder}: no source tree of {recipe.title}, for it has no {recipe.mark}; give the "
            f"folder that holds that. To have one: {recipe.fetch}"
        )
    try:
        if recipe.mark and recipe.needs not in _text(folder / recipe.mark):
            raise UsageError(
                f"{said} is of a version that is not known here: {recipe.mark} lacks "
                f"'{recipe.needs}'; take a newer one: {recipe.fetch}"
            )
        parts = _parts(recipe, folder, said)
        units = tuple(_units(recipe, folder, parts, said))
        include = tuple(place / i for n, place in parts.items() for i in recipe.parts[n].include)
        include = (folder, *include) if recipe.mark else include
        if recipe.resolver and not (folder / recipe.resolver).is_file():
            raise UsageError(_not_whole(recipe, said, f"it has no {recipe.resolver}"))
        files = {unit.path.stem for unit in units}
        operators = {kernel: name for kernel, name in recipe.calls.items() if name in files}
        lacks = [recipe.calls[kernel] for kernel in recipe.must if kernel not in operators]
        if lacks:
            why = f"nothing in it is {'.c, '.join(lacks)}.c; without, it would be our kernels alone"
            raise UsageError(_not_whole(recipe, said, why))
        if recipe.resolver:
            operators = added_by(_text(folder / recipe.resolver))
        version = _version(recipe, folder, parts)
        sha256 = _digest(folder, units, include)
    except OSError as error:
        raise UsageError(f"{said} cannot be read: {error}") from error
    return Tree(folder, units, include, operators, version or f"tree {sha256[:12]}", sha256)


def origin_of(recipe: Recipe, tree: Tree) -> Origin:
    """Return how a tree is spoken of where it does not compile."""
    return Origin(
        f"engine {recipe.name}: the source tree of {recipe.title} in {tree.folder} "
        f"({tree.version})",
        f"Known to fit: {recipe.known}. To have one: {recipe.fetch}",
    )


def added_by(resolver: str) -> dict[str, str]:
    """Return the operators that an op resolver's header can add, by their names in a model."""
    found: dict[str, str] = {}
    pieces = _ADD.split(resolver)[1:]  # a name, what is up to the next, a name, ...
    for name, body in zip(pieces[::2], pieces[1::2], strict=True):
        if _ELSEWHERE.search(body):
            continue
        if custom := _CUSTOM.search(body):
            found[f"CUSTOM '{custom[1]}'"] = name
        elif builtin := _BUILTIN.search(body):
            found.setdefault(builtin[1], name)
    found.pop("CUSTOM", None)
    return found


def _parts(recipe: Recipe, folder: Path, said: str) -> dict[str, Path]:
    """Return where each part lies; raises UsageError that names all that are missing."""
    found: dict[str, Path] = {}
    for name, part in recipe.parts.items():
        places = (folder / place for place in part.places)
        there = next((place for place in places if (place / part.mark).is_file()), None)
        if there is not None:
            found[name] = there
    lost = [name for name, part in recipe.parts.items() if not (name in found or part.optional)]
    if lost and recipe.mark is None:
        part = recipe.parts[lost[0]]
        raise UsageError(
            f"{folder}: no source tree of {recipe.title}, for {part.mark} is neither there nor in "
            f"any of {', '.join(part.places[1:])}. To have one: {recipe.fetch}"
        )
    if lost:
        raise UsageError(
            f"{said} lacks {', '.join(lost)}, which it fetches for itself, as "
            f"{recipe.parts[lost[0]].places[0]} and the like. To have all of it: {recipe.fetch}"
        )
    return found


def _units(recipe: Recipe, folder: Path, parts: dict[str, Path], said: str) -> Iterator[Unit]:
    replaced = {}
    if recipe.instead is not None:
        replaced = {path.name: path for path in (folder / recipe.instead).glob("*.cc")}
        if not replaced:
            raise UsageError(_not_whole(recipe, said, f"there is nothing in {recipe.instead}"))
    for sources in recipe.sources:
        root = folder if sources.part is None else parts[sources.part]
        taken: dict[str, Path] = {}
        for pattern in sources.files:
            matched = [*root.glob(pattern)]
            if not matched:
                raise UsageError(_not_whole(recipe, said, f"nothing is {pattern}"))
            taken |= {str(path.relative_to(root)): path for path in matched}
        for name, path in sorted(taken.items()):
            if not any(fnmatch(name, left_out) for left_out in sources.without):
                if not NAME.fullmatch(str(path)):
                    raise UsageError(f"{said}: the name of {path} is none that make can handle")
                own = replaced.get(path.name, path) if _is_kernel(name) else path
                yield Unit(own, sources.optimisation)


def _not_whole(recipe: Recipe, said: str, why: str) -> str:
    """Return what is said of a tree that lacks files."""
    return (
        f"{said} is not whole, or of another version: {why}. Known to fit: {recipe.known}. To have "
        f"one: {recipe.fetch}"
    )


def _is_kernel(name: str) -> bool:
    return Path(name).parent.name == "kernels"


def _version(recipe: Recipe, folder: Path, parts: dict[str, Path]) -> str:
    """Return what the tree says of its version, or git does of a clone; "" where neither does."""
    for name, pattern in recipe.versions.items():
        for root in (folder, *parts.values()):
            if (root / name).is_file() and (found := re.search(pattern, _text(root / name))):
                return found[1]
    if not (folder / ".git").exists():
        return ""
    state = git(folder)
    return "" if state is None else f"commit {state.commit[:12]}{', changed' * state.dirty}"


def _digest(folder: Path, units: tuple[Unit, ...], include: tuple[Path, ...]) -> str:
    """Return one hash over the sources and all headers that they could include."""
    paths = {unit.path for unit in units}
    for root in include:
        paths |= {path for path in root.rglob("*.h") if path.is_file()}
        if len(paths) > FILES_MOST:
            raise UsageError(f"{folder}: more than {FILES_MOST} files; give an engine's tree alone")
    listing = []
    for path in sorted(paths):
        with open_regular(path, DOCUMENT_MOST_B) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        listing.append([str(path.relative_to(folder)), digest])
    return hashlib.sha256(json.dumps(listing).encode()).hexdigest()


def _text(path: Path) -> str:
    return read_text(path, DOCUMENT_MOST_B, errors="replace")
