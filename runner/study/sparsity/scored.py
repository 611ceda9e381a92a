"""The score of a task whose layers are pruned: as they are, fitted again, and after learning."""

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from tinybench.errors import UsageError
from tinybench.models import quantiser
from tinybench.models.compiler.graph import Graph
from tinybench.models.training.command import tensorflow
from tinybench.models.training.sparse import Lesson, Matrix, learnt
from tinybench.scratch import scratch
from tinybench.track import Track

from ...build.task import METRICS
from ..host_engine import build, infer, load, patch
from ..kept import Key, Trial
from ..parts import Part, share
from ..subject import LABELLED, Subject, engine_of, values_of
from ..worth import answers, with_clean, worth
from .candidates import LEARNT, PRUNED
from .mended import Whole, mended, whole_of
from .pruned import Block, Int8
from .sparsity_c import DENSE, Way, left, order_in

Wanted = tuple[Key, Way, str]
"""What a score is kept under, and of which way, after which step."""


@dataclass(frozen=True)
class Pruned:
    """A task whose layers are pruned."""

    of: Subject
    """What is scored."""
    first: Subject
    """What pruned layers are fitted to, and the model learns from."""
    tensors: list[int]
    """Of the weights that are pruned."""
    seed: int


def insist_learnable(first: Subject) -> None:
    """Raise UsageError or ModelError where a model cannot learn from this."""
    if first.metric not in LABELLED:
        raise UsageError(
            f"--learn learns from classes, or from what AUC is scored of, and task {first.task} is "
            f"scored by {METRICS[first.metric]}: leave --learn out, or take a task such as kws"
        )
    quantiser.check_float(quantiser.in_floats(first.graph))
    source, target = (
        first.graph.tensors[index] for index in (first.graph.inputs[0], first.graph.outputs[0])
    )
    if source.type != "INT8" or target.type != "INT8":
        raise UsageError(
            f"--learn: the model of task {first.task} takes {source.type} and gives {target.type}; "
            "a model whose inputs and outputs are INT8 learns here"
        )
    if first.metric == "auc" and source.elements != target.elements:
        raise UsageError(
            f"--learn: the model of task {first.task} takes {source.elements} values and gives "
            f"{target.elements}; where AUC is scored, one that gives its input again learns here"
        )
    if first.metric != "auc" and max(first.labels) >= target.elements:
        raise UsageError(
            f"--learn: an input has the label {max(first.labels)}, and the model of task "
            f"{first.task} tells {target.elements} classes, from 0 on"
        )


def key_of_way(way: Way, blocks: Sequence[Block], step: str = PRUNED) -> Key:
    """Return what the score of a way is kept under, after a step."""
    which = list(blocks).index(way.block) if way.block else -1
    return way.scheme + (f", {step}" if step != PRUNED else ""), way.rate, which, 0


def bunches_of(ways: Sequence[Way]) -> list[range]:
    """Return the candidates of the same weights: kernels, which are next to each other."""
    starts = [n for n, way in enumerate(ways) if n == 0 or _weights(way) != _weights(ways[n - 1])]
    return [range(*ends) for ends in itertools.pairwise([*starts, len(ways)])]


def _weights(way: Way) -> tuple[str, float, Block | None]:
    return way.scheme, way.rate, way.block


def wanted_of(
    ways: Sequence[Way], blocks: Sequence[Block], steps: Sequence[str], part: Part | None
) -> list[Wanted]:
    """Return what a part scores: its candidates, each after each step; kernels score alike."""
    return [
        (key_of_way(way, blocks, step), way, step)
        for way in (ways[bunch[0]] for bunch in share(bunches_of(ways), part))
        for step in (steps if way.scheme != DENSE else (PRUNED,))
    ]


def score_all(
    task: Pruned,
    wanted: Sequence[Wanted],
    known: dict[Key, Trial],
    keep: Callable[[Trial], None],
    save: Callable[[Way, str, Graph, float], None],
    track: Track,
) -> None:
    """Score a task as it is, and with its layers pruned, and keep what was not known.

    `save`: keeps a model that was fitted again, after which step and with its score; before the
    score is kept, so that what has a score has its weights, too. Raises
    ToolMissingError where something is to learn and TensorFlow is not there.
    """
    left_ = [one for one in wanted if one[0] not in known]
    if not left_:
        return
    if any(step == LEARNT for _, _, step in left_):
        tensorflow()
    with scratch() as folder:
        first = load(engine_of(task.of), folder, 0)
        of = with_clean(task.of, answers(task.of, infer(first, task.of.inputs)))

        @functools.cache
        def whole() -> Whole:
            return whole_of(task.of.graph, task.tensors, task.first.inputs, first)

        @functools.lru_cache(maxsize=1)  # learning begins from what was just scored
        def fitted(way: Way) -> Graph:
            return mended(task.of, task.tensors, way, whole(), first, folder)

        for number, (key, way, step) in enumerate(track(left_, "scored", len(left_))):
            graph = fitted(way) if step != PRUNED else _pruned(task, way)
            if step == LEARNT:
                graph = _learnt(task, way, graph)
            loaded = first
            if not patch(first, graph):  # as where a scale needs another kernel
                built = build(graph, task.of.interface, task.of.model_id)
                loaded = load(built, folder, 1 + number)
            part, amount, which, trial = key
            value = worth(of, answers(of, infer(loaded, of.inputs))).score
            if step != PRUNED:
                save(way, step, graph, value)
            known[key] = Trial(part, amount, trial, value, which)
            keep(known[key])


def _pruned(task: Pruned, way: Way) -> Graph:
    tensors = list(task.of.graph.tensors)
    for index in task.tensors:
        one = tensors[index]
        whole = weights_of(task.of.graph, index)
        data = left(way, whole, order_in(way, whole)).tobytes()
        tensors[index] = msgspec.structs.replace(one, data=data)
    return msgspec.structs.replace(task.of.graph, tensors=tuple(tensors))


def _learnt(task: Pruned, way: Way, start: Graph) -> Graph:
    """Return the graph after learning: classes from labels, what AUC is scored of from itself."""
    first = task.first
    inputs = values_of(first)
    wanted = inputs
    if first.metric != "auc":
        count = first.graph.tensors[first.graph.outputs[0]].elements
        wanted = np.eye(count, dtype=np.float32)[np.array(first.labels)[first.owners]]
    orders = {index: order_in(way, weights_of(first.graph, index)) for index in task.tensors}

    def prune(index: int, whole: Matrix) -> Matrix:
        return left(way, whole, orders[index])

    lesson = Lesson(inputs, wanted)
    return learnt(first.graph, start, task.tensors, prune, lesson, task.seed)


def weights_of(graph: Graph, index: int) -> Int8:
    """Return int8 weights as a matrix [outputs][inputs]."""
    one = graph.tensors[index]
    return np.frombuffer(one.data or b"", np.int8).reshape(one.shape[0], -1)
