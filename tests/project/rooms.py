"""The rooms of the house and their floors, and who imports whom; read from the sources."""

import ast
from functools import cache
from pathlib import Path

from tests import ROOT

FOLDERS = ("tinybench", "datasets", "energy", "models", "runner")
FLOORS = {
    "tinybench": 0,
    "tinybench.runner.chip": 1,
    "tinybench.transport": 1,
    "tinybench.runner.scenario": 2,
    "tinybench.runner.streaming": 2,
    "tinybench.datasets": 3,
    "tinybench.energy": 3,
    "tinybench.runner.dut": 3,
    "tinybench.models": 4,
    "tinybench.runner.results": 4,
    "tinybench.runner.build": 5,
    "tinybench.runner.cycles": 6,
    "tinybench.runner.desk": 6,
    "tinybench.runner.export": 6,
    "tinybench.runner.rules": 7,
    "tinybench.runner.audit": 8,
    "tinybench.runner.measure": 8,
    "tinybench.runner.compare": 9,
    "tinybench.runner.session": 9,
    "tinybench.runner.learning": 9,
    "tinybench.runner.study": 10,
    "tinybench.runner.submission": 10,
    "tinybench.runner.train": 10,
    "tinybench.runner.fleet": 11,
    "tinybench.runner.report": 12,
    "tinybench.runner.gate": 13,
    "tinybench.runner.lab": 13,
    "tinybench.runner.cli": 14,
    "tinybench.runner": 15,
}
"""A module imports from its own room and from lower floors; rooms on one floor are strangers."""
DOOR = "tinybench"
"""The public door stands in the ground's own file: it looks up, but only when it is used."""

SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def module_of(path: Path) -> str:
    """Return the import name of a source file of this checkout."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts if parts[0] == "tinybench" else ("tinybench", *parts))


MODULES = {module_of(path): path for path in SOURCES}
PACKAGES = {module_of(path) for path in SOURCES if path.name == "__init__.py"}


def folder_of(package: str) -> str:
    """Return where a package lies in the checkout: tinybench.energy is energy."""
    return str(MODULES[package].parent.relative_to(ROOT))


def room_of(module: str) -> str:
    """Return the room a module is in: its folder, below runner/ and the ground the one in that.

    What stands on the corridor, runner/ itself, is a room of its own; so is the ground.
    """
    parts = module.split(".")
    for depth in (3, 2) if parts[1:2] == ["runner"] else (2,):
        if (room := ".".join(parts[:depth])) in PACKAGES:
            return room
    return parts[0]


@cache
def imports(path: Path) -> frozenset[str]:
    """Return the modules of this project that a file imports, wherever in it the import stands."""
    module = module_of(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = parts[: len(parts) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                named = f"{source}.{alias.name}"
                found.add(named if named in MODULES else source)
    return frozenset(found & MODULES.keys())


@cache
def rooms_below() -> dict[str, frozenset[str]]:
    """Return of each room the other rooms that it imports from; the door counts for none."""
    found: dict[str, set[str]] = {room: set() for room in FLOORS}
    for module, path in MODULES.items():
        if module != DOOR:
            found.setdefault(room_of(module), set()).update(map(room_of, imports(path)))
    return {room: frozenset(targets - {room}) for room, targets in found.items()}


def purpose(package: str) -> str:
    """Return the first line of a package's docstring: what it is for."""
    text = ast.get_docstring(ast.parse(MODULES[package].read_text(encoding="utf-8")))
    return (text or "").partition("\n")[0]
