"""A model that was measured: the report of its run with its layers, for a terminal and as JSON."""

from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from tinybench.files import DOCUMENT_MOST_B, read_bytes
from tinybench.models.compiler.anatomy import Anatomy
from tinybench.read import read_json

from ..measure.profile import Profile
from ..results.names import PROFILE_FILE
from ..rules.judge import Outcome
from .document import document
from .terminal.profile import table
from .terminal.text import report


def measured(outcome: Outcome) -> RenderableType:
    """Return what a person reads of a model that was measured: the report, and its layers."""
    said = report(outcome.result, outcome.verdict, outcome.folder)
    layers, told = _profile(outcome.folder), outcome.result.cycles is not None
    return said if layers is None else Group(said, Text(), table(layers, summed=not told))


def measured_document(outcome: Outcome, found: Anatomy) -> dict[str, Any]:
    """Return the same as it is written as JSON, with what the model is."""
    return {
        **document(outcome.result, outcome.verdict, outcome.folder),
        "layers": layers.layers if (layers := _profile(outcome.folder)) else [],
        "anatomy": found,
    }


def _profile(folder: Path) -> Profile | None:
    """Return the layers that a run has timed; None where the firmware could not."""
    try:
        return read_json(read_bytes(folder / PROFILE_FILE, DOCUMENT_MOST_B), type=Profile)
    except OSError:
        return None
