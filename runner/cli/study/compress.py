"""What weights may shrink to: shared, coded or left out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinybench.errors import UsageError

from ...results.defaults import DEFAULT_BOARD
from ...study.asking.options import RATES
from .. import options
from ..options import positive
from ..output import Voice
from ..tree import Option, typed
from .in_lab import study_command
from .lists import names, numbers, several
from .show import do
from .words import (
    boards_of,
    of_rows,
    on_board,
    place_of,
    rows_of,
    shards,
    work_of,
)

if TYPE_CHECKING:
    from ...study.rows import Rows

TRIALS = 3
METHODS = ("robe", "palette", "prune")


@study_command(
    "compress",
    options.task("a task whose inputs are learnt from, such as kws (default: pictures of digits); "
                 "of one without classes, such as ad, as with --layers"),
    Option("--layers", is_flag=True,
           help="with --task: keep the fully connected layers of its model, or of --model, in less "
           "flash, fitted to half of its inputs, and score it by the others; no net is trained"),
    options.model(),
    options.data(),
    Option("--limit", type=positive, metavar="N",
           help="of --layers: only so many inputs, drawn, of each label its share; of a stream "
                "seconds"),
    Option("--tables", is_flag=True,
           help="a synthetic log of events instead, whose codes are rows of embedding tables"),
    *of_rows(3000, "numbers, and words as categories"),
    Option("--embed", type=names, metavar="LIST",
           help="with --csv: columns of numbers that are categories, such as ids; each has an "
           "embedding table, as one has that begins with a word"),
    Option("--width", type=positive, metavar="N",
           help="of embedding tables: weights of a row (default: 16)"),
    Option("--methods", type=several(METHODS), default=",".join(METHODS), metavar="LIST",
           help="of robe (one array that weights share), palette (codes of 4, 2 or 1 bit), prune "
           "(default: all)"),
    Option("--rates", type=numbers, default=RATES, metavar="LIST",
           help=f"weights for each that is kept (default: {RATES}); a palette has 2, 4 and 8; "
           "where there are tables, of theirs"),
    Option("--hidden", type=positive, metavar="N",
           help="units of the hidden layer (default: 128; behind tables 32)"),
    Option("--block", type=positive, default="16", metavar="N",
           help="of robe: neighbours that stay neighbours in the array (default: 16)"),
    Option("--trials", type=positive, metavar="N",
           help="nets of each kind, from other random numbers (default: 3)"),
    *on_board(),
    shards("so many emulated ones at a time, each with its share of the candidates (default: 1)"),
    examples=(
        "tinybench study compress                          digits, on the emulated default board",
        "tinybench study compress --tables                 codes of synthetic events",
        "tinybench study compress --task kws --methods robe --rates 8,64 --trials 1",
        "tinybench study compress --task ad                the layers of its autoencoder",
        "tinybench study compress --task kws --layers      the last layer of its model",
        "tinybench study compress --csv mine.csv --board nucleo-l4r5 --port /dev/ttyACM0",
        "tinybench study compress --csv mine.csv --embed city,device --width 8",
    ),
)  # fmt: skip
def compress(
    voice: Voice, task: str | None, data: Path | None, csv: Path | None, target: str | None,
    tables: bool, embed: tuple[str, ...] | None, board: str | None, to: str, out: Path | None,
    layers: bool, model: Path | None, limit: int | None, **said: Any,
) -> int:  # fmt: skip
    """Train a net whose weights share an array, are coded or left out, and run each on a board.

    Or keep the layers of a model so (--layers). All of them are in one image, and get the same
    rows. Exit status 1 where the board, the same C on this computer and Python do not answer the
    same to each row.
    """
    from tinybench.printable import one_line

    if _of_layers(task, model, limit, layers=layers):
        none = {"csv": csv, "target": target, "tables": tables or None, "embed": embed}
        return _layers(voice, task or "", data, model, limit, board, to, out, said, none)

    from ...report.study import compress as report
    from ...study.compress.asked import HIDDEN, HIDDEN_OF_TABLES, ask
    from ...study.compress.compress import pieces, run_compress, share_compress

    board, boards = boards_of(said, board)
    rows = _rows(task, data, csv, target, embed, tables=tables)
    if rows.categories:
        found = ", ".join(one.name[:40] for one in rows.categories)
        voice.note(f"{csv or rows.name}: columns with an embedding table: {one_line(found)}")
    hidden = said.pop("hidden") or (HIDDEN_OF_TABLES if rows.categories else HIDDEN)
    asked = ask(
        rows, task or rows.name, board or DEFAULT_BOARD, said.pop("methods"), said.pop("rates"),
        hidden, said.pop("block"), said.pop("test"), said.pop("trials") or TRIALS,
        said.pop("seed"),
        width=said.pop("width"), emulate=said["emulate"],
    )  # fmt: skip
    place = place_of(said, out, "compress", task)
    work = work_of(voice, place, said, board, boards)
    return do(
        voice, to, place, report, asked, pieces(asked), lambda: run_compress(rows, asked, work),
        lambda part: share_compress(rows, asked, work, part), lambda found: found.same,
    )  # fmt: skip


def _of_layers(task: str | None, model: Path | None, limit: int | None, *, layers: bool) -> bool:
    """Return whether the layers of a model are kept, and no net is trained. Raises UsageError."""
    from ...study.compress.asked import keeps_layers

    if task is None and (layers or model is not None or limit is not None):
        raise UsageError("--layers, --model and --limit are of --task: name it, such as ad")
    found = keeps_layers(task, layers=layers, model=model is not None)
    if limit is not None and not found:
        raise UsageError(
            f"--limit is of the layers of a model: add --layers, or say by --test how many inputs "
            f"of {task} are tested"
        )
    return found


def _layers(
    voice: Voice, task: str, data: Path | None, model: Path | None, limit: int | None,
    board: str | None, to: str, out: Path | None, said: dict[str, Any], none: dict[str, Any],
) -> int:  # fmt: skip
    """Keep the layers of a task's model in less flash."""
    from ...report.study import compress as report
    from ...study.compress.compress import pieces
    from ...study.compress.of_model import ask_layers, run_layers, share_layers
    from ...study.subject import ANY_METRIC, halves, subject

    none |= {name: said.pop(name) for name in ("hidden", "width", "trials", "test")}
    if not typed(click.get_current_context(), "test"):
        none["test"] = None  # its default
    if idle := [f"--{name}" for name, value in none.items() if value is not None]:
        raise UsageError(
            f"{', '.join(idle)}: of nets that are trained here, and of task {task} the layers of "
            "the model are kept in less flash: leave that out, or take a task with classes, such "
            "as kws, without --layers and --model"
        )
    board, boards = boards_of(said, board)
    of = subject(task, data, model, limit, ANY_METRIC)
    voice.note(of.note)
    seed = said.pop("seed")
    first, of = halves(of, seed)
    asked = ask_layers(
        of, first, board or DEFAULT_BOARD, said.pop("methods"), said.pop("rates"),
        said.pop("block"), seed, emulate=said["emulate"],
    )  # fmt: skip
    place = place_of(said, out, "compress", task)
    work = work_of(voice, place, said, board, boards)
    return do(
        voice, to, place, report, asked, pieces(asked),
        lambda: run_layers(of, first, asked, work),
        lambda part: share_layers(of, first, asked, work, part), lambda found: found.same,
    )  # fmt: skip


def _rows(
    task: str | None,
    data: Path | None,
    csv: Path | None,
    target: str | None,
    embed: tuple[str, ...] | None,
    *,
    tables: bool,
) -> "Rows":
    """Return the rows to learn from.

    Raises UsageError, DatasetError, ModelError, ToolMissingError.
    """
    from ...study.compress.events import events
    from ...study.rows import digits

    if tables and (task is not None or csv is not None or data is not None):
        raise UsageError("rows are learnt from one: --tables, --task, or --csv FILE")
    if embed is not None and csv is None:
        raise UsageError("--embed is of --csv: it names columns of that")
    found = rows_of(task, csv, target, categories=embed or (), data=data)
    return found or (events() if tables else digits())
