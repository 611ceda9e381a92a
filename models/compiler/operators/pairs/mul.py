"""MUL: the product of two tensors."""

from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from ..int16 import HEADER, check_symmetric, limit_fields
from . import float_pair, operands, pair_step, product_scaling, scaled_fields, words_pair


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    first, second, target = ends = operands(graph, op)
    multiplier, shift = product_scaling(first.scale * second.scale / target.scale, 255 * 255)
    return pair_step(op, "mul", ends, scaled_fields(op, ends, multiplier, shift))


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
