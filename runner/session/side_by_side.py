"""One model by several engines, one after the other: each a run of its own, in its own folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinybench.errors import BenchError, ModelError, UsageError
from tinybench.track import Track

from ..results.request import is_recipe
from ..rules.judge import Outcome
from .own_model import asked_of, measure


@dataclass(frozen=True)
class Row:
    """What became of a model with one engine."""

    engine: str
    outcome: Outcome | None
    why_not: str = ""
    """Why there is no outcome: the engine does not take the model, or fails on it."""
    status: int = 0
    """Exit status of this run by itself."""


def measure_each(
    tflite: Path,
    words: Mapping[str, Any],
    engines: Sequence[str],
    track: Track,
    say: Callable[[str], None],
) -> list[Row]:
    """Run a model by each engine; `out` of the words gets a folder for each.

    An engine that does not take the model has a row that says so. Raises as `measure` for all else.
    """
    names = [engine if is_recipe(engine) else Path(engine).resolve().name for engine in engines]
    if len(set(names)) != len(names):
        raise UsageError(f"--engine {', '.join(names)}: one of them is named twice")
    each = [_words(words, name, engine) for name, engine in zip(names, engines, strict=True)]
    for said in each:  # before the first of them is run
        asked_of(tflite, said)
    rows = list[Row]()
    for name, said in zip(names, each, strict=True):
        try:
            outcome = measure(tflite, said, track, say)
        except (ModelError, BenchError) as error:
            rows.append(Row(name, None, str(error), error.exit_status))
        else:
            rows.append(Row(name, outcome, status=int(bool(outcome.violations))))
    return rows


def _words(words: Mapping[str, Any], name: str, engine: str) -> dict[str, Any]:
    """Return the words of one engine's run, in a folder of its own."""
    said = {**words, "engine": engine}
    if not is_recipe(engine):
        said["engine_source"] = None
    if words.get("out") is not None:
        said["out"] = words["out"] / name
    return said
