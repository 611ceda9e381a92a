"""PAD: a border of zeros."""

from tinybench.errors import ModelError

from ...checks import check_shape, numbers
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from ...strides import dense
from . import TYPES, filled, moved, source_of


def padded(graph: Graph, op: Operator, value: float | None) -> list[Step]:
    """Return the steps that pad with a value; by default with what stands for zero."""
    source, target = source_of(graph, op, (len(op.inputs),)), graph.tensors[op.outputs[0]]
    borders = numbers(graph.tensors[op.inputs[1]], "borders")
    if len(borders) != 2 * len(source.shape) or min(borders, default=0) < 0:
        raise ModelError(f"borders {borders} for {list(source.shape)}")
    before, after = borders[::2], borders[1::2]
    sizes = zip(before, source.shape, after, strict=True)
    check_shape(target, [sum(three) for three in sizes])
    stride = dense(target.shape)
    start = sum(count * step for count, step in zip(before, stride, strict=True))
    if value is None:
        value = target.zero_point if target.zero_points else 0
    return [
        filled(op, target, value),
        moved(op, source, target, source.shape, writes=(start, stride)),
    ]


def _lower(graph: Graph, op: Operator, _variant: Variant) -> list[Step]:
    source_of(graph, op, (2,))
    return padded(graph, op, None)


KIND = Kind(types=TYPES, lower=_lower)
