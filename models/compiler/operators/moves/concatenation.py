"""CONCATENATION: tensors one after the other along an axis."""

from tinybench.errors import ModelError

from ...checks import ACTIVATION_NONE, axis_of, check_shape, inputs, operand
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from . import TYPES, along

MOST = 64


def _lower(graph: Graph, op: Operator, _variant: Variant) -> list[Step]:
    parts = [operand(part) for part in inputs(graph, op, range(1, MOST + 1))]
    target = graph.tensors[op.outputs[0]]
    if op.options["FusedActivationFunction"] != ACTIVATION_NONE:
        raise ModelError("has a fused activation")
    axis = axis_of(int(op.options["Axis"]), target)
    steps, at = list[Step](), 0
    for part in parts:
        if len(part.shape) != len(target.shape):
            raise ModelError(f"{list(part.shape)} into {list(target.shape)}")
        check_shape(part, [part.shape[i] if i == axis else n for i, n in enumerate(target.shape)])
        if at + part.shape[axis] > target.shape[axis]:
            raise ModelError(f"its inputs are longer than {list(target.shape)}")
        steps.append(along(op, part, target, axis, at, part=part))
        at += part.shape[axis]
    if at != target.shape[axis]:
        raise ModelError(f"its inputs have {at} along axis {axis}, {target} {target.shape[axis]}")
    return steps


KIND = Kind(
    options="ConcatenationOptions",
    fields=("Axis", "FusedActivationFunction"),
    types=TYPES,
    lower=_lower,
)
