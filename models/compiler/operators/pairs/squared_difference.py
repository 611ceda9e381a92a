"""SQUARED_DIFFERENCE: the square of the difference of two tensors."""

from ...fixed_point import quantised_multiplier
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from ..int16 import HEADER, check_symmetric
from . import common_scale, float_pair, operands, pair_step, product_scaling, words_pair

MORE_BITS = 7
WIDE_REACH = 1 << 15
"""Of the difference of two values of int16, both at twice their scale."""


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


def _lower_int16(graph: Graph, op: Operator, _variant: Variant) -> Step:
    first, second, target = ends = operands(graph, op)
    check_symmetric(*ends)
    common = 2.0 * max(first.scale, second.scale)
    multiplier, shift = product_scaling(common * common / target.scale, WIDE_REACH**2)
    fields = {"multiplier": multiplier, "shift": shift}
    for end, tensor in (("first", first), ("second", second)):
        scaling = common_scale(end, tensor, quantised_multiplier(tensor.scale / common))
        fields |= {name: value for name, value in scaling.items() if not name.endswith("_offset")}
    return pair_step(op, "squared_difference_int16", ends, fields, HEADER)


KIND = Kind(
    lower=_lower,
    by_type={"FLOAT32": float_pair(7), "INT16": _lower_int16, "INT32": words_pair(8)},
)
