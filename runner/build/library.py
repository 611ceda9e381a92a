"""The archive of an engine that a recipe builds: once for a tree, a core and a compiler."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from functools import cache, partial
from hashlib import sha256
from pathlib import Path

from tinybench import install
from tinybench.cache import cache_folder
from tinybench.errors import BuildError, ToolMissingError, UsageError
from tinybench.program import ask
from tinybench.scratch import scratch
from tinybench.track import Track

from .board import Board, Toolchain
from .engine import does_not_fit
from .firmware import COMPILER_PACKAGES, CXX_PACKAGES, compiler_version, missing_cxx
from .recipe import Recipe
from .source_tree import Tree, Unit, origin_of

FILE_TIMEOUT_S = 900
LIBRARY_TIMEOUT_S = 1800
SECTIONS = ("-ffunction-sections", "-fdata-sections", "-w")
C_DIALECT = "-std=c17"
LIBRARY_LESS = "riscv64-unknown-elf-"
LENDER, LENDER_FLAGS = "arm-none-eabi-", ("-mthumb", "-mcpu=cortex-m3", "-mfloat-abi=soft")
ASK_TIMEOUT_S = 20
ARM_HEADER = "arm_acle.h"
ARM_ALONE = ", for this version is for Arm cores alone: take a newer one, or a Cortex-M board"


def toolchain_for(recipe: Recipe, board: Board) -> Toolchain:
    """Return what compiles a recipe's engine for a board; raises UsageError where nothing does."""
    if board.toolchain is None:
        raise UsageError(f"no firmware is built for board {board.name}: it holds its own")
    if board.toolchain.prefix not in recipe.prefixes:
        built = [f"{prefix}gcc" for prefix in recipe.prefixes]
        raise UsageError(
            f"engine {recipe.name} is built by {' or '.join(built)}, not by "
            f"{board.toolchain.prefix}gcc, which board {board.name} needs: use another board, such "
            "as mps2-an386, or --engine tinybench"
        )
    return board.toolchain


def flags_of(recipe: Recipe, toolchain: Toolchain) -> str:
    """Return what the sources are compiled with, as a result tells it."""
    levels = dict.fromkeys(sources.optimisation for sources in recipe.sources)
    words = (*toolchain.cflags, *recipe.flags, *recipe.cxxflags)
    return f"{' and '.join(levels)} {' '.join(words)}"


def borrowed_headers(recipe: Recipe, toolchain: Toolchain) -> list[str]:
    """Return flags for the headers of the C++ library, where the compiler comes without one.

    Debian's compiler for RISC-V does. The headers of the one for Arm will do: firmware links
    nothing of that library, and what is in them is the same C++ for any core of 32 bits.
    """
    if toolchain.prefix != LIBRARY_LESS or not recipe.cxxflags:
        return []
    found = _searched(toolchain.prefix, tuple(toolchain.cflags))
    if not found:
        found = _searched(LENDER, LENDER_FLAGS)
    if not found:
        raise ToolMissingError(
            f"engine {recipe.name} is C++, and {toolchain.prefix}g++ has no headers of its "
            f"library; those for Arm would do: {install.command(CXX_PACKAGES[LENDER])}"
        )
    return [f"-isystem{folder}" for folder in found]


@cache
def _searched(prefix: str, flags: tuple[str, ...]) -> tuple[str, ...]:
    """Return the folders of C++ headers that a compiler looks into. Ref: gcc, -v."""
    try:
        done = ask([prefix + "g++", *flags, "-x", "c++", "-E", "-v", os.devnull], ASK_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return ()
    _, _, after = done.err.partition("#include <...> search starts here:")
    folders = [Path(line.strip()) for line in after.partition("End of search list")[0].splitlines()]
    there = [folder for folder in folders if (folder / "cstdint").is_file()]
    return tuple(
        str(folder) for folder in folders if any(folder.is_relative_to(root) for root in there)
    )


def library(recipe: Recipe, tree: Tree, board: Board, track: Track) -> Path:
    """Return the archive of an engine for a board's core; it is built where the cache lacks it.

    What was compiled before an end that is none, such as that of patience, is gone on with.
    Raises UsageError, ToolMissingError, BuildError; within LIBRARY_TIMEOUT_S.
    """
    toolchain = toolchain_for(recipe, board)
    made_of = [
        *(tree.sha256, compiler_version(board), toolchain.prefix, *toolchain.cflags, *SECTIONS),
        *(C_DIALECT, *recipe.flags, *recipe.cxxflags),
        *(f"{unit.path.relative_to(tree.folder)} {unit.optimisation}" for unit in tree.units),
    ]
    digest = sha256(json.dumps(made_of).encode()).hexdigest()
    archives = cache_folder() / "engines"
    archive = archives / f"{recipe.name}-{digest[:16]}.a"
    if archive.is_file():
        return archive
    parts = archive.with_suffix(".parts")
    try:
        parts.mkdir(parents=True, exist_ok=True)
        with scratch(archives, ".library-") as work:
            objects = _compiled(recipe, tree, board, toolchain, work, parts, track)
            made = work / "made.a"
            _run([toolchain.prefix + "ar", "rcsD", str(made), *map(str, objects)], recipe, "ar")
            made.replace(archive)  # at once: another run may read it
        shutil.rmtree(parts, ignore_errors=True)
    except OSError as error:
        raise BuildError(f"cannot build in {archives}: {error}") from error
    return archive


def _compiled(
    recipe: Recipe,
    tree: Tree,
    board: Board,
    toolchain: Toolchain,
    work: Path,
    parts: Path,
    track: Track,
) -> list[Path]:
    """Compile what `parts` lacks, as much at a time as there are processors; return the objects."""
    objects = [parts / f"{number:04}-{unit.path.stem}.o" for number, unit in enumerate(tree.units)]
    missing = [
        (unit, made) for unit, made in zip(tree.units, objects, strict=True) if not made.is_file()
    ]
    levels = {unit.optimisation for unit, _ in missing if not _is_c(unit.path)}
    headers = {level: work / f"header{level}.h" for level in sorted(levels)}
    jobs: list[Future[None]] = []
    compiling = partial(_compile, recipe, tree, board, toolchain)

    def compile_whole(unit: Unit, made: Path, header: Path | None) -> None:
        begun = work / made.name
        compiling(unit, begun, header)
        begun.replace(made)  # at once: another try takes it for whole

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        try:
            for level, header in headers.items():
                header.write_text(f'#include "{recipe.header}"\n', encoding="utf-8")
                jobs.append(pool.submit(compiling, Unit(header, level), _before(header), None))
            for job in jobs:
                job.result(LIBRARY_TIMEOUT_S)
            for unit, made in missing:
                header = None if _is_c(unit.path) else headers[unit.optimisation]
                jobs.append(pool.submit(compile_whole, unit, made, header))
            done = as_completed(jobs, LIBRARY_TIMEOUT_S)
            for job in track(done, f"build {recipe.name}", len(jobs)):
                job.result()
        except TimeoutError:
            there = sum(made.is_file() for made in objects)
            raise BuildError(
                f"engine {recipe.name} was not built within {LIBRARY_TIMEOUT_S} s; {there} of "
                f"{len(objects)} files are compiled and kept: run it again to go on"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return objects


def _is_c(path: Path) -> bool:
    return path.suffix == ".c"


def _before(header: Path) -> Path:
    """Return the file of a header that is compiled beforehand. Ref: gcc, Precompiled Headers."""
    return header.with_suffix(".h.gch")


def _compile(
    recipe: Recipe,
    tree: Tree,
    board: Board,
    toolchain: Toolchain,
    unit: Unit,
    out: Path,
    header: Path | None,
) -> None:
    """Compile one file; `header` is included first.

    Raises UsageError for a tree that does not fit; BuildError, ToolMissingError.
    """
    is_c = _is_c(unit.path)
    command = [
        toolchain.prefix + ("gcc" if is_c else "g++"),
        *toolchain.cflags,
        *([C_DIALECT] if is_c else [*recipe.cxxflags, *borrowed_headers(recipe, toolchain)]),
        unit.optimisation,
        *recipe.flags,
        *SECTIONS,
        f"-ffile-prefix-map={tree.folder}=engine",
        *(f"-I{folder}" for folder in tree.include),
        *(["-include", str(header)] if header else []),
        *(["-x", "c++-header"] if out.suffix == ".gch" else ["-c"]),
        *(str(unit.path), "-o", str(out)),
    ]
    said = _run(command, recipe, unit.path.name, compiling=True)
    if said is None:
        return
    if lacks := missing_cxx(board, said):
        raise BuildError(f"engine {recipe.name}: {unit.path.name} does not compile{lacks}")
    why = ARM_ALONE * (ARM_HEADER in said)
    raise does_not_fit(origin_of(recipe, tree), unit.path.name, said, why)


def _run(
    command: Sequence[str], recipe: Recipe, what: str, *, compiling: bool = False
) -> str | None:
    """Run a program; where it fails, return what it says while `compiling`, else raise."""
    try:
        done = ask(command, FILE_TIMEOUT_S)
    except FileNotFoundError:
        prefix = command[0].removesuffix("g++").removesuffix("gcc")
        package = COMPILER_PACKAGES.get(prefix) if prefix else CXX_PACKAGES[""]
        raise ToolMissingError(
            f"cannot build engine {recipe.name}: '{command[0]}' is not installed or not on PATH; "
            f"install it with: {install.command(package or command[0])}"
        ) from None
    except subprocess.TimeoutExpired:
        raise BuildError(
            f"engine {recipe.name}: {what} was not compiled within {FILE_TIMEOUT_S} s"
        ) from None
    if done.status == 0:
        return None
    if compiling:
        return done.err
    raise BuildError(f"engine {recipe.name}: '{command[0]}' failed: {done.err.strip()[-500:]}")
