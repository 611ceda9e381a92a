"""Runs that a study is made of: done, gone on with, or read from where they are complete."""

from collections.abc import Callable
from pathlib import Path

from tinybench.track import Track

from ..build.board import load_board
from ..desk.bench import find_bench, load_bench
from ..results.journal import JOURNAL_FILE
from ..results.request import Request
from ..results.result import RESULT_FILE, read_result
from ..rules.judge import Outcome, judge
from ..session.run import resume, run


def insist_board(name: str) -> None:
    """Raise UsageError or DeclarationError for a board that there is not: first of all."""
    if name not in load_bench(find_bench()).boards:
        load_board(name)


def done(request: Request, out: Path, track: Track, say: Callable[[str], None]) -> Outcome:
    """Return the outcome of a run in a folder of its own, which is not done twice.

    Raises as `run` and `resume`.
    """
    if not (out / JOURNAL_FILE).is_file():
        return run(request, track, say)
    if (out / RESULT_FILE).is_file() and read_result(out).complete:
        return judge(out)
    return resume(out, track, say)
