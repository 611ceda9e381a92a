"""The task of a model that hears a stream of sound."""

from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from tinybench.errors import ModelError
from tinybench.models.compiler.anatomy import anatomy

from .firmware import FRAME_B
from .task import SAMPLE_B, STEP_SAMPLES, FrontEnd, Task, TaskRules

STEPS: dict[FrontEnd, tuple[float, float]] = {"log-mel": (2.0**-20, 1 / 32), "micro": (0.09, 0.11)}
"""Least and greatest step of a model's input: log-mel features are from 0 to 1, and their steps are
counted in fixed point; micro's are from 0 to 26, and their steps are given."""
STATE_ROWS_MOST = 16
"""That a model with a state takes anew at a time."""


@dataclass(frozen=True, slots=True)
class Hears:
    """What a model takes and gives of a stream of sound."""

    outputs: int
    """Probabilities."""
    rows: int
    """Of features, that an inference takes anew."""
    keeps_state: bool
    """Whether what went before is in variables of its own, and not in its input."""


def stream_task(
    model: Path,
    model_id: str = "sww01",
    front_end: FrontEnd = "log-mel",
    hears: Hears | None = None,
) -> Task:
    """Return the task of a model that hears; `hears`: what it takes, where that is known.

    Raises ModelError for another model.
    """
    hears = hears or insist_hears(model, front_end)
    return Task(
        name="stream",
        title="a stream of sound",
        model_id=model_id,
        input_b=SAMPLE_B * STEP_SAMPLES[front_end] * hears.rows,
        front_end=front_end,
        classes=[str(n) for n in range(hears.outputs)],
        metric="none",
        dataset="",
        model=str(model),
        embedded_dataset="",
        embedded_model="",
        rules=TaskRules(accuracy_count=[], closed_threshold=0),
    )


def heard_by(task: Task, model: Path) -> Task:
    """Return a task that is a stream as a model hears it: of its outputs the first is the word.

    Raises ModelError for a model that hears no such frames.
    """
    hears = insist_hears(model)
    if hears.rows != 1:
        raise ModelError(
            f"{model}: it takes {hears.rows} rows of features anew at a time, and a frame of task "
            f"{task.name} is one; hear it with: tinybench listen"
        )
    return replace(task, outputs=hears.outputs)


def insist_hears(model: Path, front_end: FrontEnd = "log-mel") -> Hears:
    """Return what a model takes of a history of frames of 40 features, or of its newest rows.

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
    least, most = STEPS[front_end]
    if not least <= (source.scale or 0) <= most:
        others = (name for name, (low, high) in STEPS.items() if low <= (source.scale or 0) <= high)
        instead = "".join(f"; it is one of --front-end {name}" for name in others)
        raise ModelError(
            f"{model}: a step of its input is {source.scale or 0:g}; features of front end "
            f"{front_end} need one from {least:g} to {most:g}{instead}"
        )
    if len(outputs) != 1 or outputs[0].type not in ("INT8", "UINT8") or outputs[0].scale != 1 / 256:
        raise ModelError(
            f"{model}: its outputs are no probabilities of int8 or uint8, such as a softmax has"
        )
    keeps_state = found.state_b > 0
    if keeps_state and frames > STATE_ROWS_MOST:
        raise ModelError(
            f"{model}: it keeps a state in variables, and takes {frames} rows of features anew at "
            f"a time; up to {STATE_ROWS_MOST} are given"
        )
    return Hears(outputs[0].elements, frames if keeps_state else 1, keeps_state)
