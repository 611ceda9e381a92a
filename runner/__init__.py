"""Drive a board through the MLPerf Tiny protocol, score what it answers, judge the result."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas


def load_runs(path: Path | str) -> "pandas.DataFrame":
    """Return the runs at or below a folder as a DataFrame; see `store.load_runs`."""
    from .compare.store import load_runs as load

    return load(path)
