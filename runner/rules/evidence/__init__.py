"""A run folder held against itself: its files as they were written, its result as it was measured.

Every figure of a result is computed again from the journal and from the files beside it; what was
measured is looked for in the transcripts, energy in the trace. What nothing can compute the journal
repeats. So an edit of any one file is found, whoever makes its seal right again; who edits result,
journal, transcript and seal alike, and well, is not found out: the seal is no signature.
"""

from collections.abc import Iterator
from pathlib import Path

from ...results.result import Result
from .. import inputs
from ..rule import Ruling
from . import files, journal, said, traced
from .resumed import stands

__all__ = ["changed_files", "evidence", "stands"]


def changed_files(result: Result, folder: Path) -> list[Ruling]:
    """Return what holds a result against all of its folder that is quickly read.

    Its files are those that the run used, and every figure is what they and the journal say.
    """
    return [*files.stored(result, folder), *journal.rulings(result, folder)]


def evidence(result: Result, folder: Path) -> Iterator[Ruling]:
    """Yield whether the result agrees with seal, transcripts and trace; reads them whole."""
    yield from files.sealed(result, folder)
    yield from inputs.claimed(result)
    yield from said.rulings(result, folder)
    yield from traced.rulings(result, folder)
