"""MUL: the product of two tensors."""

from ...checks import activation_range
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from ..int16 import HEADER, check_symmetric, limit_fields
from . import float_pair, operands, pair_step, product_scaling, words_pair


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    first, second, target = ends = operands(graph, op)
    multiplier, shift = product_scaling(first.scale * second.scale / target.scale, 255 * 255)
    low, high = activation_range(op, target)
    return pair_step(
        op,
        "mul",
        ends,
        {
            "first_offset": -first.zero_point,
            "second_offset": -second.zero_point,
            "out_offset": target.zero_point,
            "multiplier": multiplier,
            "shift": shift,
            "out_min": low,
            "out_max": high,
        },
    )


def _lower_int16(graph: Graph, op: Operator, _variant: Variant) -> Step:
    first, second, target = ends = operands(graph, op)
    check_symmetric(*ends)
    multiplier, shift = product_scaling(first.scale * second.scale / target.scale, 1 << 30)
    fields = {"multiplier": multiplier, "shift": shift, **limit_fields(op, target)}
    return pair_step(op, "mul_int16", ends, fields, HEADER)


KIND = Kind(
    options="MulOptions",
    fields=("FusedActivationFunction",),
    lower=_lower,
    by_type={"FLOAT32": float_pair(2), "INT16": _lower_int16, "INT32": words_pair(2)},
)
