"""Task declarations: a benchmark of MLPerf Tiny, its inputs, metric and thresholds."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta
from msgspec.structs import replace

from tinybench.datasets.declaration import InputSize
from tinybench.declare import Declaration, Name, beside, find, load, named, nearest
from tinybench.errors import UsageError

METRICS = {
    "top1": "top-1",
    "auc": "AUC",
    "exact": "outputs as expected",
    "regression": "mean absolute error",
    "iou": "IoU",
    "none": "no score",
    "stream": "words found",
}
"""How each metric is written."""
EARLY_STREAM = "strww01"
"""What some early firmware of the streaming wake word calls its model."""


class TaskRules(Declaration, frozen=True, kw_only=True):
    """The run rules that differ between tasks. Ref: MLPerf Tiny Rules; energyrunner README."""

    accuracy_count: list[Annotated[int, Meta(ge=1, le=10_000_000)]]
    """Sizes of an official accuracy set that the rules accept."""
    closed_threshold: Annotated[float, Meta(ge=0, le=1)]
    """Least value of the metric in the closed division (a share, not per cent)."""


FrontEnd = Literal["log-mel", "micro"]
STEP_SAMPLES: dict[FrontEnd, int] = {"log-mel": 512, "micro": 160}
"""From a row of features to the next, by what makes them."""
SAMPLE_B = 2


class Task(Declaration, frozen=True, kw_only=True):
    """A task, from `runner/build/tasks/<name>.toml`."""

    name: Name
    title: str
    model_id: str
    """What the DUT answers to `profile`, such as "kws01"."""
    input_b: InputSize
    """Bytes uploaded for one inference."""
    input_format: Literal["int8", "uint8", "int16", "int32", "float32"] = "int8"
    """What the uploaded bytes are: the model's own int8, pixels 0..255, or little-endian floats."""
    front_end: FrontEnd | None = None
    """What the firmware makes of an upload before the model gets it. "log-mel": 512 samples of a
    stream become the newest frame of the history that the model takes; "micro": 160 of them a row
    of features as microWakeWord's models take them (docs/stream.md)."""
    classes: list[str]
    """Names of the labels; for top-1, in the order of the model's outputs."""
    metric: Literal["top1", "auc", "exact", "regression", "iou", "none", "stream"]
    """Top-1 of softmax outputs; the area under the ROC curve of anomaly scores; outputs beside
    those that the dataset expects: golden ones, targets, or masks; nothing, where inputs have no
    classes; or words found and false alarms in one long recording, "stream"."""
    outputs: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    """Values that the model answers; None: one for each of the classes."""
    tolerance: Annotated[float, Meta(ge=0, le=1e30)] = 0.0
    """Most that an output may differ from a golden one."""
    channels: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    """Of a mask: its classes; one: a pixel is in it from 0.5 on."""
    result: Literal["output", "mse"] = "output"
    """What `m-results` holds: the model's outputs, or one mean squared error, output to input."""
    result_decimals: Annotated[int, Meta(ge=0, le=9)] = 3
    """Decimals the firmware prints, at least; those of the published logs of the task."""
    together_with: str | None = None
    """Name of the task without which this one is not submitted."""
    dataset: str
    """The official dataset's declaration: its name, or a .toml file beside this one."""
    model: str
    """The official model's, likewise."""
    embedded_dataset: str
    """Of what is used without the official one; the same one where there is no other."""
    embedded_model: str
    rules: TaskRules

    @property
    def streams(self) -> bool:
        """Whether it is one recording, heard frame by frame (docs/sww.md)."""
        return self.metric == "stream"

    @property
    def rows(self) -> int:
        """Rows of features that a frame of a stream gives."""
        step = STEP_SAMPLES[self.front_end or "log-mel"]
        return max(1, self.input_b // (SAMPLE_B * step))

    @property
    def result_count(self) -> int:
        """How many values `m-results` holds."""
        return 1 if self.result == "mse" else self.outputs or len(self.classes)


def names() -> dict[str, Path]:
    """Return all tasks in the package as {name: path of the declaration}."""
    return named("runner.build", "tasks")


def load_task(name: str) -> Task:
    """Load a task by name, or by the path of a .toml file.

    Raises UsageError for an unknown name, DeclarationError for a wrong file.
    """
    path = find("task", name, names())
    task = load(path, Task)
    return replace(
        task,
        dataset=beside(path, task.dataset),
        model=beside(path, task.model),
        embedded_dataset=beside(path, task.embedded_dataset),
        embedded_model=beside(path, task.embedded_model),
    )


def task_of(model_id: str) -> Task:
    """Return the task of a model id. Raises UsageError for one that no task has."""
    tasks = [load_task(name) for name in names()]
    for task in tasks:
        if task.model_id == model_id:
            return task
    if model_id == EARLY_STREAM:
        raise UsageError(
            f"the board holds '{model_id}', an early form of the streaming wake word; task sww "
            "needs firmware that calls its model sww01"
        )
    known = nearest(model_id, [task.model_id for task in tasks])
    raise UsageError(f"the board holds model '{model_id}', which no task has: {known}")
