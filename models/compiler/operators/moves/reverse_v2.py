"""REVERSE_V2: from the last to the first, along some axes."""

from ...checks import axis_of, check_shape, numbers
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from ...strides import dense
from . import TYPES, moved, source_of


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_of(graph, op, (2,)), graph.tensors[op.outputs[0]]
    check_shape(target, source.shape)
    axes = {axis_of(axis, source) for axis in numbers(graph.tensors[op.inputs[1]], "axes")}
    stride = dense(source.shape)
    start = sum((source.shape[axis] - 1) * stride[axis] for axis in axes)
    turned = [-step if axis in axes else step for axis, step in enumerate(stride)]
    return moved(op, source, target, target.shape, reads=(start, turned))


KIND = Kind(types=TYPES, lower=_lower)
