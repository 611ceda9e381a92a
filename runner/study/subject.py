"""What a study is of: a task's model as a graph, and its inputs with what should come out."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinybench.errors import UsageError
from tinybench.models.compiler.emit import result_count
from tinybench.models.compiler.graph import Graph
from tinybench.models.compiler.interface import Interface, check_interface, ends_b
from tinybench.models.compiler.reader import read_graph
from tinybench.models.model_file import read_model_file

from ..build.firmware import insist_ends
from ..build.inputs import resolve
from ..build.task import METRICS, load_task
from ..results.score import auc

SCORED = ("top1", "auc")
INPUTS_MOST_B = 1 << 30
"""Of all inputs together, which are kept in memory."""


@dataclass(frozen=True)
class Subject:
    """A model, and labelled inputs of its task."""

    task: str
    model_id: str
    metric: str
    graph: Graph
    interface: Interface
    inputs: npt.NDArray[np.uint8]
    """[uploads][bytes]."""
    owners: npt.NDArray[np.intp]
    """Of each upload the sample that it is a window of."""
    labels: tuple[int, ...]
    """Of each sample."""
    model: str
    model_sha256: str
    model_origin: str
    dataset: str
    dataset_origin: str
    dataset_sha256: str
    note: str
    data: bytes = b""
    """Of the model's file."""


def subject(
    task_name: str, data: Path | None = None, model: Path | None = None, limit: int | None = None
) -> Subject:
    """Choose model and inputs as a run does. Raises UsageError for a task that has no score here.

    Raises ModelError for a model that is not one for the task: its C would read beyond an input.
    `limit`: so many samples, spread over the whole set.
    """
    task = load_task(task_name)
    if task.streams or task.metric not in SCORED:
        raise UsageError(
            f"task {task.name} is scored by {METRICS[task.metric]}: a study needs one that is "
            "scored by top-1 or AUC, input by input, such as kws"
        )
    found = resolve(task, data, model)
    samples = found.samples.samples
    if limit is not None and limit < len(samples):
        samples = [samples[i * len(samples) // limit] for i in range(limit)]
    windows = [sample.windows() for sample in samples]
    size_b = sum(len(one) for each in windows for one in each)
    if size_b > INPUTS_MOST_B:
        raise UsageError(
            f"{len(samples)} inputs of {size_b} bytes are more than a study keeps in memory: "
            "take fewer, by --limit"
        )
    data_ = read_model_file(found.model)
    graph = read_graph(data_)
    interface = Interface(task.input_format, task.result, task.result_decimals)
    check_interface(graph, interface)
    ends = ends_b(graph, interface)[0], result_count(graph, interface)
    insist_ends(task, found.model, task.input_b, ends)
    return Subject(
        task=task.name,
        model_id=task.model_id,
        metric=task.metric,
        graph=graph,
        interface=interface,
        inputs=np.stack([np.frombuffer(one, np.uint8) for each in windows for one in each]),
        owners=np.repeat(np.arange(len(windows)), [len(each) for each in windows]),
        labels=tuple(sample.label for sample in samples),
        model=found.model.name,
        model_sha256=found.model_sha256,
        model_origin=found.model_origin,
        dataset=found.name,
        dataset_origin=found.dataset_origin,
        dataset_sha256=found.samples.sha256,
        note=found.note,
        data=data_,
    )


def halves(of: Subject) -> tuple[Subject, Subject]:
    """Return a subject of every second sample, to learn from, and one of the others.

    Where labels come in turns, so that a half would lack one, it is every second of each label. Of
    a task that is scored by AUC, only normal samples (label 0) are learnt from, as always there.
    """
    labels = np.array(of.labels)
    first = np.arange(len(labels)) % 2 == 0
    if of.metric != "auc" and set(labels[first]) != set(labels[~first]):
        for label in set(of.labels):
            there = np.flatnonzero(labels == label)
            first[there] = np.arange(len(there)) % 2 == 0
    normal = labels == 0 if of.metric == "auc" else np.ones_like(first)
    return _of_samples(of, first & normal), _of_samples(of, ~first)


def _of_samples(of: Subject, taken: npt.NDArray[np.bool_]) -> Subject:
    uploads = taken[of.owners]
    return replace(
        of,
        inputs=of.inputs[uploads],
        owners=np.searchsorted(np.flatnonzero(taken), of.owners[uploads]),
        labels=tuple(one for one, there in zip(of.labels, taken, strict=True) if there),
    )


def values_of(of: Subject) -> npt.NDArray[np.float32]:
    """Return the uploads [uploads][elements] as what the model's int8 inputs stand for."""
    if of.interface.input_format == "float32":
        return of.inputs.view("<f4").astype(np.float32)
    tensor = of.graph.tensors[of.graph.inputs[0]]
    flipped = of.inputs ^ (0x80 if of.interface.input_format == "uint8" else 0)
    steps = flipped.view(np.int8) - float(tensor.zero_point)
    return (steps * tensor.scale).astype(np.float32)


def score(of: Subject, outputs: npt.NDArray[np.float32]) -> float:
    """Return top-1 or AUC, 0 to 1, of outputs [uploads][values]; what is not finite is not right.

    A sample of several windows has the mean of their scores, as in a run.
    """
    finite = np.isfinite(outputs).all(axis=1)
    if of.metric == "top1":
        labels = np.array(of.labels)[of.owners]
        return float(np.mean(finite & (outputs.argmax(axis=1) == labels)))
    bad = np.where(np.array(of.labels)[of.owners] == 1, -np.inf, np.inf)
    each = np.where(finite, outputs[:, 0].astype(np.float64), bad)
    sums = np.zeros(len(of.labels))
    np.add.at(sums, of.owners, each)
    means = sums / np.bincount(of.owners, minlength=len(of.labels))
    found = auc([float(one) for one in means], list(of.labels))
    if found is None:
        raise UsageError(
            f"the inputs of task {of.task} are all of one class, which have no AUC: take more, by "
            "--limit or --data"
        )
    return found
