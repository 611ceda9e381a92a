"""What is trained, from names: a task, its model's head, inputs, and all that is asked for."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

import msgspec

from tinybench.datasets.part import part
from tinybench.errors import UsageError

from ..build.inputs import Inputs, resolve
from ..build.task import METRICS, Task, load_task
from .document import FLOAT_MAX, Asked
from .drift import Drift, drift_of
from .head import Head, head_of
from .samples import Piece, insist_few, pieces, samples_header, split
from .variant import Learns, Variant, declare

REAL_B = 4


@dataclass(frozen=True)
class Given:
    """What is trained: all that is known before a board is asked for."""

    task: Task
    inputs: Inputs
    head: Head
    variant: Variant
    trained: list[Piece]
    held_out: list[list[Piece]]
    """The windows of each input."""
    undrifted: list[list[Piece]]
    """The same before the drift; empty without one."""
    samples: str
    """What the header says of those in flash."""

    @property
    def samples_b(self) -> int:
        """Bytes of those in flash."""
        return sum(one.of.window_b for one in self.trained) if self.variant.samples else 0

    @property
    def sha256(self) -> str:
        """Tells what is trained on and held out from all else of the same data, by any split."""
        way = self.variant.squared, self.task.input_format, self.task.input_b
        each = [
            [(one.name, one.label, one.of.label, one.of.window_b) for one in some]
            for some in (self.trained, *self.held_out)
        ]
        return hashlib.sha256(msgspec.json.encode((way, each))).hexdigest()


def given(
    task_name: str,
    model: Path | None = None,
    data: Path | None = None,
    limit: int | None = None,
    only: str = "",
    held_out: float = 0.5,
    samples: str = "link",
    drift: str = "",
    **learns: Unpack[Learns],
) -> Given:
    """Find model and inputs as a run does, and declare the variant. Raises UsageError."""
    task = load_task(task_name)
    squared = task.result == "mse" and task.metric == "auc"
    if task.streams or not (squared or task.metric == "top1"):
        raise UsageError(
            f"task {task.name} is scored by {METRICS[task.metric]}: training a head needs a task "
            "scored input by input, by top-1 such as kws, or by squared errors such as ad"
        )
    inputs = resolve(task, data, model)
    head = head_of(inputs.model, squared)
    if squared and head.classes * REAL_B != task.input_b:
        raise UsageError(f"{inputs.model}: gives {head.classes} values, and takes others")
    variant = declare(head, **learns)
    chosen = [one for one in inputs.samples.samples if only in one.name]
    if limit is not None:
        chosen = part(chosen, limit)
    for one in chosen:
        if not 0 <= one.label < (2 if squared else head.classes):
            raise UsageError(
                f"{one.name}: label {one.label} is none of the {head.classes} outputs of the head"
            )
    if not chosen:
        raise UsageError(f"--only '{only[:40]}': in the name of none of {inputs.name}")
    drifted, none = drift_of(drift, task.input_format), Drift()
    training, evaluated = split(chosen, held_out, squared)
    if squared and len({one.label for one in evaluated}) < 2:
        raise UsageError(
            "--held-out leaves inputs of one kind alone: an AUC needs normal ones, and others"
        )
    trained = pieces(training, drifted, squared)
    in_flash = trained if samples == "flash" else []
    return Given(
        task=task,
        inputs=inputs,
        head=head,
        variant=replace(variant, samples=len(in_flash)),
        trained=trained,
        held_out=[pieces([one], drifted, squared) for one in evaluated],
        undrifted=[] if drifted.is_none else [pieces([one], none, squared) for one in evaluated],
        samples=samples_header(insist_few(in_flash)),
    )


def unseen(of: Given) -> list[str]:
    """Return the classes of which nothing is trained on; by a squared error there are none."""
    seen = {one.label for one in of.trained}
    classes = enumerate(of.task.classes)
    return [] if of.variant.squared else [name for label, name in classes if label not in seen]


def ask(of: Given, board: str, seeds: list[int], **said: Any) -> Asked:
    """Return what a training is asked for, checked. Raises UsageError."""
    batch = said["batch"]
    if not of.held_out or len(of.trained) < batch:
        raise UsageError(
            f"--held-out {said['held_out']:g} leaves {len(of.trained)} to train on and "
            f"{len(of.held_out)} to evaluate on: a --batch of {batch} and one input are needed at "
            "least"
        )
    every = said["evaluate_every"] or len(of.trained) // batch
    if said["rate"] > FLOAT_MAX:
        raise UsageError(f"--rate {said['rate']:g} is beyond single precision")
    if max(seeds) >= 1 << 31:
        raise UsageError(f"--seed {max(seeds)}: the firmware takes seeds below {1 << 31}")
    if said["monitor"] and said["samples"] == "link":
        raise UsageError(
            "--monitor needs --samples flash: a monitor sees the board wait for the line, too, and "
            "what it draws then is none of the training's"
        )
    inputs = of.inputs
    return Asked(
        task=of.task.name, board=board, model=inputs.model.name, model_sha256=inputs.model_sha256,
        dataset=inputs.name, dataset_sha256=inputs.samples.sha256,
        inputs_sha256=of.sha256, seeds=seeds,
        rows=list(of.variant.rows), columns=list(of.variant.columns),
        **{**said, "evaluate_every": every},
    )  # fmt: skip
