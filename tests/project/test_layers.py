"""The floors of the design, read from the imports."""

import ast
from pathlib import Path

import pytest

from tests import ROOT
from tests.project.rooms import FLOORS, SOURCES, imports, module_of, room_of

DOOR = "tinybench"
"""The public door: it is in the ground's own file, and looks up only when it is used."""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_its_own_room_or_a_lower_floor(path: Path) -> None:
    """Nothing reaches upwards or sideways: transports know no modes, rules know no desk."""
    own = room_of(module_of(path))
    if module_of(path) == DOOR:
        return
    above = {
        target
        for target in imports(path)
        if room_of(target) != own and FLOORS[room_of(target)] >= FLOORS[own]
    }
    assert not above


def test_no_file_is_part_of_a_circle() -> None:
    """Each file can be read, and tested, with what it imports below it."""
    needs = {module_of(path): set(imports(path)) for path in SOURCES if module_of(path) != DOOR}
    while leaves := {name for name, targets in needs.items() if not targets & needs.keys()}:
        needs = {name: targets for name, targets in needs.items() if name not in leaves}
    assert not needs


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
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
