"""MINIMUM: the less of two values."""

from ...checks import check_same_quantisation
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from . import float_pair, operands, pair_step, wide_extreme, words_pair


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    first, second, target = ends = operands(graph, op)
    check_same_quantisation(first, target)
    check_same_quantisation(second, target)
    return pair_step(op, "extreme", ends, {"least": 1})


KIND = Kind(
    lower=_lower,
    by_type={"FLOAT32": float_pair(4), "INT16": wide_extreme(1), "INT32": words_pair(4)},
)
