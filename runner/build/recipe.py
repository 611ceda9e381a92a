"""Recipes: engines of others that are built here, from a source tree that the user has."""

import os
from pathlib import Path
from typing import Annotated

from msgspec.structs import replace

from tinybench.declare import Declaration, Name, find, load, named
from tinybench.errors import ModelError
from tinybench.expected import like
from tinybench.models.compiler.anatomy import ends_of

from .truth import TYPES

Inside = Annotated[
    str,
    like(
        r"^(?!/)(?!.*\.\.)[A-Za-z0-9_.*/-]+\Z",
        "a path within the tree, of letters, digits, _, ., *, / and -, with no .. in it",
    ),
]
"""A path or a pattern within the tree."""


class Part(Declaration, frozen=True, kw_only=True):
    """What a tree brings of others, or has fetched: where it lies, by the first place it is at."""

    places: list[Inside]
    mark: Inside
    """A file in it, by which it is found."""
    include: list[Inside]
    """Its folders of headers."""
    optional: bool = False
    """Whether some trees do without."""


class Sources(Declaration, frozen=True, kw_only=True):
    """Files that are compiled alike."""

    optimisation: str
    files: list[Inside]
    """Patterns; each must match something."""
    without: list[str] = []
    """Patterns of what is left out of these."""
    part: str | None = None
    """The part that they are of; None: the tree's own."""


class Recipe(Declaration, frozen=True, kw_only=True):
    """How an engine is built, from `firmware/engines/<name>.toml`."""

    name: Name
    title: str
    like: Name | None = None
    """Another recipe, of which this one is a variant: what is not said here is as there, and
    flags, parts and sources come to those that are there."""
    glue: Name = "none"
    """Folder of ours beside it: what stands between the engine and core/model.h."""
    variable: str = ""
    """Of the environment: where the tree is."""
    or_variable: str = ""
    """Another, which may name a larger tree that has this one in it."""
    fetch: str = ""
    """How to have the tree."""
    known: str = ""
    """Which versions of it were tried."""
    mark: Inside | None = None
    """A file in the tree, by which it is known; None: by its parts alone, wherever they lie."""
    needs: str = ""
    """Words in that file, which a tree that is too old lacks."""
    resolver: Inside | None = None
    """The file that names the operators, of an engine that reads a model by itself."""
    calls: dict[str, str] = {}
    """Of a library: kernels of ours, and the function in place of each. A tree may lack some of
    their files; those kernels are ours."""
    must: list[str] = []
    """Of `calls`, those that no tree may lack: without them the engine is ours by another name."""
    header: Inside = "."
    """A large header that most C++ sources include: it is compiled once, beforehand."""
    versions: dict[Inside, str] = {}
    """Files of the tree or its parts that may say a version, and what finds it there."""
    prefixes: list[str] = []
    """Of the compilers that it is built with."""
    flags: list[str] = []
    cxxflags: list[str] = []
    instead: Inside | None = None
    """Folder of sources that replace those of the same names."""
    parts: dict[str, Part] = {}
    sources: list[Sources] = []


def names() -> dict[str, Path]:
    """Return all recipes in the package as {name: path of the declaration}."""
    return named("firmware", "engines")


def load_recipe(name: str) -> Recipe:
    """Load a recipe by its name. Raises UsageError, DeclarationError."""
    path = find("engine", name, names())
    own = load(path, Recipe)
    if own.like is None:
        return own
    base = load_recipe(own.like)
    return replace(
        base,
        name=own.name,
        title=own.title,
        like=own.like,
        prefixes=own.prefixes or base.prefixes,
        flags=base.flags + own.flags,
        cxxflags=base.cxxflags + own.cxxflags,
        instead=own.instead,
        parts=base.parts | own.parts,
        sources=base.sources + own.sources,
    )


def glue_of(recipe: Recipe) -> list[Path]:
    """Return the files of ours that a recipe's engine is built with."""
    return sorted(path for path in (names()[recipe.name].parent / recipe.glue).iterdir())


def refused(error: ModelError, tflite: Path) -> ModelError:
    """Return the refusal of a model with which engine may take it before why ours does not.

    It stays as it is where there is no such engine: the file is no model, computes nothing, has no
    answer at all, or takes what cannot be uploaded.
    """
    try:
        found = ends_of(tflite)
    except ModelError:
        return error
    if not found.operators or any(end.type not in TYPES for end in found.inputs):
        return error
    recipe = next(one for one in map(load_recipe, names()) if one.resolver and one.like is None)
    how = "" if os.environ.get(recipe.variable) else ", with its source tree (docs/engines.md)"
    words = str(error).removeprefix(f"{tflite}: ")
    return ModelError(
        f"{tflite}: our compiler does not take this model; {recipe.title} may: --engine "
        f"{recipe.name}{how}. Why: {words}"
    )
