"""Build the firmware of a board with a model in it, and say what the image is."""

import hashlib
import json
import re
import shutil
import subprocess
import textwrap
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import msgspec

from tinybench import install
from tinybench.cache import cache_folder
from tinybench.errors import BuildError, ModelError, ToolMissingError, UsageError
from tinybench.files import DOCUMENT_MOST_B, read_bytes
from tinybench.models.compiler import Manifest, compile_model, keeps_state
from tinybench.program import ask, first_line
from tinybench.read import read_json
from tinybench.scratch import scratch

from ..results.firmware import Sections
from .board import Board
from .elf import sections
from .engine import NO_HEADER, NOT_THERE, Engine, does_not_fit
from .fit import check_fits
from .make.board_mk import board_mk, toolchain_of
from .make.objects import SOURCE_FOLDERS, keep, lend, objects_of
from .task import Task

BUILD_TIMEOUT_S = 180
FRAME_B = 40
"""Features of a frame of sound. Ref: firmware/audio/log_mel.h."""
TOOL_TIMEOUT_S = 20
FLASH_PARTS = 2
"""One part in so many of a board's flash is for what makes layers faster."""
KEPT_PARTS = 32
"""One of its RAM is for weights of a model that infers on its whole history each frame, where flash
lets the core wait: that is a matter of time."""
FLAGS_MAX = 2000
"""Characters of an engine's flags that are kept."""
_ABOVE = re.compile(r"(^|[\s=:,'\"]|-[A-Za-z])/(?:[^\s/]+/)*")
"""The folders of an absolute path among flags."""
_OVERFLOW = re.compile(r"region `(FLASH|RAM|ITCM|DTCM)' overflowed by ([0-9]+) bytes")
"""What the linker says. Ref: binutils, ld."""
_SIZES = re.compile(r"^ *([0-9]{1,12})[ \t]+([0-9]{1,12})[ \t]+([0-9]{1,12})[ \t]", re.MULTILINE)
"""What size says: text, data, bss. Ref: binutils, size, Berkeley format."""
COMPILER_PACKAGES = {
    "": "gcc",
    "arm-none-eabi-": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "riscv64-unknown-elf-": "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
}
"""Debian's packages of a compiler and its C library, by the compiler's prefix."""
CXX_PACKAGES = {"": "g++", "arm-none-eabi-": "libstdc++-arm-none-eabi-newlib"}
"""Those of the C++ library, likewise; Debian has none for RISC-V without an operating system."""
OBJCOPY_FORMATS = {"bin": ["binary", "--gap-fill=0xff"], "hex": ["ihex"]}
"""Gaps of a raw image are what erased flash holds."""


class Image(msgspec.Struct, frozen=True):
    """A built firmware image and what is in it; sizes in bytes."""

    elf: str
    elf_sha256: str
    sources_sha256: str
    compiler: str
    flash_b: int
    """Code and constants, weights included."""
    code_flash_b: int | None
    """Code and tables, without the model's weights; None where these are an engine's own."""
    ram_b: int
    build_id: str
    """What this image calls itself in `caps`: a hash of all it is made from."""
    manifest: Manifest | None
    """What was compiled; None with an engine of its own."""
    engine_flags: str | None
    """What an engine's sources were compiled with; None without one."""
    sections: Sections


def build(
    board: Board,
    task: Task,
    model: Path | Engine,
    *,
    energy: bool = False,
    prune: bool = True,
    strips: bool = True,
    whole: bool = False,
    patches: bool = False,
    train: str | None = None,
) -> Image:
    """Build a board's firmware with a task's model, a .tflite that is compiled to C.

    `model` may be an engine that brings its own model instead.
    `energy`: the energy build, which marks time on the timing pin instead of printing it. `prune`
    and `strips` are those of `compile_model`. `whole`: of a stream, a model that infers on its
    whole history each time, not frame by frame; one with a state of its own is taken as it is.
    `patches`: constants lie in RAM, where the link may write over them.
    `train`: the text of train_config.h, by which a head learns on what the model gives
    (docs/train.md).

    An image is kept in the cache under the hash of all it is made from, and built once.
    Raises UsageError, ToolMissingError, ModelError, BuildError.
    """
    _require("make", "make")
    compiler = compiler_version(board)
    board = board.on_cores(1) if isinstance(model, Engine) else board  # it knows of no other
    if isinstance(model, Engine) and model.cxx:
        prefix = toolchain_of(board).prefix
        _require(prefix + "g++", COMPILER_PACKAGES.get(prefix) if prefix else CXX_PACKAGES[""])
    sources = sources_sha256()
    images = cache_folder() / "firmware"
    if any(character.isspace() for character in str(images)):
        raise UsageError(
            f"firmware is built in {images}, and make cannot handle the space in it: name another "
            "folder by the variable TINYBENCH_CACHE"
        )
    try:
        images.mkdir(parents=True, exist_ok=True)
        with scratch(images, ".build-") as own:
            work = own / "image"
            work.mkdir()
            if isinstance(model, Engine):
                manifest, has = None, [model.sha256, task.model_id, str(task.input_b)]
            else:
                how = How(prune=prune, strips=strips, whole=whole, patches=patches)
                manifest = compiled(board, task, model, work / "model", how)
                has = [manifest.model_c_sha256]
            made_of = [
                board_mk(board),
                compiler,
                sources,
                *has,
                "energy" if energy else "patches" if patches else "text",
                *([task.front_end, task.rows] if task.front_end else [None]),
                *([train] if train is not None else []),
                # What an older version wrote about its image lacks what this one wants to know.
                msgspec.json.schema(Image),
            ]
            build_id = _sha256(msgspec.json.encode(made_of))[:16]
            folder = images / f"{board.name}-{task.model_id}-{build_id}"
            record = folder / "image.json"
            if record.is_file():
                return read_json(read_bytes(record, DOCUMENT_MOST_B), type=Image)

            (work / "board.mk").write_text(board_mk(board), encoding="utf-8")
            stream = [f"STREAM={task.front_end}", f"ROWS={task.rows}"] if task.front_end else []
            source = _source_words(task, model, work) + stream + _train_words(train, work)
            source += ["PATCHES=1"] * patches
            # What an engine sets for all files in its engine.mk is known to make alone.
            objects = {}
            if not isinstance(model, Engine):
                objects = objects_of(
                    board, [compiler, sources], energy, stream, train, *[patches] * patches
                )
            lend(objects, work)
            engine = model if isinstance(model, Engine) else None
            _make(board, work, build_id, source, engine, energy)
            keep(objects, work)
            elf = work / "firmware.elf"
            flash_b, ram_b = _sizes(board, elf)
            image = Image(
                elf=str(folder / elf.name),
                elf_sha256=_sha256(elf.read_bytes()),
                sources_sha256=sources,
                compiler=compiler,
                flash_b=flash_b,
                code_flash_b=manifest and flash_b - manifest.weights_b + manifest.tables_b,
                ram_b=ram_b,
                build_id=build_id,
                manifest=manifest,
                engine_flags=engine and _engine_flags(work, engine),
                sections=sections(elf),
            )
            (work / record.name).write_bytes(msgspec.json.encode(image))
            try:
                work.rename(folder)
            except OSError:  # another run built the same image meanwhile
                if not record.is_file():
                    raise
    except OSError as error:
        raise BuildError(f"cannot build in {images}: {error}") from error
    return image


def converted(board: Board, image: Image, form: str) -> Path:
    """Return an image as the file that a flasher takes: "elf", "bin" (raw) or "hex" (Intel hex).

    A raw image begins at the first byte of flash. Raises ToolMissingError, BuildError.
    """
    elf = Path(image.elf)
    if form == "elf":
        return elf
    program = toolchain_of(board).prefix + "objcopy"
    _require(program, f"binutils-{toolchain_of(board).prefix.rstrip('-')}")
    out = elf.with_suffix(f".{form}")
    try:
        with scratch(elf.parent, ".convert-") as own:
            made = own / out.name
            _output([program, "-O", *OBJCOPY_FORMATS[form], str(elf), str(made)])
            made.replace(out)  # at once: another run may read it
    except OSError as error:
        raise BuildError(f"cannot write {out}: {error}") from error
    return out


class How(NamedTuple):
    """How a model is compiled, as `build` has it."""

    prune: bool = True
    strips: bool = True
    whole: bool = False
    patches: bool = False


def compiled(board: Board, task: Task, model: Path, folder: Path, how: How) -> Manifest:
    """Compile a .tflite for a board. Raises ModelError, also for another task's or a large one."""
    waits = board.cycles is not None and board.cycles.memory is not None
    manifest = compile_model(
        model,
        folder,
        model_id=task.model_id,
        kernels=toolchain_of(board).kernels,
        input_format=task.input_format,
        result=task.result,
        decimals=task.result_decimals,
        prune=how.prune,
        strips=how.strips,
        flash_b=None if board.memory is None else board.memory.flash_size_b // FLASH_PARTS,
        kept_b=board.memory.ram_size_b // KEPT_PARTS if board.memory and waits and how.whole else 0,
        stream=task.front_end is not None and not how.whole and not keeps_state(model),
        patches=how.patches,
        cores=board.cores,
    )
    _check_task(task, manifest, model)
    check_fits(board, manifest)
    return manifest


def _source_words(task: Task, model: Path | Engine, work: Path) -> list[str]:
    """Return what make must know of what infers."""
    if isinstance(model, Engine):
        return [f"ENGINE={model.folder}", f"MODEL_ID={task.model_id}", f"INPUT_B={task.input_b}"]
    return [f"MODEL={work / 'model'}"]


def _train_words(train: str | None, work: Path) -> list[str]:
    """Write the header of a head that learns; return what make must know of it."""
    if train is None:
        return []
    folder = work / "train_config"
    folder.mkdir()
    (folder / "train_config.h").write_text(train, encoding="utf-8")
    return [f"TRAIN={folder}"]


def _check_task(task: Task, manifest: Manifest, model: Path) -> None:
    """Raise ModelError when the model takes or gives other than the task's values."""
    input_b = task.input_b
    if task.front_end is not None:
        frames = manifest.input_b // FRAME_B if manifest.streamed is None else 1
        input_b = max(1, frames) * FRAME_B
    insist_ends(task, model, input_b, (manifest.input_b, manifest.output_count))


def insist_ends(task: Task, model: Path, input_b: int, ends: tuple[int, int]) -> None:
    """Raise ModelError where bytes of input and results of a model are other than the task's."""
    for what, wanted, found in (
        ("bytes of input", input_b, ends[0]),
        ("results", task.result_count, ends[1]),
    ):
        if found != wanted:
            raise ModelError(
                f"{model}: this model is not one for task {task.name}: it has {found} {what}, the "
                f"task has {wanted}; give another --model, or another --task"
            )


def compiler_program(board: Board) -> str:
    """Return the name of the compiler that a board needs."""
    return toolchain_of(board).prefix + "gcc"


def _make(
    board: Board, work: Path, build_id: str, source: list[str], engine: Engine | None, energy: bool
) -> None:
    command = [
        "make",
        "--no-print-directory",
        "-C",
        str(files("tinybench.firmware")),
        "-j2",
        f"BUILD={work}",
        f"BOARD_MK={work / 'board.mk'}",
        *source,
        f"BUILD_ID={build_id}",
        f"ENERGY={'1' if energy else ''}",
    ]
    try:
        # make may outlive a killed run, and holds the folder it works in.
        done = ask(command, BUILD_TIMEOUT_S, inherits=True)
    except OSError as error:
        raise BuildError(f"cannot run make: {error}") from error
    except subprocess.TimeoutExpired:
        raise BuildError(
            f"the firmware of {board.name} was not built within {BUILD_TIMEOUT_S} s"
        ) from None
    if done.status != 0:
        words = (done.err or done.out).strip()[-2000:]
        if over := _OVERFLOW.findall(words):
            raise ModelError(
                f"the model does not fit {board.name} together with the rest of the firmware: "
                + " and ".join(f"{over_b} bytes too many for {name}" for name, over_b in over)
                + ". Use a smaller model or another board"
            )
        lacks = missing_cxx(board, done.err)
        if engine is not None and engine.made is not None and not NO_HEADER.search(done.err):
            raise does_not_fit(engine.made.origin, "our glue with it", done.err, lacks)
        raise BuildError(
            f"the firmware of {board.name} does not build{lacks}; make says:\n"
            + textwrap.indent(words, "    ", lambda _: True)
        )


def missing_cxx(board: Board, words: str) -> str:
    """Return what an engine wants of C or C++ that is not there, by what make says; "" if none."""
    for pattern, said in NOT_THERE:
        if pattern.search(words):
            return f": {said}"
    if NO_HEADER.search(words):
        package = CXX_PACKAGES.get(toolchain_of(board).prefix)
        remedy = f"install it with: {install.command(package)}" if package else "use a board "
        remedy += "" if package else "with another core, such as mps2-an386"
        return f": the C++ library of {compiler_program(board)} is not there; {remedy}"
    return ""


def _engine_flags(work: Path, engine: Engine) -> str:
    """Return the flags that make says it compiled an engine with; they name no folder of here."""
    if engine.made is not None:
        return engine.made.flags
    flags = (work / "engine.flags").read_text(encoding="utf-8", errors="replace")
    return _ABOVE.sub(r"\1", flags.replace(engine.folder, "engine")).strip()[:FLAGS_MAX]


def _sizes(board: Board, elf: Path) -> tuple[int, int]:
    """Return (flash, RAM) of an image in bytes, as `size` counts them."""
    program = toolchain_of(board).prefix + "size"
    text = _output([program, str(elf)])
    found = _SIZES.search(text)
    if found is None:
        raise BuildError(f"{program} says no sizes of {elf.name}: {text[:200]!r}")
    code, data, bss = (int(digits) for digits in found.groups())
    return code + data, data + bss


def compiler_version(board: Board) -> str:
    """Return what a board's compiler calls itself. Raises ToolMissingError, BuildError."""
    program = compiler_program(board)
    _require(program, COMPILER_PACKAGES.get(toolchain_of(board).prefix))
    return first_line(_output([program, "--version"]))


def _require(program: str, package: str | None) -> None:
    if shutil.which(program) is None:
        remedy = f"install it with: {install.command(package)}" if package else "install it"
        raise ToolMissingError(
            f"cannot build the firmware: '{program}' is not installed or not on PATH; {remedy}"
        )


def _output(argv: list[str]) -> str:
    try:
        done = ask(argv, TOOL_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError) as error:
        raise BuildError(f"'{' '.join(argv)}' failed: {error}") from error
    if done.status != 0:
        raise BuildError(
            f"'{' '.join(argv)}' failed with exit status {done.status}: {done.err.strip()[-500:]}"
        )
    return done.out


def sources_sha256() -> str:
    """Return one hash over every file the firmware is made from."""
    root = Path(str(files("tinybench.firmware")))
    paths = [root / "Makefile"]
    for folder in SOURCE_FOLDERS:
        paths += sorted(path for path in (root / folder).iterdir() if path.is_file())
    listing = [[str(path.relative_to(root)), _sha256(path.read_bytes())] for path in paths]
    return _sha256(json.dumps(listing).encode())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
