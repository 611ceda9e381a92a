"""The one JSON document that `--json` prints."""

from pathlib import Path

import msgspec

from ..result import Result
from ..rules import Violation
from .text import caveats


def document(result: Result, violations: list[Violation], folder: Path) -> dict[str, object]:
    """Return the result with its verdict; the answers to single inputs stay in the run folder."""
    fields = msgspec.to_builtins(result)
    if fields["accuracy"] is not None:
        del fields["accuracy"]["answers"]
    return fields | {
        "valid": not violations,
        "caveats": caveats(result),
        "violations": msgspec.to_builtins(violations),
        "run_dir": str(folder),
    }
