"""TILE: the same values several times along each axis."""

from tinybench.errors import ModelError

from ...checks import check_shape, numbers
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from ...strides import dense
from . import TYPES, moved, source_of


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_of(graph, op, (2,)), graph.tensors[op.outputs[0]]
    times = numbers(graph.tensors[op.inputs[1]], "numbers of times")
    if len(times) != len(source.shape):
        raise ModelError(f"{times} times {list(source.shape)}")
    check_shape(target, [n * size for n, size in zip(times, source.shape, strict=True)])
    loops = [n for pair in zip(times, source.shape, strict=True) for n in pair]
    stride = [n for step in dense(source.shape) for n in (0, step)]
    return moved(op, source, target, loops, reads=(0, stride))


KIND = Kind(types=TYPES, lower=_lower)
