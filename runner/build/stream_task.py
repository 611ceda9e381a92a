"""The task of a model that hears a stream of sound."""

from pathlib import Path

from tinybench.errors import ModelError
from tinybench.models.compiler.anatomy import anatomy

from .firmware import FRAME_B
from .task import Task, TaskRules

INPUT_B = 1024
"""Of 512 samples."""
LEAST_SCALE = 2.0**-20
"""Of features, whose steps the firmware counts in fixed point."""


def stream_task(model: Path, model_id: str = "sww01") -> Task:
    """Return the task of a model that hears. Raises ModelError for another one."""
    outputs = insist_hears(model)
    return Task(
        name="stream",
        title="a stream of sound",
        model_id=model_id,
        input_b=INPUT_B,
        front_end="log-mel",
        classes=[str(n) for n in range(outputs)],
        metric="none",
        dataset="",
        model=str(model),
        embedded_dataset="",
        embedded_model="",
        rules=TaskRules(accuracy_count=[], closed_threshold=0),
    )


def insist_hears(model: Path) -> int:
    """Return how many probabilities a model has, of a history of frames of 40 features.

    Raises ModelError for another model.
    """
    found = anatomy(model, ("plain",), prune=False, strips=False)
    (source, *more), outputs = found.inputs, found.outputs
    frames, rest = divmod(source.elements, FRAME_B)
    if more or source.type != "INT8" or rest or source.shape[1:2] != [frames]:
        raise ModelError(
            f"{model}: its input is {source.type} {source.shape}; a stream of sound gives a "
            f"history [1, frames, ...] of {FRAME_B} features of int8 a frame"
        )
    if not LEAST_SCALE <= (source.scale or 0) <= 1:
        raise ModelError(
            f"{model}: a step of its input is {source.scale or 0:g}; features are from 0 to 1, and "
            f"a step from {LEAST_SCALE:g} to 1 is needed"
        )
    if len(outputs) != 1 or outputs[0].type != "INT8" or outputs[0].scale != 1 / 256:
        raise ModelError(
            f"{model}: its outputs are no probabilities of int8, such as a softmax has"
        )
    return outputs[0].elements
