"""What a sweep varies: words of a run, and keys of a board's declaration; each with its levels."""

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tinybench.declare import find, nearest
from tinybench.errors import DeclarationError, TinybenchError, UsageError
from tinybench.files import write_whole
from tinybench.plural import counted
from tinybench.read import read_toml

from ...build import board as boards
from ...build.task import load_task
from ...desk.bench import find_bench, load_bench
from ...desk.bench_file import quoted
from ...desk.choose import choose
from ...results.defaults import hertz
from ...results.request import Request
from ...results.words import SuiteWords, request_of
from ...rules.profile import load_profile
from ..runs import insist_run

SHORT = {
    "clock": "clock_hz",
    "flags": "toolchain.cflags",
    "kernels": "toolchain.kernels",
    "weights": "memory.weights",
}
"""Names for keys of a board that are swept most."""
ADDED = "toolchain.cflags"
"""Key whose levels are added to what the board has: without its core's flags nothing is built."""
NOT_SWEPT = ("out", "port", "flash", "shards", "wait", "probe", "hub")
OF_RUN = tuple(sorted((*SuiteWords.__annotations__.keys() - NOT_SWEPT, "task", "engine")))
FACTORS_MOST, LEVELS_MOST = 12, 32
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Factor:
    """An option and the values that it takes."""

    name: str
    levels: tuple[str, ...]

    @property
    def key(self) -> str | None:
        """The dotted key of a board's declaration; None where it is a word of a run."""
        if self.name in SHORT:
            return SHORT[self.name]
        return None if self.name in OF_RUN else self.name


def factor(text: str) -> Factor:
    """Return the factor of "kernels=plain,dsp". Raises UsageError."""
    name, sign, values = text.partition("=")
    name = name.strip().removeprefix("--").replace("-", "_")
    levels = tuple(dict.fromkeys(value.strip() for value in values.split(",")))
    if not sign or not name:
        raise UsageError(f"--by '{text[:60]}': give NAME=VALUE,VALUE, such as kernels=plain,dsp")
    if name in NOT_SWEPT:
        raise UsageError(f"--by {name}: that is the same for all runs of a sweep; give it once")
    if not 2 <= len(levels) <= LEVELS_MOST:
        raise UsageError(
            f"--by {name}: {counted(len(levels), 'different value')}; a sweep takes 2 "
            f"to {LEVELS_MOST} of each"
        )
    known = (*SHORT, *OF_RUN)
    found = Factor(name, levels)
    root = (found.key or name).partition(".")[0]
    if found.key == SHORT["clock"]:
        _insist_clocks(name, levels)
    if found.key is not None and root not in boards.Board.__struct_fields__:
        raise UsageError(
            f"--by {name}: no word of a run and no key of a board's declaration; "
            f"{nearest(name, known)}"
        )
    return found


def _insist_clocks(name: str, levels: Sequence[str]) -> None:
    """Raise UsageError for a clock that is none: 0 Hz is that of a board whose clock is unknown."""
    try:
        for level in levels:
            hertz(level)
    except UsageError as error:
        raise UsageError(f"--by {name}: {error}") from None


def value_of(text: str) -> Any:
    """Return a level as what it looks like: yes or no, a number, a frequency, else a text."""
    if text in ("true", "false"):
        return text == "true"
    if text.lower().endswith("hz"):
        with contextlib.suppress(UsageError):
            return hertz(text)
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def words_of(
    levels: Mapping[str, str], factors: Sequence[Factor], words: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """Return the words of the run of one combination; its board's declaration is put into `folder`.

    Raises UsageError, DeclarationError: such a board cannot be, or such a run.
    """
    said = dict(words)
    keys = dict[str, str]()
    for one in factors:
        if one.key is None:
            said[one.name] = value_of(levels[one.name])
        else:
            keys[one.key] = levels[one.name]
    varied = any(one.name == "mode" for one in factors)
    if not varied and said.get("mode") == "performance" and _is_heard(said.get("task")):
        said["mode"] = "all"  # a stream has one mode, and the default is none of its own
    if keys:
        made = _declared(str(said["board"]), keys, folder)
        said["board"] = str(made)
        try:
            boards.load_board(said["board"], emulate=bool(said.get("emulate")))
        except DeclarationError as error:  # of the key: nobody wrote that file
            raise DeclarationError(str(error).replace(f"{made}: ", "")) from None
    return said


def _is_heard(task: object) -> bool:
    """Return whether a task is a stream; what is none is said where it is run."""
    try:
        return load_task(str(task)).streams
    except (UsageError, DeclarationError):
        return False


def request_for(
    levels: Mapping[str, str],
    factors: Sequence[Factor],
    words: Mapping[str, Any],
    folder: Path,
    out: Path,
) -> Request:
    """Return the run of one combination, with its board's declaration in `folder`.

    A board of this desk keeps its place there, however it is declared. Raises as `words_of`, and
    UsageError where it is not attached.
    """
    request = request_of(**words_of(levels, factors, words, folder), out=out)
    name, bench = levels.get("board", str(words["board"])), load_bench(find_bench())
    if name not in bench.boards or request.board == name or request.emulate:
        return request
    place, _ = choose(msgspec.structs.replace(request, board=name), bench, lambda _: None)
    return msgspec.structs.replace(place, board=request.board)


def _declared(name: str, keys: Mapping[str, str], folder: Path) -> Path:
    """Write the declaration of a board with some keys changed."""
    desk = load_bench(find_bench()).boards
    name = desk[name].board if name in desk else name
    if not name.endswith(".toml") and name not in boards.names():
        raise UsageError(boards.no_board(name, [*boards.names(), *desk]))
    path = find("board", name, boards.names())
    whole = _with_paths(read_toml(path), path.parent)
    for key, text in keys.items():
        *tables, last = key.split(".")
        at = whole
        for table in tables:
            at = at.setdefault(table, {})
            if not isinstance(at, dict):
                raise DeclarationError(f"{path}: '{key}' is no key: {table} is no table")
        if key == ADDED:
            at[last] = [*at.get(last, []), *text.split()]
        else:
            at[last] = value_of(text)
    made = folder / "board.toml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(made, as_toml(whole).encode())
    except OSError as error:
        raise UsageError(f"cannot write {made}: {error.strerror}") from error
    return made


def _with_paths(table: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return a table whose files lie where they lay beside the declaration; a deep copy."""
    found = dict[str, Any]()
    for key, value in table.items():
        if isinstance(value, dict):
            found[key] = _with_paths(value, folder)
        elif isinstance(value, str) and value.endswith(".toml"):
            found[key] = str((folder / value).resolve())
        else:
            found[key] = value
    return found


def as_toml(table: Mapping[str, Any], above: str = "") -> str:
    """Return tables of texts, numbers, truths and lists of such as TOML."""
    plain, tables = list[str](), list[str]()
    for key, value in table.items():
        name = key if _BARE.fullmatch(key) else quoted(key)
        if isinstance(value, dict):
            path = f"{above}.{name}" if above else name
            tables.append(f"\n[{path}]\n{as_toml(value, path)}")
        else:
            plain.append(f"{name} = {_literal(value)}\n")
    return "".join(plain + tables)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return quoted(value) if isinstance(value, str) else repr(value)


def insist_levels(
    factors: Sequence[Factor], words: Mapping[str, Any], folder: Path, *, here: bool = True
) -> None:
    """Raise UsageError for a level that can be on no board of the sweep, with what is wrong by it.

    `here`: this computer has the boards; else nothing is known of how they are measured.
    """
    levels = {one.name: one.levels for one in factors}
    named = levels.get("board", (str(words["board"]),))
    for profile in [
        *levels.get("profile", ()),
        *([words["profile"]] if "profile" in words else ()),
    ]:
        load_profile(str(profile))
    for one in factors:
        for level in one.levels:
            why: TinybenchError | None = None
            for board in named:
                try:
                    said: dict[str, Any] = {"task": "kws", **words, "board": board}
                    said = words_of({one.name: level}, [one], said, folder)
                    request_of(**said)
                    if here:
                        insist_run(said, level if one.name == "board" else board)
                    if said["task"] != "all":
                        load_task(str(said["task"]))
                    break
                except (UsageError, DeclarationError) as error:
                    why = error
            else:
                raise UsageError(f"--by {one.name}={level}: {why}")
