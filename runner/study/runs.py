"""Runs that a study is made of: done, gone on with, or read from where they are complete."""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tinybench.energy.monitor import insist_edges
from tinybench.errors import RunFolderError
from tinybench.track import Track

from ..build.board import Board, load_board
from ..desk.bench import find_bench, line_of, load_bench, monitor_spec, own_line
from ..desk.choose import choose, insist_line, of_kind
from ..results.journal import JOURNAL_FILE, read
from ..results.request import MODELLED, Request
from ..results.result import RESULT_FILE, read_result
from ..results.words import request_of
from ..rules.judge import Outcome, judge
from ..session.plan import insist_possible
from ..session.run import resume, run
from .declared import kind_here


def is_emulated(name: str, *, emulate: bool = False) -> bool:
    """Return whether a board, by its name or that of this desk, is emulated: what is counted then.

    Raises UsageError or DeclarationError for a board that there is not.
    """
    return board_of(name, emulate=emulate).emulated


def board_of(name: str, *, emulate: bool = False) -> Board:
    """Return a board, by its name or that of this desk. Raises as `load_board`."""
    return load_board(kind_here(name), emulate=emulate)


def insist_run(words: Mapping[str, Any], place: str | None = None) -> None:
    """Raise where a board cannot be, or has not the energy that is asked of it: first of all.

    `words` are those of all runs. What is attached is not looked at: what is done already needs no
    board; what bench.toml says of it is. `place`: its name there, where it is declared otherwise.
    Raises UsageError, DeclarationError.
    """
    bench, name = load_bench(find_bench()), str(words["board"])
    known = bench.boards.get(name)
    desk = bench.boards.get(place or name)
    emulate = bool(words.get("emulate"))
    board = load_board(known.board if known else name, emulate=emulate)
    if words.get("monitor") is None and words.get("mode") != "energy":
        return
    said: dict[str, Any] = {"task": "kws", **words}
    asked = request_of(**said)
    if asked.monitor not in (None, MODELLED) and "mode" not in words and not emulate:
        asked = replace(asked, mode="energy")  # as that of a board on a port is measured
    energy = asked.mode == "energy"
    if desk is not None and not (asked.ports or emulate):
        asked = replace(asked, ports=(place or name,))
        if energy and asked.monitor is None:
            asked = replace(asked, monitor=desk.monitor)
        if line_of(desk, bench, energy=energy) == own_line(desk):
            insist_line(board, energy)
    if asked.ports or emulate or (board.attached is None and not of_kind(bench, board)):
        insist_possible(board, asked)
    if asked.monitor not in (None, MODELLED):
        insist_edges(monitor_spec(asked.monitor, bench))


def done(request: Request, out: Path, track: Track, say: Callable[[str], None]) -> Outcome:
    """Return the outcome of a run in a folder of its own, which is not done twice.

    One that was begun on a board at another port than is asked for now is begun anew, and what it
    has is kept beside. Raises as `run` and `resume`.
    """
    if not (out / JOURNAL_FILE).is_file():
        return run(request, track, say)
    if (out / RESULT_FILE).is_file() and read_result(out).complete:
        return judge(out)
    before, now = read(out)[0].asked, choose(request, load_bench(find_bench()), lambda _: None)[0]
    if before.ports == now.ports:
        return resume(out, track, say)
    put_aside(out, f"was begun at {', '.join(before.ports)}", say)
    return run(request, track, say)


def put_aside(out: Path, why: str, say: Callable[[str], None]) -> None:
    """Rename the folder of a run that is begun anew, and say why. Raises RunFolderError."""
    beside = _free(out)
    try:
        out.rename(beside)
    except OSError as error:
        raise RunFolderError(
            f"cannot write into {out.parent}: {error.strerror or error}"
        ) from error
    say(f"{out.name} {why}: it is begun anew, and kept as {beside}")


def _free(out: Path) -> Path:
    """Return the name of a folder beside a run, which is not there yet."""
    names = (out.with_name(f"{out.name}-begun-{n}") for n in itertools.count(1))
    return next(one for one in names if not one.exists())
