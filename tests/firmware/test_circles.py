"""Each C file stands on others, and none of them on it: by what they include and what they call."""

import re
import subprocess
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.firmware.dut_process import FIRMWARE, build
from tinybench.runner.build.board import load_board

SOURCES = [
    path.relative_to(FIRMWARE)
    for path in FIRMWARE.rglob("*.[ch]")
    if "export" not in path.parts  # parts of projects for other frameworks, flat when written
]
BUILDS = [
    ("host", ""),
    ("stm32-h405", "1"),
    ("nucleo-l4r5", "1"),
    ("mps3-an547", ""),
    ("qemu-riscv32", ""),
]
ENGINE = """\
#include "api/submitter_implemented.h"

void th_load_tensor(void) {}
void th_infer(void) {}
void th_results(void) { th_printf("m-results-[0]\\r\\n"); }
"""


def unit(path: Path) -> str:
    """Return what a source and its header are together: `core/infer`."""
    return str(path.with_suffix(""))


def included(source: Path) -> set[Path]:
    """Return the files of ours that a source includes."""
    text = (FIRMWARE / source).read_text(encoding="utf-8")
    found: set[Path] = set()
    for name in re.findall(r'^#\s*include "(.+)"', text, re.MULTILINE):
        named = [path for path in SOURCES if str(path).endswith(f"/{name}")]
        beside = [path for path in named if path.parent == source.parent]
        found |= set(beside or named)  # the families have some headers of one name
    return found


def called(folder: Path, prefix: str) -> dict[str, set[str]]:
    """Return, for each object of a build, the units that define what it leaves undefined."""
    defined: dict[str, str] = {}
    wanted: list[tuple[str, str]] = []
    for path in folder.rglob("*.o"):
        source = path.relative_to(folder).with_suffix(".c")
        if source not in SOURCES:
            continue  # the model or the engine
        done = subprocess.run(
            [f"{prefix}nm", "-g", str(path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        for line in done.stdout.splitlines():
            kind, name = line.split()[-2:]
            if kind in "Uw":
                wanted.append((unit(source), name))
            else:
                defined[name] = unit(source)
    found: dict[str, set[str]] = {}
    for caller, name in wanted:
        if name in defined:
            found.setdefault(caller, set()).add(defined[name])
    return found


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Return the units of a circle, or none."""
    others = {name: {other for other in graph[name] if other != name} for name in graph}
    try:
        TopologicalSorter(others).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def graph_of(folder: Path, prefix: str) -> dict[str, set[str]]:
    """Return who stands on whom in a build, by unit."""
    graph = called(folder, prefix)
    assert "core/upload" in graph["core/command"]
    for source in SOURCES:
        for header in included(source):
            graph.setdefault(unit(source), set()).add(unit(header))
    return graph


@pytest.mark.parametrize(("name", "energy"), BUILDS)
def test_there_is_no_circle(name: str, energy: str, tmp_path: Path) -> None:
    """In the build of a board of each family."""
    board = load_board(name)
    assert board.toolchain is not None
    build(board, tmp_path / "out", f"ENERGY={energy}")
    assert circle(graph_of(tmp_path / "out", board.toolchain.prefix)) == []


def test_there_is_no_circle_around_the_public_api(tmp_path: Path) -> None:
    """With an engine that the th_* API drives."""
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "engine.c").write_text(ENGINE)
    options = ("MODEL_ID=kws01", "INPUT_B=490")
    build(load_board("host"), tmp_path / "out", *options, engine=tmp_path / "engine")
    graph = graph_of(tmp_path / "out", "")
    assert "core/stamp" in graph["th_api/model"]
    assert circle(graph) == []


def test_the_core_knows_nothing_around_it() -> None:
    """It includes its own headers: ports, kernels and engines come to it by what those declare."""
    for source in SOURCES:
        if source.parts[0] == "core":
            assert {header.parts[0] for header in included(source)} <= {"core"}


def test_a_circle_is_found() -> None:
    """The one that there was: the upload calls the model, which asks how much was uploaded."""
    graph = {"core/upload": {"th_api/model"}, "th_api/model": {"core/upload", "core/text"}}
    assert set(circle(graph)) == {"core/upload", "th_api/model"}
