"""DIV: the quotient of two tensors; of int8 one by 0 is the greatest value, or the least."""

from tinybench.errors import ModelError

from ...fixed_point import quantised_multiplier
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from . import float_pair, operands, pair_step, scaled_fields, single, words_pair

SHIFT_MOST = 23
"""With more the reference would shift to the left what it shifts to the right."""


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    first, second, target = ends = operands(graph, op)
    real = single(first.scale / single(second.scale * target.scale))
    multiplier, shift = quantised_multiplier(real)
    if shift > SHIFT_MOST:
        raise ModelError(f"its scales are {real:.3g} to one; 2^{SHIFT_MOST} is the most")
    return pair_step(op, "quotient", ends, scaled_fields(op, ends, multiplier, shift))


KIND = Kind(
    options="DivOptions",
    fields=("FusedActivationFunction",),
    lower=_lower,
    by_type={"FLOAT32": float_pair(6), "INT32": words_pair(5)},
)
