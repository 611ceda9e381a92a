"""Make a project of our firmware for a framework of others: every file of it, and where it goes."""

import hashlib
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import NoReturn

import msgspec
from msgspec.structs import replace

from tinybench.errors import UsageError
from tinybench.files import DOCUMENT_MOST_B, WHOLE_MOST_B, read_bytes, read_text
from tinybench.scratch import scratch

from ..build.board import Board, Toolchain, load_board
from ..build.firmware import How, compiled
from ..build.task import Task
from ..results.defaults import DEFAULT_BAUD, ENERGY_BAUD
from .framework import Framework, load_framework
from .kept import Exported

RECORD_FILE = "tinybench.json"
README_FILE = "README.md"
CONFIG_FILE = "config.h"
NAME_MOST = 60
"""Characters of a project's name, which becomes that of a file."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORD = re.compile(r"( *)@([A-Z_]+)@")
_INCLUDE = re.compile(r'^#include "([^"/]+)"', re.MULTILINE)
_SHARED = re.compile(
    r"^kernels_shared := \$\(addprefix kernels/,((?:[^)\\]|\\\n)*)\)", re.MULTILINE
)
"""In firmware/Makefile: kernels that other kernels call."""
_C = (".c", ".h", ".cpp", ".ino")
_KEYWORDS = frozenset(
    {
        "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else",
        "enum", "extern", "float", "for", "goto", "if", "inline", "int", "long", "register",
        "restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch",
        "typedef", "union", "unsigned", "void", "volatile", "while",
    }
)  # fmt: skip
"""Ref: C11, 6.4.1; what begins with an underscore and a capital is the compiler's own."""
_NEEDS = {
    "rv32": ("!defined __riscv_mul || __riscv_xlen != 32", "a core of RV32 that multiplies"),
    "thumb2": ("!defined __thumb2__", "a Cortex-M3 or above"),
    "dsp": ("!defined __ARM_FEATURE_DSP || __GNUC__ < 10",
            "DSP instructions, and a compiler that knows them (GCC 10)"),
    "mve": ("!defined __ARM_FEATURE_MVE", "MVE instructions"),
}  # fmt: skip
"""What kernels want of a chip and its compiler: the condition that it is not there, and words."""


@dataclass(frozen=True)
class Asked:
    """What is to be exported: a task's model, or a model as a task of its own."""

    to: str
    task: Task
    model: Path
    """The .tflite."""
    run: str
    """The command line that runs the board, with {port} in it."""
    kernels: str | None = None
    board: str | None = None
    """Whose kernels and memory are meant; None: nobody's."""
    name: str | None = None
    energy: bool = False
    prune: bool = True


def export(asked: Asked, out: Path) -> Exported:
    """Write the project into a folder that is not there yet, or is empty: whole, or not at all.

    Raises UsageError, ModelError.
    """
    framework = load_framework(asked.to)
    name = _project_name(asked)
    board = _board(asked, framework)
    if asked.energy and not framework.timing_pin:
        raise UsageError(
            f"--energy: a project for {asked.to} has no timing pin; leave --energy out, or export "
            "to another framework"
        )
    _insist_empty(out)
    try:
        with scratch() as own:
            manifest = compiled(board, asked.task, asked.model, own, How(prune=asked.prune))
            model_c = (own / "model.c").read_text(encoding="utf-8")
        file_sha256 = hashlib.sha256(read_bytes(asked.model, WHOLE_MOST_B)).hexdigest()
    except OSError as error:
        raise UsageError(f"cannot compile the model: {error.strerror or error}") from error
    record = Exported(
        name=name,
        framework=asked.to,
        build_id="",
        model_id=asked.task.model_id,
        model=asked.model.name,
        model_sha256=manifest.tflite_sha256,
        file_sha256=file_sha256,
        kernels=manifest.kernels,
        energy=asked.energy,
        tinybench=version("tinybench-mcu"),
        manifest=manifest,
    )
    digest = hashlib.sha256()
    for path, data in sorted(_files(asked, framework, record, model_c).items()):
        digest.update(f"{path} {len(data)}\n".encode() + data)
    record = replace(record, build_id=digest.hexdigest()[:16])
    made = _files(asked, framework, record, model_c)
    made[RECORD_FILE] = msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"
    _write(made, out)
    return record


def _project_name(asked: Asked) -> str:
    """Return the name of the project; it becomes that of targets and files."""
    name = asked.name if asked.name is not None else f"tinybench_{asked.task.model_id}"
    if _NAME.fullmatch(name) is None or name in _KEYWORDS or len(name) > NAME_MOST:
        raise UsageError(
            f"--name {name[:80]!r} is no C identifier of at most {NAME_MOST} characters: letters, "
            "digits and underscores, no digit first, no word of C; such as tinybench_kws01"
        )
    return name


def _board(asked: Asked, framework: Framework) -> Board:
    """Return the board whose kernels and memory the model is compiled for."""
    known = load_board(asked.board) if asked.board is not None else None
    if known is not None and known.toolchain is None:
        raise UsageError(
            f"--board {asked.board}: no firmware is built for it, so it has no kernels; "
            "give --kernels"
        )
    of_board = known.toolchain.kernels if known is not None and known.toolchain else None
    kernels = asked.kernels or of_board or framework.kernels[0]
    if kernels not in framework.kernels:
        whence = f"--kernels {kernels}" if asked.kernels else f"--board {asked.board}"
        raise UsageError(
            f"{whence}: a project for {asked.to} has kernels {' or '.join(framework.kernels)}, not "
            f"{kernels}"
        )
    toolchain = Toolchain(prefix="", kernels=kernels)
    if known is not None:
        return replace(known, toolchain=toolchain)
    return Board(name=asked.to, description="", family=asked.to, core="", toolchain=toolchain)


def _files(asked: Asked, framework: Framework, record: Exported, model_c: str) -> dict[str, bytes]:
    """Return every file of the project but its record, by its path in it."""
    root = Path(str(files("tinybench.firmware")))
    stream = asked.task.front_end is not None
    place = framework.sources
    own = {path: _text(root / "export" / asked.to / path) for path in framework.files}
    ours = {Path(path).name: _text(root / path) for path in framework.shared}
    ours |= _core(root, stream=stream) | _kernels(root, model_c, record.kernels)
    ours["model.c"] = model_c
    fast = {name for name in ours if (root / "kernels" / name).is_file() or name == "model.c"}
    fast |= {name for name in ours if (root / "audio" / name).is_file()}
    made = {CONFIG_FILE: _config(framework, record, asked.task)}
    for name, text in ours.items():
        made[name] = text
        if name.endswith(".c"):
            behind = '#include "renamed.h"\n' if stream and name == "model.c" else ""
            made[name] = _begun(text, behind, fast=name in fast)
    found = {f"{place}/{name}": text for name, text in made.items()}
    sources = [name for name in made if name.endswith(".c")]
    for path, text in own.items():
        if Path(path).suffix not in _C:
            continue
        within = path.startswith(f"{place}/")
        found[path] = _begun(text, "", fast=False) if within and path.endswith(".c") else text
        sources += [Path(path).name] if within and path.endswith(".c") else []
    words = _words(asked, framework, record)
    words |= _source_words(own, place, sources, fast)
    for path, text in own.items():
        if Path(path).suffix not in _C:
            found[path] = _filled(path, text, words)
    return {path: text.encode() for path, text in found.items()}


def _source_words(
    own: Mapping[str, str], place: str, sources: Iterable[str], fast: Iterable[str]
) -> dict[str, str]:
    """Return the sources as the file that builds them names them: from its own folder."""
    builder = next(
        (path for path, text in own.items() if "@SOURCES@" in text and path != README_FILE), None
    )
    folder = str(Path(builder).parent) if builder else "."
    prefix = place if folder == "." else str(Path(place).relative_to(folder))
    joined = {
        "SOURCES": sorted(f"{prefix}/{name}" for name in sources),
        "FAST_SOURCES": sorted(f"{prefix}/{name}" for name in fast if name.endswith(".c")),
    }
    end = " \\\n" if builder is not None and Path(builder).name == "Makefile" else "\n"
    return {word: end.join(names) for word, names in joined.items()}


def _words(asked: Asked, framework: Framework, record: Exported) -> dict[str, str]:
    manifest = record.manifest
    line = framework.energy_line if record.energy else framework.line
    return {
        "NAME": record.name,
        "VERSION": record.tinybench,
        "MODEL_ID": record.model_id,
        "BUILD_ID": record.build_id,
        "BUILD": "energy" if record.energy else "text",
        "KERNELS": record.kernels,
        "KERNELS_NOTE": _kernels_note(framework, record.kernels),
        "BOARD": framework.boards.get(record.kernels, framework.board),
        "LINE": line.replace("@BAUD@", str(_baud(record))),
        "PORT": framework.port,
        "BAUD": str(_baud(record)),
        "RUN": _run(asked, framework),
        "RUN_NOTE": _run_note(asked),
        "RAM_KB": str(-(-manifest.tensor_ram_b // 1000)),
        "FLASH_KB": str(-(-manifest.weights_b // 1000)),
    }


def _run(asked: Asked, framework: Framework) -> str:
    """Return the command line that runs the board."""
    line = asked.run.replace("{port}", "PORT" if asked.energy else framework.port)
    if asked.energy:
        line += " --monitor MONITOR" + " --mode energy" * (" --task " in line)
    return line


def _run_note(asked: Asked) -> str:
    """Return a paragraph on what that command line leaves open; "" where it leaves nothing."""
    notes = []
    if " model " in asked.run:
        notes.append(f"`{asked.model.name}` is the file that this was made from: give its path")
    if asked.energy:
        notes.append("PORT is that of the line below, MONITOR a name that `tinybench monitors` has")
    return f"\n{'; '.join(notes)}.\n" if notes else ""


def _kernels_note(framework: Framework, kernels: str) -> str:
    """Return what kernels want of a chip, or when others are worth their while."""
    if kernels not in _NEEDS:
        return framework.faster
    return (
        f"Its kernels want {_NEEDS[kernels][1]}: what has not gets an `#error` that says so, and "
        "`--kernels blocked` is for any."
    )


def commands(out: Path) -> list[str]:
    """Return the commands to type in an exported project, by its README. Raises OSError."""
    lines = read_text(out / README_FILE, DOCUMENT_MOST_B).splitlines()
    return [line.strip() for line in lines if line.startswith("    ")]


def _filled(path: str, text: str, words: Mapping[str, str]) -> str:
    """Put words in their places; those of several lines are all indented as the first is."""

    def word(found: re.Match[str]) -> str:
        indent, name = found.groups()
        if name not in words:
            raise UsageError(f"{path} of a framework wants @{name}@: valid: {', '.join(words)}")
        return indent + words[name].replace("\n", f"\n{indent}")

    return _WORD.sub(word, text)


def _baud(record: Exported) -> int:
    return ENERGY_BAUD if record.energy else DEFAULT_BAUD


def _config(framework: Framework, record: Exported, task: Task) -> str:
    """Return the header that every source begins with, in place of flags of a compiler."""
    lines = [
        f"/* What {record.name} was exported as. Every source begins with this file. */",
        "#ifndef TINYBENCH_CONFIG_H",
        "#define TINYBENCH_CONFIG_H",
        "",
        f'#define TB_BUILD_ID "{record.build_id}"',
        f"#define TB_BAUD {_baud(record)}",
    ]
    lines += ["#define TB_ENERGY"] if record.energy else []
    if task.front_end is not None:
        lines += ["#define TB_STREAM", f"#define TB_FRONT_ROWS {task.rows}"]
        lines += ["#define TB_FRONT_MICRO"] if task.front_end == "micro" else []
    lines += ["#define TB_KERNELS_DSP"] if record.kernels in ("dsp", "mve") else []
    lines += ["#define TB_KERNELS_MVE"] if record.kernels == "mve" else []
    if record.kernels in _NEEDS:
        absent, needed = _NEEDS[record.kernels]
        lines += [
            "",
            f"#if {absent}",
            f'#error "exported with --kernels {record.kernels}, which need {needed}: export with '
            '--kernels blocked"',
            "#endif",
        ]
    lines += [
        "",
        "#if defined __SIZEOF_POINTER__ && __SIZEOF_POINTER__ < 4",
        '#error "a chip of 32 bits is needed"',
        "#endif",
    ]
    if framework.optimise == "pragma":
        lines += [
            "",
            "/* The loops that are measured: speed before size. */",
            "#if defined TB_FAST && defined __GNUC__ && !defined __clang__",
            '#pragma GCC optimize("O3")',
            "#endif",
        ]
    return "\n".join([*lines, "", "#endif", ""])


def _begun(text: str, behind: str, *, fast: bool) -> str:
    """Return a source that begins with the configuration."""
    return ("#define TB_FAST\n" if fast else "") + f'#include "{CONFIG_FILE}"\n' + behind + text


def _core(root: Path, *, stream: bool) -> dict[str, str]:
    """Return the core, without the entry of a start-up; with the front end of a stream."""
    folders = ["core", *(["audio", "stream"] if stream else [])]
    paths = [path for name in folders for path in sorted((root / name).glob("*.[ch]"))]
    return {path.name: _text(path) for path in paths if path != root / "core" / "main.c"}


def _kernels(root: Path, model_c: str, kind: str) -> dict[str, str]:
    """Return the kernels that a model calls and what they call, as firmware/Makefile chooses."""
    shared = _SHARED.search(_text(root / "Makefile"))
    assert shared is not None  # noqa: S101 - a test builds what comes of it
    others = set(shared[1].replace("\\\n", " ").split())
    unwanted = {"dsp": ("_mve",), "mve": ()}.get(kind, ("_mve", "_dsp"))
    found: dict[str, str] = {}
    for path in sorted((root / "kernels").glob("*.c")):
        if (path.stem in model_c or path.name in others) and not path.stem.endswith(unwanted):
            found[path.name] = _text(path)
    wanted = [model_c, *found.values()]
    while wanted:
        for header in _INCLUDE.findall(wanted.pop()):
            path = root / "kernels" / header
            if header not in found and path.is_file():
                found[header] = _text(path)
                wanted.append(found[header])
    return found


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _insist_empty(out: Path) -> None:
    """Raise UsageError unless a folder is not there or is empty."""
    try:
        if not out.exists() and not out.is_symlink():
            return
        if not out.is_dir():
            raise UsageError(f"{out} is no folder; name another one with -o")
        if next(out.iterdir(), None) is not None:
            raise UsageError(
                f"{out} is not empty, and nothing in it is written over: name a new folder with -o"
            )
    except OSError as error:
        _cannot_write(out, error)


def _write(made: Mapping[str, bytes], out: Path) -> None:
    """Write all files, then bring them to their place; nothing stays where that fails."""
    there = out.is_dir()
    brought: list[Path] = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        try:
            with scratch(out, ".export-") as own:
                for path, data in made.items():
                    target = own / path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(data)
                for entry in sorted(own.iterdir()):
                    brought.append(entry.rename(out / entry.name))
        except OSError:
            for entry in brought:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            if not there and next(out.iterdir(), None) is None:
                out.rmdir()
            raise
    except OSError as error:
        _cannot_write(out, error)


def _cannot_write(out: Path, error: OSError) -> NoReturn:
    raise UsageError(
        f"cannot write into {out}: {error.strerror or error}; name another folder with -o"
    ) from error
