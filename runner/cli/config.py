"""Defaults from tinybench.toml, and where each comes from: config."""

import contextlib
from pathlib import Path
from typing import Any

import click

from tinybench.errors import DeclarationError

from .options import command, into_file
from .output import Voice, put
from .tree import Group, Option, leaves

CONFIG_FILE = "tinybench.toml"
NEVER = ("--json",)
"""Options that a file does not set: another one says the same."""

Defaults = dict[str, dict[str, Any]]
"""By the words of a command, such as "energy analyse", and the name of a parameter."""


def find_config(start: Path | None = None) -> Path | None:
    """Return the nearest tinybench.toml upward from `start`; None without one."""
    with contextlib.suppress(OSError):  # the working folder is gone, or may not be looked into
        start = (start or Path.cwd()).absolute()
        for folder in (start, *start.parents):
            if (folder / CONFIG_FILE).is_file():
                return folder / CONFIG_FILE
    return None


def defaults(root: Group, path: Path) -> Defaults:
    """Return the defaults that a file gives, as texts of a command line.

    A key before the first table is for every command that shares the option; a table, such as
    [run] or [energy.analyse], for one command. Raises DeclarationError.
    """
    from tinybench.read import read_toml

    raw = read_toml(path)
    commands = dict(leaves(root))
    found: Defaults = {words: {} for words in commands}
    shared = {
        option.word[2:]: [] for leaf in commands.values() for option in _own(leaf) if option.shared
    }
    for words, leaf in commands.items():
        for option in _own(leaf):
            if option.shared:
                shared[option.word[2:]].append((words, option))
    for key, value in raw.items():
        if isinstance(value, dict):
            continue
        if key not in shared:
            raise _unknown(path, key, [*shared, *root.commands])
        for words, option in shared[key]:
            found[words][option.name] = _text(path, key, value, commands[words], option)
    for key, value in raw.items():
        if isinstance(value, dict):
            _add_table(path, key, value, root, found)
    return found


def _add_table(path: Path, where: str, table: dict[str, Any], root: Group, found: Defaults) -> None:
    """Add what a table says of a command, or of the commands of a group."""
    node: click.Command | None = root
    for name in where.split("."):
        node = node.commands.get(name) if isinstance(node, Group) else None
    if node is None:
        raise _unknown(path, where, [*root.commands])
    words = where.replace(".", " ")
    if isinstance(node, Group):
        for key in [key for key, value in table.items() if isinstance(value, dict)]:
            _add_table(path, f"{where}.{key}", table.pop(key), root, found)
        words, node = f"{words} {node.default}", node.commands.get(node.default or "", node)
    own = {option.word[2:]: option for option in _own(node)}
    for key, value in table.items():
        if key not in own:
            raise _unknown(path, f"{where}.{key}", [f"{where}.{name}" for name in own])
        found[words][own[key].name] = _text(path, f"{where}.{key}", value, node, own[key])


def _own(command: click.Command) -> list[Option]:
    """Return the options of a command that a file may set."""
    options = [one for one in command.params if isinstance(one, Option)]
    return [option for option in options if option.word not in NEVER]


def by_name(found: Defaults) -> dict[str, Any]:
    """Return the defaults as click wants them: below the names of the commands."""
    nested: dict[str, Any] = {}
    for words, values in found.items():
        place = nested
        for name in words.split():
            place = place.setdefault(name, {})
        place.update(values)
    return nested


def _text(path: Path, key: str, value: Any, leaf: click.Command, option: Option) -> Any:
    """Return a value as it would be typed, after the option has accepted it."""
    where = f"{path}: key '{key}'"
    if not option.valued:
        if not isinstance(value, bool):
            raise DeclarationError(f"{where}: {value!r:.40} is neither true nor false")
        return value
    many = value if isinstance(value, list) and option.multiple else [value]
    for one in many:
        if isinstance(one, bool) or not isinstance(one, str | int | float):
            raise DeclarationError(f"{where}: {one!r:.40} is no value of {option.word}")
    typed = [_from_there(path, str(one), option) for one in many]
    text = typed if option.multiple else typed[0]
    try:
        option.type_cast_value(click.Context(leaf), text)
    except click.BadParameter as error:
        raise DeclarationError(f"{where}: {error.message}") from None
    return text


def _from_there(path: Path, text: str, option: Option) -> str:
    """Return a path as one from the folder of the file."""
    named = isinstance(option.type, click.Path) or text.endswith(".toml")
    return str(path.parent / text) if named and text != "-" else text


def _unknown(path: Path, key: str, valid: list[str]) -> DeclarationError:
    from tinybench.declare import nearest

    return DeclarationError(f"{path}: unknown key '{key}': {nearest(key, valid)}")


@command(
    "config",
    into_file(),
    formats=("terminal", "json"),
    examples=("tinybench config", "tinybench config --to json"),
)
def config(voice: Voice, to: str, out: Path | None) -> int:
    """Show the defaults of all commands, and which of them tinybench.toml gives.

    What is typed goes before tinybench.toml, and that before what is built in. The file is looked
    for in this folder and above. A key before its first table, such as board = "mps3-an547", is for
    every command that runs or finds boards; one in a table, such as [run] or [energy.analyse], for
    that command. Keys are the long names of options; one without a value is true or false.
    """
    from ..desk.bench import find_bench

    path, bench = find_config(), find_bench()
    root = click.get_current_context().find_root().command
    rows = _rows(root, path) if isinstance(root, Group) else []
    files = {"tinybench.toml": path, "bench.toml": bench}

    def terminal() -> str:
        said = [f"{name:<15} {where or 'none here or above'}" for name, where in files.items()]
        said += [
            f"{row['command']:<15} {row['option']:<18} {row['value']:<24} {row['from']}"
            for row in rows
        ]
        return "".join(line.rstrip() + "\n" for line in said)

    def document() -> dict[str, Any]:
        return {**{name: where and str(where) for name, where in files.items()}, "defaults": rows}

    put(voice, to, out, {"terminal": terminal, "json": document})
    return 0


def _rows(root: Group, path: Path | None) -> list[dict[str, str]]:
    """Return each default that there is, with the file it comes from."""
    given = defaults(root, path) if path is not None else {}
    rows = []
    for words, leaf in leaves(root):
        for option in _own(leaf):
            filed = option.name in given.get(words, {})
            value = given[words][option.name] if filed else option.default
            if not filed and (not isinstance(value, str) or value == "0"):
                continue
            many = value if isinstance(value, list) else [value]
            text = ", ".join(
                str(one).lower() if isinstance(one, bool) else str(one) for one in many
            )
            row = {"command": words, "option": option.word, "value": text}
            rows.append({**row, "from": str(path) if filed else "built in"})
    return rows
