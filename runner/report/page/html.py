"""Runs as one HTML file that needs nothing else: one with all that is known, many side by side."""

from collections.abc import Sequence

from tinybench.plural import counted

from ...compare.store import Summary
from ...results.result import Result
from ...rules import Verdict
from .many import comparison
from .parts import document
from .run import section

Judged = tuple[Result, Verdict, Summary]


def as_html(runs: Sequence[Judged]) -> str:
    """Return the page of a run, or the one that compares several."""
    if len(runs) == 1:
        result = runs[0][0]
        return document(f"{result.task} on {result.board}", section(*runs[0]))
    return compared([summary for _, _, summary in runs])


def compared(runs: Sequence[Summary]) -> str:
    """Return the page that compares runs."""
    return document(counted(len(runs), "run"), comparison(runs))
