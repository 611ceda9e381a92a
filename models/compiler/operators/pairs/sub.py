"""SUB: the difference of two tensors."""

from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from . import float_pair, operands, pair_step, sum_fields, wide_sum, words_pair


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    ends = operands(graph, op)
    return pair_step(op, "weighted_sum", ends, {"sign": -1, **sum_fields(*ends, op)})


KIND = Kind(
    options="SubOptions",
    fields=("FusedActivationFunction",),
    lower=_lower,
    by_type={"FLOAT32": float_pair(1), "INT16": wide_sum(-1), "INT32": words_pair(1)},
)
