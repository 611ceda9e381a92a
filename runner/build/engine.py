"""An inference engine other than ours: a folder of sources that the firmware is built with."""

import hashlib
import json
import re
from collections import Counter
from pathlib import Path

import msgspec

from tinybench.declare import nearest
from tinybench.errors import UsageError
from tinybench.files import WHOLE_MOST_B, is_there, open_regular
from tinybench.models.compiler import Manifest
from tinybench.models.compiler.libraries.cmsis_nn import PREFIX
from tinybench.models.compiler.manifest import OperatorEntry
from tinybench.program import first_line

from ..results.defaults import OURS
from .recipe import names

FILES_MAX = 10_000
CXX_SUFFIXES = (".cc", ".cpp", ".cxx")
NOT_THERE = (
    (
        re.compile(r"undefined reference to .{0,3}(?:tflite::Register_|arm_[a-z0-9_]{1,60}\b)"),
        "the engine's source tree lacks kernels that it calls: take a whole one",
    ),
    (
        re.compile(r"undefined (?:reference to|symbol) .{0,3}(?:__cxa_(?:throw|allocate_exception|"
                   r"begin_catch)|__gxx_personality)|exception handling disabled"),
        "the engine throws or catches C++ exceptions, which firmware has none of; build it without "
        "(-fno-exceptions), so that it returns its errors",
    ),
    (
        re.compile(r"undefined (?:reference to|symbol) .{0,3}(?:_?sbrk|_sbrk_r|__heap_start|"
                   r"malloc|operator new)\b"),
        "the engine takes memory from a heap (malloc or new), and firmware has one only where the "
        "engine declares it: ENGINE_HEAP_B := BYTES in its engine.mk; or use static memory",
    ),
)  # fmt: skip
"""What a compiler or linker says of what is not there, and why: kernels of the engine's tree, or
what C++ wants and firmware has not. Ref: gcc; binutils, ld."""
NO_HEADER = re.compile(
    r"fatal error: (?:c[a-z]{3,9}|algorithm|array|atomic|bitset|functional|initializer_list|"
    r"iterator|limits|map|memory|new|numeric|optional|set|string|tuple|type_traits|utility|vector"
    r"): No such"
)
"""A header of the C++ library that is not there."""
_WRONG = re.compile(r"\berror\b|undefined reference", re.IGNORECASE)


class Origin(msgspec.Struct, frozen=True):
    """The source tree that a recipe's engine is built of, as it is spoken of."""

    tree: str
    """Whose it is, where it lies and its version."""
    remedy: str
    """Which ones fit, and how to have one."""


class Made(msgspec.Struct, frozen=True):
    """What is known of an engine that a recipe has built here, with a model in it."""

    title: str
    version: str
    """Of its source tree."""
    origin: Origin
    flags: str
    arena_b: int
    """Bytes of its arena: as few as it takes."""
    manifest: Manifest | None = None
    """What our compiler made of the model; None where the engine reads it by itself."""

    @property
    def layers(self) -> int | None:
        """As in `EngineUsed`."""
        return None if self.manifest is None else len(self._computed)

    @property
    def own_layers(self) -> dict[str, int]:
        """As in `EngineUsed`."""
        own = Counter(one.operator for one in self._computed if PREFIX not in one.kernel)
        return dict(own.most_common())

    @property
    def _computed(self) -> list[OperatorEntry]:
        return [one for one in self.manifest.operators if one.kernel] if self.manifest else []


class Engine(msgspec.Struct, frozen=True):
    """An engine that implements firmware/core/model.h, or the public th_* API."""

    name: str
    """Of its folder."""
    folder: str
    sha256: str
    """Over the names and the bytes of all its files, in order."""
    cxx: bool = False
    """Whether any of it is C++."""
    made: Made | None = None
    """None: its folder is the user's."""


def does_not_fit(origin: Origin, what: str, said: str, why: str = "") -> UsageError:
    """Return what is said of a tree that does not compile, from the compiler's or linker's words.

    `what`: a file, or our glue; `why`: what is known of the reason.
    """
    lines = [line.strip() for line in said.splitlines() if _WRONG.search(line)]
    return UsageError(
        f"{origin.tree} does not fit: {what} does not build{why}. The compiler says: "
        f"{(lines[0] if lines else first_line(said))[:300]}. {origin.remedy}"
    )


def load_engine(folder: Path) -> Engine:
    """Return the engine in a folder; hidden files are no part of it.

    Raises UsageError when the folder cannot be read, holds nothing to compile, or far too much.
    """
    if not is_there(folder):
        raise UsageError(
            f"--engine {folder}: cannot be read: there is no such folder, and no engine of that "
            f"name: {nearest(str(folder), (OURS, *names()))}"
        )
    try:
        paths = sorted(_files(folder))
        cxx = any(path.suffix in CXX_SUFFIXES for path in paths)
        if not cxx and not any(path.suffix == ".c" or path.name == "engine.mk" for path in paths):
            raise UsageError(
                f"--engine {folder}: neither .c or .cc files nor an engine.mk; give the folder of "
                "an engine's sources (docs/engine.md)"
            )
        listing = [[str(path.relative_to(folder)), _sha256(path)] for path in paths]
    except OSError as error:
        raise UsageError(f"--engine {folder}: cannot be read: {error}") from error
    digest = hashlib.sha256(json.dumps(listing).encode()).hexdigest()
    return Engine(folder.resolve().name, str(folder.resolve()), digest, cxx)


def _sha256(path: Path) -> str:
    with open_regular(path, WHOLE_MOST_B) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir():
            found += [] if path.is_symlink() else _files(path)
        elif path.exists():  # make would wait for a pipe as for any other
            found.append(path)
        if len(found) > FILES_MAX:
            raise UsageError(
                f"--engine {folder}: more than {FILES_MAX} files; give the folder of the engine's "
                "sources alone"
            )
    return found
