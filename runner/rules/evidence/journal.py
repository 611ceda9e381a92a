"""The result held against the journal and the files beside it, field by field."""

from collections.abc import Iterator
from pathlib import Path

from tinybench.errors import RunFolderError

from ...results.journal import JOURNAL_FILE, noted, read
from ...results.recorded import STATED_ONLY
from ...results.result import Result
from ..rule import Ruling
from .clauses import EDITED, JOURNAL, some
from .derived import differing

STATED = f"stated, not witnessed: {', '.join(STATED_ONLY)}"


def rulings(result: Result, folder: Path) -> Iterator[Ruling]:
    """Judge that the result holds what journal and files say, no less and no more."""
    wanted = "every field as in the journal, or computed from it and the files beside it"
    try:
        head, entries = read(folder)
    except RunFolderError as error:
        there = (folder / JOURNAL_FILE).exists()
        why = str(error) if there else "there is no journal"
        if result.provenance is None:
            yield JOURNAL.not_judged(wanted, why)
        else:
            yield JOURNAL.broken(wanted, why, EDITED)
        return
    differ = differing(result, folder, head, noted(entries))
    found = f"other: {some(differ)}" if differ else f"they are; {STATED}"
    yield JOURNAL.judged(not differ, wanted, found, EDITED)
