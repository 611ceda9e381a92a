"""The rooms of the house and their floors, and who imports whom; read from the sources."""

import ast
from pathlib import Path

from tests import ROOT

FOLDERS = ("tinybench", "datasets", "energy", "models", "runner")
FLOORS = {
    "tinybench": 0,
    "tinybench.transport": 1,
    "tinybench.datasets": 2,
    "tinybench.energy": 2,
    "tinybench.runner.dut": 2,
    "tinybench.models": 3,
    "tinybench.runner.results": 3,
    "tinybench.runner.build": 4,
    "tinybench.runner.desk": 5,
    "tinybench.runner.rules": 5,
    "tinybench.runner.audit": 6,
    "tinybench.runner.measure": 6,
    "tinybench.runner.compare": 7,
    "tinybench.runner.session": 7,
    "tinybench.runner.submission": 8,
    "tinybench.runner.report": 9,
    "tinybench.runner.cli": 10,
    "tinybench.runner": 11,
}
"""A module imports from its own room and from lower floors; rooms on one floor are strangers."""

SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def module_of(path: Path) -> str:
    """Return the import name of a source file of this checkout."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts if parts[0] == "tinybench" else ("tinybench", *parts))


MODULES = {module_of(path) for path in SOURCES}


def room_of(module: str) -> str:
    """Return the room that a module is in; its entry points are a room of `runner` itself."""
    parts = module.split(".")
    if parts[1:2] == ["runner"]:
        room = parts[:3] if ".".join(parts[:3]) in PACKAGES else parts[:2]
    elif parts[1:2] and ".".join(parts[:2]) in PACKAGES:
        room = parts[:2]
    else:
        room = parts[:1]
    return ".".join(room)


PACKAGES = {module_of(path) for path in SOURCES if path.name == "__init__.py"}


def imports(path: Path) -> list[str]:
    """Return the modules of this project that a file imports, wherever in it the import stands."""
    package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name in MODULES]
        if not isinstance(node, ast.ImportFrom):
            continue
        base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        source = ".".join([*base, *(node.module or "").split(".")]).rstrip(".")
        for alias in node.names:
            named = f"{source}.{alias.name}"
            if named in MODULES:
                found.append(named)
            elif source in MODULES:
                found.append(source)
    return found
