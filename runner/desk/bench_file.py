"""A bench file, written from what is attached and what the user answers."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from tinybench.errors import UsageError
from tinybench.files import write_whole

from ..build import board as boards
from ..build.board import load_board
from .attached import Attached, Thing

INTERFACE = "interface-board"
ROLES = ("in energy mode, which monitor supplies", "in energy mode, which interface board isolates")
HEAD = """\
# What stands on this desk. `tinybench bench` shows it, docs/bench.md explains it.
"""


def compose(found: Attached, ask: Callable[[str, str], str]) -> str:
    """Return the text of a bench file.

    `ask` takes a question and the answer that is taken for an empty one, and returns the answer.
    Raises UsageError when nothing is attached that could be named, or nothing was.
    """
    monitors = [thing for thing in found.things if thing.monitor]
    others = [thing for thing in found.things if thing.ports and not thing.monitor]
    if not monitors and not others:
        raise UsageError(
            "nothing is attached that a bench file could name: no serial port and no energy "
            "monitor. Plug the boards in, and try again; docs/bench.md has an example to edit"
        )
    taken: set[str] = set()
    parts = [HEAD]
    supplies = [_monitor(thing, taken, parts, ask) for thing in monitors]
    kinds = [(thing, _kind(thing, ask)) for thing in others]
    between = [
        _interface_board(thing, taken, parts, ask) for thing, kind in kinds if kind == INTERFACE
    ]
    for thing, kind in kinds:
        if kind not in (None, INTERFACE):
            behind = ([name for name in supplies if name], [name for name in between if name])
            _board(thing, kind, behind, taken, parts, ask)
    if len(parts) == 1:
        raise UsageError("nothing was named, so no bench file is needed; none was written")
    return "\n".join(parts)


def store(path: Path, text: str) -> None:
    """Write a bench file. Raises UsageError when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def _monitor(
    thing: Thing, taken: set[str], parts: list[str], ask: Callable[[str, str], str]
) -> str | None:
    name = _name(f"name of the monitor {_shown(thing)} (- for none)", thing.monitor, taken, ask)
    if name is not None:
        parts.append(f"[monitors.{name}]\ndriver = {quoted(thing.monitor)}\n{_where(thing)}\n")
    return name


def _interface_board(
    thing: Thing, taken: set[str], parts: list[str], ask: Callable[[str, str], str]
) -> str | None:
    name = _name(f"name of the interface board {_shown(thing)} (- for none)", "between", taken, ask)
    if name is not None:
        parts.append(f"[interface_boards.{name}]\n{_where(thing)}\n")
    return name


def _kind(thing: Thing, ask: Callable[[str, str], str]) -> str | None:
    """Ask which board a port belongs to; None for none."""
    kinds = [name for name in boards.names() if load_board(name).emulator is None]
    question = f"what is {_shown(thing)}: {', '.join(kinds)}, {INTERFACE}, or - for none of these"
    return _one_of(question, thing.boards[0] if thing.boards else "-", [*kinds, INTERFACE], ask)


def _board(
    thing: Thing,
    kind: str,
    behind: tuple[list[str], list[str]],
    taken: set[str],
    parts: list[str],
    ask: Callable[[str, str], str],
) -> None:
    """Ask for a board's name, and which of the monitors and interface boards are `behind` it."""
    name = _name(f"name of the {kind} {_shown(thing)} (- for none)", kind, taken, ask)
    if name is None:
        return
    lines = [f"[boards.{name}]", f"board = {quoted(kind)}", _where(thing)]
    if thing.hub:
        lines.append(f"hub = {quoted(thing.hub)}")
    for key, what, names in zip(("monitor", "interface_board"), ROLES, behind, strict=True):
        if names:
            question = f"{what} {name}: {', '.join(names)}, or - for none"
            answer = _one_of(question, names[0] if len(names) == 1 else "-", names, ask)
            lines += [f"{key} = {quoted(answer)}"] if answer is not None else []
    parts.append("\n".join(lines) + "\n")


def _where(thing: Thing) -> str:
    """Return the keys by which a thing is found again."""
    keys = [f"serial = {quoted(thing.serial)}"] if thing.serial else []
    if thing.ports and len(thing.ports) != len(keys):  # no serial number, or several ports
        keys.append(f"port = {quoted((thing.by_id or thing.ports)[0])}")
    return "\n".join(keys)


def _one_of(
    question: str, guess: str, valid: list[str], ask: Callable[[str, str], str]
) -> str | None:
    while (answer := ask(question, guess)) not in ("-", *valid):
        question = f"'{answer}' is none of {', '.join(valid)}, -"
    return None if answer == "-" else answer


def _name(question: str, guess: str, taken: set[str], ask: Callable[[str, str], str]) -> str | None:
    """Ask for a name that is free, and can be a key; None for none."""
    free = next(
        name
        for number in range(1, len(taken) + 2)
        if (name := guess if number == 1 else f"{guess}-{number}") not in taken
    )
    while (answer := ask(question, free)) != "-":
        if answer in taken:
            question = f"'{answer}' is taken already; another name"
        elif re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", answer) is None:
            question = f"'{answer}' is no name of letters, digits, - and _; another name"
        elif answer in boards.names() and answer != guess:
            question = f"'{answer}' is another kind of board; another name"
        else:
            taken.add(answer)
            return answer
    return None


def _shown(thing: Thing) -> str:
    words = [thing.usb, thing.product, thing.serial, *thing.ports]
    return " ".join(word for word in words if word)


def quoted(text: str) -> str:
    """Return a text as a TOML string, whatever it holds."""
    clean = text.encode("utf-8", "replace").decode()
    return json.dumps(clean, ensure_ascii=False).replace("\x7f", "\\u007f")
