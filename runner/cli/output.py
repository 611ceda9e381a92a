"""What the commands print, and the one way of each to print it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tinybench.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..rules.judge import Outcome

REPORT_WIDTH = 100
"""Columns of a report that goes to no terminal."""
LISTING_WIDTH = 160
"""Columns of a listing that goes to no terminal."""


def note(text: str) -> None:
    """Print to standard error; what a board or a file said may not steer the terminal."""
    from tinybench.printable import printable

    print(printable(text), file=sys.stderr)


def print_json(document: object) -> None:
    """Print one JSON document."""
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def write(path: Path, data: bytes) -> None:
    """Write a file the user named. Raises UsageError when it cannot be."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}; name a file in a folder that exists"
        ) from error


def print_table(table: "RenderableType", width: int = REPORT_WIDTH) -> None:
    """Print a table as wide as the terminal, or `width` columns where there is none."""
    from rich.console import Console

    Console(highlight=False, width=None if sys.stdout.isatty() else width).print(table)


def show(outcome: "Outcome", as_json: bool, *, rules: bool = False) -> int:
    """Print a judged result, with every rule if wanted, and return the exit status."""
    if as_json:
        from ..report.document import document

        print_json(document(outcome.result, outcome.verdict, outcome.folder))
    else:
        from ..report.terminal.text import report

        print_table(report(outcome.result, outcome.verdict, outcome.folder, rules=rules))
    return 1 if outcome.violations else 0
