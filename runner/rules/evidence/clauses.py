"""The rules on evidence, and words that they share."""

from collections.abc import Sequence

from ..rule import RULES, Rule

CLAUSE = RULES + ", results can be reproduced"
STORED_FILES = Rule("stored-files", CLAUSE)
SEALED = Rule("sealed", CLAUSE)
JOURNAL = Rule("journal", CLAUSE)
TRANSCRIPT = Rule("transcript", CLAUSE)
TRACE = Rule("energy-trace", CLAUSE)
EVIDENCE = tuple(one.name for one in (STORED_FILES, SEALED, JOURNAL, TRANSCRIPT, TRACE))
"""A run that breaks one of these was not measured as it says."""

AGAIN = "the folder was changed after the run: run it again"
EDITED = "the stored result was changed after the run: run it again"
SHOWN = 3
"""Names that a message lists."""


def some(names: Sequence[str]) -> str:
    """Return the first of several names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
