"""UNPACK: a tensor for each place along an axis."""

from tinybench.errors import ModelError

from ...checks import axis_of, check_shape
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from ...strides import dense
from . import TYPES, moved, source_of


def _lower(graph: Graph, op: Operator, _variant: Variant) -> list[Step]:
    source = source_of(graph, op, (1,))
    axis = axis_of(int(op.options["Axis"]), source)
    targets = [graph.tensors[i] for i in op.outputs]
    if source.shape[axis] != len(targets):
        raise ModelError(f"{list(source.shape)} into {len(targets)} outputs along axis {axis}")
    stride = dense(source.shape)
    steps = []
    for i, target in enumerate(targets):
        check_shape(target, source.shape[:axis] + source.shape[axis + 1 :])
        place = (i * stride[axis], stride[:axis] + stride[axis + 1 :])
        steps.append(moved(op, source, target, target.shape, reads=place))
    return steps


KIND = Kind(options="UnpackOptions", fields=("Axis",), types=TYPES, lower=_lower)
