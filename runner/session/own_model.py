"""A model of one's own, measured: from its file and the words that ask for it to a result."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tinybench.datasets.preparation import load_preparation
from tinybench.errors import ModelError, UsageError
from tinybench.models.compiler.anatomy import Anatomy, anatomy, ends_of
from tinybench.models.compiler.reader import read_outline
from tinybench.models.model_file import read_model_file
from tinybench.track import Track

from ..build.own_task import OWN, Given, Label, own_task, read_inputs, seeded, told, with_windows
from ..build.recipe import refused
from ..build.truth import TYPES, Told
from ..results.defaults import OURS
from ..results.request import Request, is_recipe
from ..results.words import OwnWords, own_words, request_of
from ..rules.judge import Outcome
from .plan import insist_on_paper
from .run import run

PROFILE = "model"
LABELS_FILE = "labels.csv"
"""In a folder of inputs: their classes, where nothing else says what should come out."""


def measure(
    tflite: Path,
    words: Mapping[str, Any],
    track: Track,
    say: Callable[[str], None],
    label: Label = OWN,
) -> Outcome:
    """Run a model on a board, on its user's inputs or on random ones; raises as `run`.

    `words` are those of `OwnWords` and, of a run, those that mean something here. All that is wrong
    with them on paper is said before the model is read.
    """
    own, request = asked_of(tflite, words)
    found = examined(tflite, ours=request.engine is None)
    state = own.get("state", "reset")
    if state == "keep" and not (found.state_b or _kept_by_others(tflite, found)):
        raise UsageError(
            f"{found.file}: --state keep is for a model that keeps a state from one inference to "
            "the next (variables, SVDF); this one has none: leave it out"
        )
    given = inputs_of(found, own)
    say(f"{found.file}: {given.note}")
    task = own_task(tflite, found, given, label=label)
    return run(replace(request, task=str(task), state=state), track, say)


def asked_of(tflite: Path, words: Mapping[str, Any]) -> tuple[OwnWords, Request]:
    """Return what is said of a model's inputs, and the run of it, whose task is still to be made.

    Raises UsageError for a word, a board or an engine that cannot be.
    """
    own, rest = own_words(words)
    engine = rest.get("engine")
    if engine not in (None, OURS) and not is_recipe(engine):
        rest["model"] = tflite  # what its maker says that it runs
    request = request_of(**rest, task=PROFILE, profile=PROFILE, division="open")
    insist_on_paper(request)
    return own, request


def _kept_by_others(tflite: Path, found: Anatomy) -> bool:
    """Return whether a model that our compiler does not take keeps a state, in bytes unknown."""
    if found.needs:
        return False
    return read_outline(read_model_file(tflite)).keeps_state


def examined(tflite: Path, *, ours: bool, prune: bool = True, strips: bool = True) -> Anatomy:
    """Return what a model is; only what goes in and out of one that we refuse and others may not.

    `ours`: our own compiler is to take it; `prune` and `strips` are those of `compile_model`.
    Raises ModelError, with what else may take the model.
    """
    try:
        return anatomy(tflite, ("plain",), prune=prune, strips=strips)
    except ModelError as error:
        if ours:
            raise refused(error, tflite) from error
        return ends_of(tflite)


def _insist_uploadable(found: Anatomy) -> None:
    types = list(dict.fromkeys(end.type for end in found.inputs))
    if odd := [kind for kind in types if kind not in TYPES]:
        raise ModelError(
            f"{found.file}: it has inputs of {', '.join(odd)}; those that can be uploaded are of "
            f"{', '.join(TYPES)}"
        )
    if len(types) > 1:
        raise ModelError(
            f"{found.file}: its inputs are of {' and '.join(types)}; in a run all are of one type"
        )


def inputs_of(found: Anatomy, own: OwnWords) -> Given:
    """Return what is inferred, and what is known of it.

    Raises DatasetError and UsageError; ModelError for inputs of types that are not uploaded.
    """
    _insist_uploadable(found)
    labels, expect, seed = own.get("labels"), own.get("expect"), own.get("seed", 1)
    if "inputs" in own:
        beside = own["inputs"] / LABELS_FILE
        if not (labels or expect) and beside.is_file():
            labels = beside
        how = load_preparation(own["prepare"]) if "prepare" in own else None
        given = read_inputs(own["inputs"], found, leave_out=labels or expect, how=how)
    elif "prepare" in own:
        raise UsageError("--prepare is of --inputs that are .png or .wav files: give these")
    else:
        given = seeded(found, max(own.get("count", 20), 5), seed)
    said = Told(labels, expect, own.get("metric"), own.get("tolerance"), own.get("classes", ()))
    return with_windows(told(given, found, said), found, seed)
