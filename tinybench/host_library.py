"""A library of our own C for this computer: built once, kept in the cache."""

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .cache import cache_folder
from .errors import BuildError, ToolMissingError
from .install import command
from .program import ask
from .scratch import scratch

COMPILERS = ("gcc", "cc", "clang")
FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-fvisibility=hidden")
BUILD_TIMEOUT_S = 180.0


def compiler() -> str | None:
    """Return the path of the compiler that builds it; None where there is none."""
    return next((path for name in COMPILERS if (path := shutil.which(name))), None)


def built(
    source: Path,
    kept: str,
    name: str,
    what: str,
    without: str,
    beside: Sequence[Path] = (),
    flags: Sequence[str] = (),
) -> Path:
    """Return the library of one C file, in the folder `kept` of the cache, as `name`-HASH.so.

    `beside`: other C files that belong to it, and the headers that they include; `flags`: more of
    the compiler's. `what` it is and what cannot be `without` a compiler are words of the messages.
    Raises ToolMissingError where there is no compiler, BuildError with the compiler's words.
    """
    sources = [path for path in (source, *beside) if path.suffix == ".c"]
    folders = sorted({str(path.parent) for path in beside if path.suffix == ".h"})
    program = compiler()
    if program is None:
        raise ToolMissingError(f"{without}; install it with: {command('gcc libc6-dev')}")
    try:
        made_of = "\0".join((program, *FLAGS, *flags)).encode() + source.read_bytes()
        made_of += b"".join(path.name.encode() + path.read_bytes() for path in beside)
        folder = cache_folder() / kept
        library = folder / f"{name}-{hashlib.sha256(made_of).hexdigest()[:16]}.so"
        if library.is_file():
            return library
        folder.mkdir(parents=True, exist_ok=True)
        with scratch(folder, ".build-") as own:
            made = own / library.name
            words = [*FLAGS, *flags, *(f"-I{folder}" for folder in folders)]
            words += [*map(str, sources), "-o", str(made), "-lm"]
            done = ask([program, *words], BUILD_TIMEOUT_S)
            if done.status != 0:
                raise BuildError(
                    f"{what} does not build; {program} says:\n"
                    f"{(done.err or done.out).strip()[-2000:]}"
                )
            made.replace(library)  # at once: another run may build it as well
    except (OSError, subprocess.SubprocessError) as error:
        raise BuildError(f"cannot build {what}: {error}") from error
    return library
