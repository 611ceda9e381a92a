"""The score of a task whose layers are pruned: as they are, fitted again, and after learning."""

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from tinybench.errors import UsageError
from tinybench.models import quantiser
from tinybench.models.compiler.graph import Graph
from tinybench.models.training.command import tensorflow
from tinybench.models.training.sparse import Lesson, learnt
from tinybench.scratch import scratch
from tinybench.track import Track

from ...build.task import METRICS
from ..host_engine import build, infer, load, patch
from ..kept import Key, Trial, key_of
from ..parts import Part, share
from ..subject import LABELLED, Subject, engine_of, values_of
from ..worth import answers, with_clean, worth
from .candidates import LEARNT, PRUNED, Makes
from .mended import Whole, mended, whole_of
from .pruned import Block
from .sparsity_c import DENSE, Way
from .split import Split

SCORED, HELD = 0, 1
"""Of which inputs a score is: told of, or chosen by. The numbers of their trials."""
Place = tuple[str, float, int]
"""What the scores of a way after a step are kept under, before the number of the trial."""
Wanted = tuple[Place, Way, str]
"""Where scores are kept, and of which way they are, after which step."""


@dataclass(frozen=True)
class Pruned:
    """A task whose layers are pruned."""

    of: Mapping[int, Subject]
    """What is scored, by what its scores are for: SCORED, and HELD where there are steps."""
    fitted: Subject
    """What pruned layers are fitted to, and the model learns from."""
    makes: Makes
    seed: int

    @property
    def tensors(self) -> list[int]:
        """Return those of the weights that are pruned."""
        return [one.tensor for one in self.makes.matrices]


def pruned(of: Subject, split: Split | None, makes: Makes, seed: int) -> Pruned:
    """Return a task as it is scored; where layers are fitted, `split` is of its samples."""
    if split is None:
        return Pruned({SCORED: of}, of, makes, seed)
    return Pruned({HELD: split.held, SCORED: split.scored}, split.fitted, makes, seed)


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


def place_of_way(way: Way, blocks: Sequence[Block], step: str = PRUNED) -> Place:
    """Return where the scores of a way are kept, after a step."""
    which = list(blocks).index(way.block) if way.block else -1
    return way.scheme + (f", {step}" if step != PRUNED else ""), way.rate, which


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
        (place_of_way(way, blocks, step), way, step)
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
    left_ = [one for one in wanted if any((*one[0], kind) not in known for kind in task.of)]
    if not left_:
        return
    if any(step == LEARNT for _, _, step in left_):
        tensorflow()
    base = task.of[SCORED]
    with scratch() as folder:
        first = load(engine_of(base), folder, 0)
        of = {
            kind: with_clean(one, answers(one, infer(first, one.inputs)))
            for kind, one in task.of.items()
        }

        @functools.cache
        def whole() -> Whole:
            return whole_of(task.fitted, task.tensors, first)

        @functools.lru_cache(maxsize=1)  # learning begins from what was just scored
        def fitted(way: Way) -> Graph:
            return mended(base, task.tensors, task.makes.prune(way), whole(), first, folder)

        for number, (place, way, step) in enumerate(track(left_, "scored", len(left_))):
            graph = fitted(way) if step != PRUNED else _pruned(task, way)
            if step == LEARNT:
                graph = _learnt(task, way, graph)
            loaded = first
            if not patch(first, graph):  # as where a scale needs another kernel
                built = build(graph, base.interface, base.model_id)
                loaded = load(built, folder, 1 + number)
            scores = {
                kind: worth(one, answers(one, infer(loaded, one.inputs))).score
                for kind, one in of.items()
            }
            if step != PRUNED:
                save(way, step, graph, scores[SCORED])
            part, amount, which = place
            for kind, score in scores.items():
                trial = Trial(part, amount, kind, score, which)
                known[key_of(trial)] = trial
                keep(trial)


def _pruned(task: Pruned, way: Way) -> Graph:
    graph = task.of[SCORED].graph
    tensors = list(graph.tensors)
    for index, one in zip(task.tensors, task.makes.pruned(way).layers, strict=True):
        tensors[index] = msgspec.structs.replace(tensors[index], data=one.whole.tobytes())
    return msgspec.structs.replace(graph, tensors=tuple(tensors))


def _learnt(task: Pruned, way: Way, start: Graph) -> Graph:
    """Return the graph after learning: classes from labels, what AUC is scored of from itself."""
    first = task.fitted
    inputs = values_of(first)
    wanted = inputs
    if first.metric != "auc":
        count = first.graph.tensors[first.graph.outputs[0]].elements
        wanted = np.eye(count, dtype=np.float32)[np.array(first.labels)[first.owners]]
    lesson = Lesson(inputs, wanted)
    return learnt(first.graph, start, task.tensors, task.makes.prune(way), lesson, task.seed)
