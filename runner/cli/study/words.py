"""Words that studies on a board have in common: which board it is, and how it is reached."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinybench.errors import UsageError
from tinybench.files import is_there

from ...results.defaults import DEFAULT_BAUD, DEFAULT_BOARD
from .. import options
from ..options import PATH
from ..output import Voice
from ..tree import Option

if TYPE_CHECKING:
    from ...study.parts import Part
    from ...study.rows import Rows
    from ...study.work import Work


def out_folder(kind: str = "study") -> Option:
    """Return the option that names the folder of a study, or of a training."""
    return Option(
        "-o",
        "--out",
        type=PATH,
        metavar="DIR",
        section="output",
        help=f"folder of the {kind}; one that was interrupted goes on there (default: runs/...)",
    )


def placed() -> tuple[Option, ...]:
    """Return the options that say where a study is kept, and how much of it is done here."""
    return (
        Option("--part", type=part, metavar="K/N", section="dealt out",
               help="do no more than the K-th of N equal parts, for another computer or board to "
               "do the others; nothing is summed up"),
        Option("--gather", multiple=True, type=PATH, metavar="DIR", section="dealt out",
               help="take over what the folder of a part has, and do here what is missing; repeat "
               "it for each part"),
        out_folder(),
    )  # fmt: skip


def part(text: str) -> "Part":
    """Return the part of "2/4"."""
    from ...study.parts import part_of

    try:
        return part_of(text)
    except UsageError as error:
        raise click.BadParameter(str(error)) from None


@dataclass(frozen=True)
class Place:
    """Where a study is kept, and how much of it is done here."""

    folder: Path
    part: "Part | None"
    gather: tuple[Path, ...]


def place_of(said: dict[str, Any], out: Path | None, kind: str, of: str | None) -> Place:
    """Take what `placed` said out of the words, and return it."""
    return Place(folder_of(out, kind, of), said.pop("part"), said.pop("gather"))


def of_rows(test: int, cells: str = "numbers") -> tuple[Option, ...]:
    """Return the options that name rows to learn from, and which of them are tested."""
    return (
        Option("--csv", type=PATH, metavar="FILE",
               help=f"rows of your own instead: {cells}, a line a row, the last column what to "
               "tell"),
        Option("--target", metavar="NAME",
               help="with --csv: the column to tell (default: the last)"),
        Option("--test", type=options.positive, default=str(test), metavar="N",
               help=f"rows that are tested, at most three in ten (default: {test}); the others are "
               "learnt from"),
        Option("--seed", type=options.count, default="1", metavar="N",
               help="of the split and of the learning (default: 1)"),
    )  # fmt: skip


def rows_of(
    task: str | None,
    csv: Path | None,
    target: str | None,
    *,
    regression: bool = False,
    categories: Sequence[str] | None = None,
    data: Path | None = None,
    model: Path | None = None,
    beside: bool = False,
) -> "Rows | None":
    """Return the rows that were named, or None. Raises UsageError, DatasetError, ModelError.

    `categories`: columns of a CSV as `read_csv` takes them. `beside`: the task's model, or `model`,
    is studied too; else inputs in a folder need none.
    """
    from ...study.rows import read_csv, rows_of_task

    if task is not None and csv is not None:
        raise UsageError("rows are learnt from one: --task, or --csv FILE")
    if csv is None and (target is not None or regression):
        words = "--target and --regression are" if regression else "--target is"
        raise UsageError(f"{words} of --csv: a task says itself what to tell")
    if task is None and (data is not None or model is not None):
        words = "--data and --model are" if beside else "--data is"
        raise UsageError(f"{words} of --task: name it, such as kws")
    if csv is not None:
        return read_csv(csv, target, regression=regression, categories=categories)
    return None if task is None else rows_of_task(task, data, model, beside=beside)


def folder_of(out: Path | None, kind: str, of: str | None) -> Path:
    """Return the folder of a study: the named one, or a new one.

    `of`: what its name ends in; of a task in a file no folder is part of it.
    """
    from datetime import UTC, datetime

    from ...session.run_folder import default_folder

    name = Path(of).stem if of is not None and of.endswith(".toml") else of
    return out or default_folder(kind, name or "rows", datetime.now(UTC))


def words_of(said: dict[str, Any], board: str | None) -> dict[str, Any]:
    """Return the words of a run that `on_board` took."""
    given = {name: value or None if name in ("emulate", "port") else value
             for name, value in said.items()}  # fmt: skip
    return {**given, "board": board or DEFAULT_BOARD}


def shards(
    text: str = "so many emulated ones at a time (default: 1)", section: str = "the board"
) -> Option:
    """Return the option that says how many emulated boards are at work at a time."""
    return Option(
        "--shards", type=options.positive, default="1", metavar="N", section=section, help=text
    )


def shards_of(said: dict[str, Any], board: str | None, boards: tuple[str, ...] = ()) -> int:
    """Take what `shards` said out of the words, and return how many boards are at work at a time.

    `boards`: names of several of this desk. Raises UsageError.
    """
    from ...study.shards import insist_shards

    count: int = said.pop("shards")
    insist_shards(count, {**said, "board": board or DEFAULT_BOARD})
    return len(boards) or count


def work_of(
    voice: Voice,
    place: Place,
    said: dict[str, Any],
    board: str | None,
    boards: tuple[str, ...],
) -> "Work":
    """Return where a study is done and on which boards, of what is left of the words.

    Raises UsageError.
    """
    from ...study.work import Work

    at_a_time = shards_of(said, board, boards)
    return Work(place.folder, words_of(said, board), voice.track, voice.note, at_a_time, boards)


def boards_of(said: dict[str, Any], board: str | None) -> tuple[str | None, tuple[str, ...]]:
    """Return the board that is named, or the kind of several of this desk, and their names.

    A comma behind a single one says nothing. Raises UsageError.
    """
    from ...study.boards import kind_of

    if board is not None and not board.strip(" ,"):
        raise UsageError(f"--board '{board}' names none: give one, such as {DEFAULT_BOARD}")
    if board is None or "," not in board or is_there(board):
        return board, ()
    names = tuple(name.strip() for name in board.strip().removesuffix(",").split(","))
    return (names[0], ()) if len(names) == 1 else (kind_of(names, said), names)


BOARD = (
    f"a board, one of bench.toml, or a .toml file (default: {DEFAULT_BOARD}); LEFT,RIGHT: several "
    "of bench.toml, of one kind, at work at a time"
)


def on_board(text: str = BOARD) -> tuple[Option, ...]:
    """Return the options that name a board and its line."""
    return (
        options.board(text),
        options.emulate(),
        options.port(),
        Option(
            "--baud",
            type=options.baud,
            metavar="N",
            shared=True,
            help=f"rate of the port (default: {DEFAULT_BAUD})",
        ),
        options.probe(),
        options.wait(),
    )
