"""SQUARED_DIFFERENCE: the square of the difference of two tensors."""

from ...fixed_point import quantised_multiplier
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from . import common_scale, float_pair, operands, pair_step, product_scaling

MORE_BITS = 7


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    first, second, target = ends = operands(graph, op)
    common = 2.0 * max(first.scale, second.scale)
    reach = (255 << MORE_BITS) ** 2
    real = common * common / ((1 << 2 * MORE_BITS) * target.scale)
    multiplier, shift = product_scaling(real, reach)
    return pair_step(
        op,
        "squared_difference",
        ends,
        {
            **common_scale("first", first, quantised_multiplier(first.scale / common)),
            **common_scale("second", second, quantised_multiplier(second.scale / common)),
            "out_offset": target.zero_point,
            "multiplier": multiplier,
            "shift": shift,
        },
    )


KIND = Kind(lower=_lower, by_type={"FLOAT32": float_pair(7)})
