"""Build an exported project as its framework would, against a stand-in of it, and run it."""

import contextlib
import json
import os
import pty
import subprocess
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.program import tinybench

STUBS = Path(__file__).parent / "stubs"
STRICT = ["-Wall", "-Wextra", "-Wconversion", "-Werror"]
BUILD_TIMEOUT_S = 300
END_TIMEOUT_S = 20
INPUTS = 5


def build_arduino(project: Path, work: Path, *flags: str) -> Path:
    """Compile library and sketch as Arduino does: each source by itself, with src/ to include."""
    places = [f"-I{STUBS / 'arduino'}", f"-I{project / 'src'}"]
    sources = [path for path in sorted((project / "src").rglob("*")) if path.suffix == ".c"]
    others = [*sorted((project / "src").rglob("*.cpp")), STUBS / "arduino" / "core.cpp"]
    (sketch,) = project.glob("examples/*/*.ino")
    assert sketch.stem == sketch.parent.name  # or it is no sketch
    as_c = ["gcc", "-std=c11", *STRICT, "-Os", *flags, *places, "-c"]
    as_cxx = ["g++", "-std=c++17", *STRICT, "-Os", *flags, *places, "-c"]
    _run([*as_c, *map(str, sources)], work)
    _run([*as_cxx, *map(str, others)], work)
    _run([*as_cxx, "-x", "c++", "-include", "Arduino.h", str(sketch), "-o", "sketch.o"], work)
    _run(["g++", *flags, *map(str, sorted(work.glob("*.o"))), "-o", "program"], work)
    return work / "program"


def build_zephyr(project: Path, work: Path, *flags: str) -> Path:
    """Configure and build the application by CMake, with the stand-in as ZEPHYR_BASE."""
    return _by_cmake(project, work, flags, ZEPHYR_BASE=str(STUBS / "zephyr")) / "zephyr"


def build_esp_idf(project: Path, work: Path, *flags: str, minor: str = "4") -> Path:
    """Configure and build the project by CMake, with the stand-in as IDF_PATH."""
    words = {"IDF_PATH": str(STUBS / "esp-idf"), "STUB_IDF_MINOR": minor}
    (program,) = _by_cmake(project, work, flags, **words).glob("*.elf")
    return program


def build_cmake(project: Path, work: Path, *flags: str) -> Path:
    """Configure and build the project by CMake alone."""
    return _named(_by_cmake(project, work, flags))


def build_make(project: Path, work: Path, *flags: str) -> Path:
    """Build the project by make, in its own folder."""
    _run(["make", "-s", "-j2", f"CFLAGS={' '.join([*STRICT, *flags])}"], project)
    return _named(project / "build")


BUILDERS: dict[str, Callable[..., Path]] = {
    "arduino": build_arduino,
    "zephyr": build_zephyr,
    "esp-idf": build_esp_idf,
    "cmake": build_cmake,
    "make": build_make,
}
"""Of each framework."""


def _by_cmake(project: Path, work: Path, flags: tuple[str, ...], **environment: str) -> Path:
    strict = " ".join([*STRICT, *flags])
    setup = ["cmake", "-S", str(project), "-B", str(work), "-Wno-dev", f"-DCMAKE_C_FLAGS={strict}"]
    _run(setup, work, **environment)
    _run(["cmake", "--build", str(work), "-j", "2"], work, **environment)
    return work


def _named(folder: Path) -> Path:
    return next(path for path in folder.glob("tinybench_*") if path.is_file())


def _run(command: list[str], folder: Path, **environment: str) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"


@dataclass
class Running:
    """A built project that runs."""

    port: str
    """Its end of the line."""
    words: Path
    """What it wrote to its standard error: who opened which line, and edges of its pin."""


@contextlib.contextmanager
def running(program: Path) -> Iterator[Running]:
    """Run a program whose standard input and output are one end of a line; yield the other end."""
    own, other = pty.openpty()
    tty.setraw(other)
    words = program.with_suffix(".words")
    with words.open("wb") as file:
        child = subprocess.Popen([str(program)], stdin=own, stdout=own, stderr=file)
        os.close(own)
        try:
            yield Running(os.ttyname(other), words)
        finally:
            child.kill()
            child.wait(END_TIMEOUT_S)
            os.close(other)


class Talk(NamedTuple):
    """What a board said to our client."""

    caps: list[str]
    answers: dict[str, str]
    """Its outputs to the first inputs, as it printed them."""


def talk(task: str, out: Path, *words: str) -> Talk:
    """Run a task's first inputs, by the command line, on the board that the words name."""
    limit = ["--mode", "accuracy", "--limit", str(INPUTS)]
    done = tinybench("--task", task, *words, *limit, "--out", str(out))
    assert done.returncode in (0, 1), done.stderr  # a part of a set is not valid
    entries = [json.loads(line) for line in (out / "journal.jsonl").read_text().splitlines()]
    (told,) = [entry["dut"] for entry in entries if "dut" in entry]
    found = [entry["answer"] for entry in entries if "answer" in entry]
    return Talk(told.split(), {one["input"]: one["results"] for one in found})
