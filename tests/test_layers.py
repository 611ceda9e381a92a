"""The layers of the design, read from the imports."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("runner", "energy", "models", "datasets")
LAYERS = {
    "runner.errors": 0,
    "runner.transport": 1,
    "runner.frames": 1,
    "runner.json_lines": 1,
    "runner.declare": 1,
    "runner.cache": 1,
    "runner.track": 1,
    "energy.trace": 1,
    "runner.modes": 3,
    "runner.rules": 3,
    "runner.firmware": 3,
    "runner.flash": 3,
    "runner.profile": 4,
    "runner.energy_mode": 4,
    "runner.link": 4,
    "energy.analysis": 3,
    "energy.examine": 3,
    "energy.pictures": 3,
    "runner.plan": 4,
    "runner.judge": 4,
    "runner.run_folder": 4,
    "runner.connect": 4,
    "runner.session": 4,
    "runner.store": 4,
    "runner.compare": 4,
    "runner.__init__": 5,
    "runner.audit": 4,
    "runner.submission": 4,
    "runner.published": 4,
    "runner.report": 5,
    "runner.doctor": 5,
    "runner.pytest_plugin": 5,
    "runner.udev": 5,
    "runner.cli": 6,
    "runner.__main__": 7,
}
REST = 2
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def _module(path: Path) -> tuple[str, ...]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts == ("runner", "__init__"):  # the package's face, above its modules
        return parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def _layer(parts: tuple[str, ...]) -> int:
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in LAYERS:
            return LAYERS[name]
    return REST


def _imports(path: Path) -> list[tuple[str, ...]]:
    """Return the modules of this project that a file imports, as (folder, module, ...)."""
    package = path.relative_to(ROOT).parent.parts
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = package[: len(package) - node.level + 1]
        if node.module:
            found.append((*base, *node.module.split(".")))
        else:
            found += [(*base, alias.name) for alias in node.names]
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_its_own_layer_or_a_lower_one(path: Path) -> None:
    """Nothing reaches upwards: transports know no modes, modes know no reports."""
    own = _layer(_module(path))
    upward = [".".join(target) for target in _imports(path) if _layer(target) > own]
    assert not upward


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_command_line_and_the_training_commands_print(path: Path) -> None:
    """What a user reads comes from one place."""
    if "cli" in path.parts or "training" in path.parts:
        return
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    names = [call.func.id for call in calls if isinstance(call.func, ast.Name)]
    assert "print" not in names


def test_the_layers_name_modules_that_exist() -> None:
    """A renamed module does not drop out of its layer unseen."""
    known = {".".join(_module(path)) for path in SOURCES}
    assert not {name for name in LAYERS if name not in known}
