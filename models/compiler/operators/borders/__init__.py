"""Operators that surround a tensor."""

from tinybench.errors import ModelError

from ...checks import check_shape, numbers
from ...graph import Graph, Operator, Tensor
from ...step import Step
from ...strides import dense
from ..moves import filled, moved, source_of

Sides = list[tuple[int, int]]
"""How many places come before and after, along each axis."""


def sides(graph: Graph, op: Operator) -> tuple[Tensor, Tensor, Sides]:
    """Return input, output, and what surrounds the input in it."""
    source, target = source_of(graph, op, (len(op.inputs),)), graph.tensors[op.outputs[0]]
    borders = numbers(graph.tensors[op.inputs[1]], "borders")
    if len(borders) != 2 * len(source.shape) or min(borders, default=0) < 0:
        raise ModelError(f"borders {borders} for {list(source.shape)}")
    found = list(zip(borders[::2], borders[1::2], strict=True))
    sizes = zip(found, source.shape, strict=True)
    check_shape(target, [before + size + after for (before, after), size in sizes])
    return source, target, found


def padded(graph: Graph, op: Operator, value: float | None) -> list[Step]:
    """Return the steps that pad with a value; by default with what stands for zero."""
    source, target, found = sides(graph, op)
    stride = dense(target.shape)
    start = sum(before * step for (before, _), step in zip(found, stride, strict=True))
    if value is None:
        value = target.zero_point if target.zero_points else 0
    return [
        filled(op, target, value),
        moved(op, source, target, source.shape, writes=(start, stride)),
    ]
