"""Choose what is exported: the model of a task, or a model of one's own as its own task."""

import shlex
from pathlib import Path

from tinybench.errors import ModelError, UsageError
from tinybench.models.compiler.anatomy import anatomy
from tinybench.scratch import scratch

from ..build.inputs import resolve
from ..build.own_task import own_task, seeded
from ..build.task import Task, load_task

SAMPLES = 1
"""Inputs of a model's own task, which an export does not need."""


def chosen(task: str | None, model: Path | None, *, prune: bool) -> tuple[Task, Path, str]:
    """Return a task, the .tflite of its model, and how a board with it is run.

    The latter is a command line with {port} in it. A model without a task is called as `tinybench
    model` calls it. Raises UsageError, ModelError, DatasetError.
    """
    if model is not None and not model.is_file():
        raise ModelError(f"{model}: there is no such file of a model")
    if task is not None:
        wanted = load_task(task)
        run = f"tinybench --port {{port}} --task {shlex.quote(task)}"
        return wanted, resolve(wanted, None, model).model, run
    if model is None:
        raise UsageError("say what is exported: --task kws, or --model FILE")
    try:
        with scratch() as own:
            found = anatomy(model, ("plain",), prune=prune)
            wanted = load_task(str(own_task(model, found, seeded(found, SAMPLES, 1), own)))
    except OSError as error:
        raise UsageError(f"cannot write a task of {model}: {error.strerror or error}") from error
    name = shlex.quote(model.name)
    return wanted, model, f"tinybench model {name} --board serial --port {{port}}"
