"""TRANSPOSE: dimensions in another order."""

from tinybench.errors import ModelError

from ...checks import check_shape, numbers
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from ...strides import dense
from . import TYPES, moved, source_of


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_of(graph, op, (2,)), graph.tensors[op.outputs[0]]
    order = numbers(graph.tensors[op.inputs[1]], "order")
    if sorted(order) != list(range(len(source.shape))):
        raise ModelError(f"the order {order} for {list(source.shape)}")
    check_shape(target, [source.shape[i] for i in order])
    stride = dense(source.shape)
    return moved(op, source, target, target.shape, reads=(0, [stride[i] for i in order]))


KIND = Kind(types=TYPES, lower=_lower)
