"""A bench file, written from what is attached and what the user answers."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from . import board as boards
from .attached import Attached, Thing
from .board import load_board
from .errors import UsageError

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
    names = [_monitor(thing, taken, parts, ask) for thing in monitors]
    for thing in others:
        _board(thing, [name for name in names if name], taken, parts, ask)
    if len(parts) == 1:
        raise UsageError("nothing was named, so no bench file is needed; none was written")
    return "\n".join(parts)


def store(path: Path, text: str) -> None:
    """Write a bench file. Raises UsageError when it cannot be written."""
    new = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def _monitor(
    thing: Thing, taken: set[str], parts: list[str], ask: Callable[[str, str], str]
) -> str | None:
    name = _name(f"name of the monitor {_shown(thing)} (- for none)", thing.monitor, taken, ask)
    if name is None:
        return None
    where = f"serial = {quoted(thing.serial)}" if thing.serial else f"port = {_port(thing)}"
    parts.append(f"[monitors.{name}]\ndriver = {quoted(thing.monitor)}\n{where}\n")
    return name


def _board(
    thing: Thing,
    monitors: list[str],
    taken: set[str],
    parts: list[str],
    ask: Callable[[str, str], str],
) -> None:
    kinds = [name for name in boards.names() if load_board(name).emulator is None]
    guess = thing.boards[0] if thing.boards else "-"
    question = f"which board is {_shown(thing)}: {', '.join(kinds)}, or - for none"
    kind = _one_of(question, guess, kinds, ask)
    if kind is None:
        return
    name = _name("its name on this desk (- for none)", kind, taken, ask)
    if name is None:
        return
    lines = [f"[boards.{name}]", f"board = {quoted(kind)}"]
    if thing.serial:
        lines.append(f"serial = {quoted(thing.serial)}")
    if not thing.serial or len(thing.ports) > 1:
        lines.append(f"port = {_port(thing)}")
    if thing.hub:
        lines.append(f"hub = {quoted(thing.hub)}")
    if monitors:
        question = f"which monitor supplies it: {', '.join(monitors)}, or - for none"
        monitor = _one_of(question, monitors[0] if len(monitors) == 1 else "-", monitors, ask)
        lines += [f"monitor = {quoted(monitor)}"] if monitor is not None else []
    parts.append("\n".join(lines) + "\n")


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


def _port(thing: Thing) -> str:
    return quoted((thing.by_id or thing.ports or [""])[0])


def quoted(text: str) -> str:
    """Return a text as a TOML string, whatever it holds."""
    clean = text.encode("utf-8", "replace").decode()
    return json.dumps(clean, ensure_ascii=False).replace("\x7f", "\\u007f")
