"""PACK: tensors of one shape one after the other, along a new axis."""

from tinybench.errors import ModelError

from ...checks import axis_of, check_shape, inputs, operand
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from ...strides import dense
from . import TYPES, moved
from .concatenation import MOST


def _lower(graph: Graph, op: Operator, _variant: Variant) -> list[Step]:
    parts = [operand(part) for part in inputs(graph, op, range(1, MOST + 1))]
    target = graph.tensors[op.outputs[0]]
    axis = axis_of(int(op.options["Axis"]), target)
    if target.shape[axis] != len(parts):
        raise ModelError(f"{len(parts)} inputs into {list(target.shape)} along axis {axis}")
    stride = dense(target.shape)
    steps = []
    for i, part in enumerate(parts):
        check_shape(part, target.shape[:axis] + target.shape[axis + 1 :])
        place = (i * stride[axis], stride[:axis] + stride[axis + 1 :])
        steps.append(moved(op, part, target, part.shape, writes=place))
    return steps


KIND = Kind(options="PackOptions", fields=("Axis",), types=TYPES, lower=_lower)
