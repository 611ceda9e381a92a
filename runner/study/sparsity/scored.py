"""What a task scores with its layers pruned each way, and with what is left fitted again."""

from collections.abc import Callable, Sequence

import msgspec

from tinybench.models.compiler.graph import Graph
from tinybench.scratch import scratch
from tinybench.track import Track

from ..host_engine import Bytes, build, infer, load, patch
from ..kept import Key, Trial
from ..subject import Subject, score
from .matrices import Matrix
from .mended import mended
from .pruned import Block
from .sparsity_c import DENSE, Way, left

MENDED = ", mended"
"""Of a scheme whose weights were fitted again, in the file of trials."""


def key_of_way(way: Way, blocks: Sequence[Block], mending: str = "") -> Key:
    """Return what the score of a way is kept under; kernels score alike."""
    which = list(blocks).index(way.block) if way.block else -1
    return way.scheme + mending, way.rate, which, 0


def wanted_of(
    ways: Sequence[Way], blocks: Sequence[Block], *, mends: bool
) -> list[tuple[Key, Way]]:
    """Return all that is scored."""
    wanted = {key_of_way(way, blocks): way for way in ways}
    if mends:
        wanted |= {key_of_way(way, blocks, MENDED): way for way in ways if way.scheme != DENSE}
    return list(wanted.items())


def score_all(
    of: Subject,
    matrices: list[Matrix],
    wanted: Sequence[tuple[Key, Way]],
    learnt: Bytes | None,
    known: dict[Key, Trial],
    keep: Callable[[Trial], None],
    track: Track,
) -> None:
    """Score the task as it is, with its layers pruned, or mended, and keep what was not known."""
    left_ = [(key, way) for key, way in wanted if key not in known]
    if not left_:
        return
    tensors = [one.tensor for one in matrices]
    with scratch() as libraries:
        first = load(build(of.graph, of.interface, of.model_id), libraries, 0)
        number = 0
        for key, way in track(left_, "scored", len(left_)):
            if learnt is not None and key[0].endswith(MENDED):
                graph = mended(of, tensors, way, learnt, first, libraries)
            else:
                graph = _pruned(of.graph, matrices, way)
            loaded = first
            if not patch(first, graph):  # as where a scale needs another kernel
                number += 1
                loaded = load(build(graph, of.interface, of.model_id), libraries, number)
            part, amount, which, trial = key
            value = score(of, infer(loaded, of.inputs))
            known[key] = Trial(part, amount, trial, value, which)
            keep(known[key])


def _pruned(graph: Graph, matrices: list[Matrix], way: Way) -> Graph:
    tensors = list(graph.tensors)
    for one in matrices:
        data = left(way, one.values).tobytes()
        tensors[one.tensor] = msgspec.structs.replace(tensors[one.tensor], data=data)
    return msgspec.structs.replace(graph, tensors=tuple(tensors))
