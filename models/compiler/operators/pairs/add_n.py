"""ADD_N: the sum of several tensors of one shape, of floats."""

import msgspec

from ...checks import check_shape, inputs, operand
from ...floats import HEADER, limit_fields
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from . import pair_step

MOST = 64
SUM = 0
"""In floats.h."""


def _lower(graph: Graph, op: Operator, _variant: Variant) -> list[Step]:
    first, *others = (operand(tensor) for tensor in inputs(graph, op, range(2, MOST + 1)))
    target = graph.tensors[op.outputs[0]]
    steps = list[Step]()
    for other in others:
        for tensor in (first, other):
            check_shape(tensor, target.shape)
        fields = {"function": SUM, **limit_fields(op)}
        step = pair_step(op, "pairs_float32", (first, other, target), fields, HEADER)
        steps.append(msgspec.structs.replace(step, overlaps={}))
        first = target
    return steps


KIND = Kind(types=("FLOAT32",), lower=_lower, by_type={"FLOAT32": _lower})
