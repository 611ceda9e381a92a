"""What a study is of: a task's model as a graph, and its inputs with what should come out."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from tinybench.datasets.part import part
from tinybench.errors import UsageError
from tinybench.models.compiler.emit import result_count
from tinybench.models.compiler.graph import Graph
from tinybench.models.compiler.interface import Interface, check_interface, ends_b
from tinybench.models.compiler.reader import read_graph
from tinybench.models.model_file import read_model_file

from ..build.firmware import insist_ends
from ..build.inputs import Inputs, resolve
from ..build.stream_task import heard_by
from ..build.task import METRICS, Task, load_task
from .declared import toml_sha256
from .host_engine import Built, build
from .sound import Sound, later, sound_of

CLASSES = ("top1",)
"""Metrics of tasks that tell classes apart ..."""
LABELLED = (*CLASSES, "auc")
"""... whose inputs have a label ..."""
SINGLE = (*LABELLED, "regression", "iou", "exact", "none")
"""... are inferred each by itself ..."""
ANY_METRIC = (*SINGLE, "stream")
"""... or of any task."""
INPUTS_MOST_B = 1 << 30
"""Of all inputs together, which are kept in memory."""
Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Subject:
    """A model, and inputs of its task with what should come out."""

    task: str
    model_id: str
    metric: str
    """As in `Task`."""
    graph: Graph
    interface: Interface
    inputs: npt.NDArray[np.uint8]
    """[uploads][bytes]; of a stream, the features of each frame."""
    owners: npt.NDArray[np.intp]
    """Of each upload the sample that it is a window of."""
    labels: tuple[int, ...]
    """Of each sample; a stream is one, whose uploads are its frames."""
    model: str
    model_sha256: str
    model_origin: str
    dataset: str
    dataset_origin: str
    dataset_sha256: str
    note: str
    data: bytes = b""
    """Of the model's file."""
    expected: tuple[npt.NDArray[np.float64], ...] = ()
    """Outputs that each sample should have, none where they are not known; or of no sample."""
    channels: int = 1
    """Of a mask, as in `Task`."""
    sound: Sound | None = None
    """Of a stream: which words are where."""
    declared: str = ""
    """The official model's declaration: its name, or the path of one's own."""
    task_sha256: str = ""
    """Of what the task's file says, of one of one's own."""
    clean: npt.NDArray[np.float64] | None = None
    """Answers [uploads][values] that others should agree with, where nothing else is known."""

    @property
    def count(self) -> int:
        """How much is inferred, as people count it: samples, or frames."""
        return len(self.inputs) if self.sound is not None else len(self.labels)


def subject(
    task_name: str,
    data: Path | None = None,
    model: Path | None = None,
    limit: int | None = None,
    takes: Sequence[str] = LABELLED,
) -> Subject:
    """Choose model and inputs as a run does. Raises UsageError for a task of no metric of `takes`.

    Raises ModelError for a model that is not one for the task: its C would read beyond an input.
    `limit`: so many samples, drawn, of each label its share; of a stream so many seconds, the
    first.
    """
    task = task_for(task_name, takes)
    found = resolve(task, data, model)
    data_ = read_model_file(found.model)
    graph = read_graph(data_)
    more = (
        _stream(task, found, graph, limit) if task.streams else _samples(task, found, graph, limit)
    )
    return Subject(
        task=task.name,
        model_id=task.model_id,
        metric=task.metric,
        graph=graph,
        model=found.model.name,
        model_sha256=found.model_sha256,
        model_origin=found.model_origin,
        dataset=found.name,
        dataset_origin=found.dataset_origin,
        dataset_sha256=found.samples.sha256,
        note=found.note,
        data=data_,
        declared=task.model,
        task_sha256=toml_sha256(task_name),
        **more,
    )


def task_for(name: str, takes: Sequence[str]) -> Task:
    """Return a task of one of some metrics. Raises UsageError for one of another."""
    task = load_task(name)
    if task.metric not in takes:
        *more, last = (METRICS[one] for one in takes)
        known = f"{', '.join(more)} or {last}" if more else last
        raise UsageError(
            f"task {task.name} is scored by {METRICS[task.metric]}: what is taken here are tasks "
            f"that are scored by {known}, such as kws"
        )
    return task


def _stream(task: Task, found: Inputs, graph: Graph, limit: int | None) -> dict[str, Any]:
    """Return what a subject has of a recording."""
    assert found.recording is not None  # noqa: S101 - a stream has one
    heard_by(task, found.model)
    features, sound = sound_of(found.recording, graph, limit)
    return {
        "interface": Interface(decimals=task.result_decimals),
        "inputs": features.view(np.uint8),
        "owners": np.zeros(len(features), np.intp),
        "labels": (0,),
        "sound": sound,
    }


def _samples(task: Task, found: Inputs, graph: Graph, limit: int | None) -> dict[str, Any]:
    """Return what a subject has of samples."""
    samples = found.samples.samples
    if limit is not None:
        samples = part(samples, limit)
    windows = [sample.windows() for sample in samples]
    size_b = sum(len(one) for each in windows for one in each)
    if size_b > INPUTS_MOST_B:
        raise UsageError(
            f"{len(samples)} inputs of {size_b} bytes are more than a study keeps in memory: "
            "take fewer, by --limit"
        )
    interface = Interface(task.input_format, task.result, task.result_decimals)
    check_interface(graph, interface)
    ends = ends_b(graph, interface)[0], result_count(graph, interface)
    insist_ends(task, found.model, task.input_b, ends)
    return {
        "interface": interface,
        "inputs": np.stack([np.frombuffer(one, np.uint8) for each in windows for one in each]),
        "owners": np.repeat(np.arange(len(windows)), [len(each) for each in windows]),
        "labels": tuple(sample.label for sample in samples),
        "expected": tuple(np.array(sample.expected, np.float64) for sample in samples),
        "channels": task.channels,
    }


def digest(*parts: Subject) -> str:
    """Return what tells inputs and how they are scored from others: SHA-256 of both, of all parts.

    The model is not in it.
    """
    found = hashlib.sha256()
    for of in parts:
        told = (
            of.metric, of.channels, of.interface, of.inputs.shape, of.owners.tolist(), of.labels,
            [one.tolist() for one in of.expected], of.sound,
        )  # fmt: skip
        for data in (msgspec.json.encode(told), np.ascontiguousarray(of.inputs).data):
            found.update(hashlib.sha256(data).digest())
    return found.hexdigest()


def engine_of(of: Subject, kernels: str = "blocked") -> Built:
    """Build the C of a subject for this computer. Raises as `build`."""
    return build(of.graph, of.interface, of.model_id, kernels, stream=of.sound is not None)


def halves(of: Subject, seed: int) -> tuple[Subject, Subject]:
    """Return a subject of what is learnt from, and one of what is scored.

    Of each label a random half is scored: files in turns, such as one of each machine, must not
    leave a machine to one half. Of a task that is scored by AUC only normal samples (label 0) are
    learnt from, as always there. Of a stream they are histories, those before half of its words and
    those behind. Raises UsageError where a part would be empty.
    """
    if of.sound is not None:
        before, frames, sound = later(of.sound, history_of(of), None)
        return histories(of, before, of.sound), histories(of, frames, sound)
    able, _, scored = dealt(of, seed)
    insist_parts(of, {"learn from": able, "score": scored})
    return of_samples(of, np.sort(able)), of_samples(of, np.sort(scored))


def dealt(of: Subject, seed: int) -> tuple[Places, Places, Places]:
    """Return the samples that can be learnt from, the others of that half, and those scored."""
    labels = np.array(of.labels)
    drawn = np.random.default_rng(seed).permutation(len(labels))
    order = drawn[np.argsort(labels[drawn], kind="stable")]
    begin = int(np.random.default_rng(seed).integers(2))  # of a single sample: which half has it
    half, scored = order[begin::2], order[1 - begin :: 2]
    normal = labels[half] == 0 if of.metric == "auc" else np.ones(len(half), bool)
    return half[normal], half[~normal], scored


def insist_parts(of: Subject, parts: dict[str, Places]) -> None:
    """Raise UsageError where a part of the samples is empty, by what it is for."""
    for what, taken in parts.items():
        if not len(taken):
            kind = "normal input" if of.metric == "auc" and what != "score" else "input"
            raise UsageError(
                f"too few inputs of task {of.task} to be dealt out, {len(of.labels)} in all: no "
                f"{kind} is left to {what}; take more, by a higher --limit or by --data"
            )


def history_of(of: Subject) -> int:
    """Return how many frames a stream's model hears at a time."""
    return of.graph.tensors[of.graph.inputs[0]].elements // of.inputs.shape[1]


def histories(of: Subject, which: Sequence[int] | npt.NDArray[np.intp], sound: Sound) -> Subject:
    """Return a subject of the histories that end with frames of a stream, and of what they hear.

    As a whole each, from which the model keeps no state.
    """
    values = of.inputs.shape[1]
    before = np.zeros((history_of(of) - 1, values), np.uint8)  # as a stream begins
    every = np.lib.stride_tricks.sliding_window_view(
        np.concatenate([before, of.inputs]), len(before) + 1, axis=0
    )
    ends = np.asarray(which, np.intp)
    ends = ends[ends < len(of.inputs)]
    inputs = np.ascontiguousarray(every[ends].transpose(0, 2, 1)).reshape(len(ends), -1)
    return replace(of, inputs=inputs, owners=np.zeros(len(ends), np.intp), sound=sound)


def of_samples(of: Subject, which: npt.NDArray[np.intp]) -> Subject:
    """Return a subject of some of the samples, by their places in order."""
    uploads = np.isin(of.owners, which)
    return replace(
        of,
        inputs=of.inputs[uploads],
        owners=np.searchsorted(which, of.owners[uploads]),
        labels=tuple(of.labels[n] for n in which),
        expected=tuple(of.expected[n] for n in which) if of.expected else (),
    )


def values_of(of: Subject) -> npt.NDArray[np.float32]:
    """Return the uploads [uploads][elements] as what the model's int8 inputs stand for."""
    if of.interface.input_format == "float32":
        return of.inputs.view("<f4").astype(np.float32)
    tensor = of.graph.tensors[of.graph.inputs[0]]
    flipped = of.inputs ^ (0x80 if of.interface.input_format == "uint8" else 0)
    steps = flipped.view(np.int8) - float(tensor.zero_point)
    return (steps * tensor.scale).astype(np.float32)
