"""The floors of the design, read from the imports."""

import ast
from pathlib import Path

import pytest

from tests import ROOT
from tests.project.rooms import (
    DOOR,
    FLOORS,
    MODULES,
    SOURCES,
    imports,
    module_of,
    room_of,
    rooms_below,
)


def name(path: Path) -> str:
    """Return what a file is called in the list of tests."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_module_imports_only_from_its_own_room_or_a_lower_floor(path: Path) -> None:
    """Nothing reaches upwards or sideways: transports know no modes, rules know no desk."""
    own = room_of(module_of(path))
    above = {
        target
        for target in imports(path)
        if room_of(target) != own and FLOORS[room_of(target)] >= FLOORS[own]
    }
    assert not above or module_of(path) == DOOR


def test_no_file_is_part_of_a_circle() -> None:
    """Each file can be read, and tested, with what it imports below it."""
    needs = {module: imports(path) for module, path in MODULES.items() if module != DOOR}
    while leaves := {module for module, targets in needs.items() if not targets & needs.keys()}:
        needs = {module: targets for module, targets in needs.items() if module not in leaves}
    assert not needs


def test_no_room_is_part_of_a_circle() -> None:
    """The floors could not be numbered otherwise; this holds whatever the numbers say."""
    needs = dict(rooms_below())
    while leaves := {room for room, targets in needs.items() if not targets & needs.keys()}:
        needs = {room: targets for room, targets in needs.items() if room not in leaves}
    assert not needs


def test_the_imports_are_read_as_python_reads_them(tmp_path: Path) -> None:
    """Relative and absolute, of a module or of a name in it, also within a function."""
    path = ROOT / "runner" / "session" / "run.py"
    source = path.read_text(encoding="utf-8")
    assert "tinybench.errors" in imports(path)
    assert "from .." in source
    assert any(room_of(target) == "tinybench.runner.desk" for target in imports(path))
    assert all(target in MODULES for target in imports(path))
    lazy = imports(ROOT / "runner" / "cli" / "desk.py")
    assert "tinybench.runner.desk.bench" in lazy


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_only_the_command_line_and_the_training_commands_print(path: Path) -> None:
    """What a user reads comes from one place."""
    if "cli" in path.parts or "training" in path.parts:
        return
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    names = [call.func.id for call in calls if isinstance(call.func, ast.Name)]
    assert "print" not in names


def test_every_room_has_a_floor() -> None:
    """A new room is given its place, and a renamed one does not keep its old one."""
    assert {room_of(module_of(path)) for path in SOURCES} == set(FLOORS)
