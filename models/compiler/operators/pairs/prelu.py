"""PRELU: a slope of its own for values below zero."""

from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from . import float_pair, operands, pair_step, product_scaling


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, slope, target = ends = operands(graph, op)
    above = product_scaling(source.scale / target.scale, 255)
    below = product_scaling(source.scale * slope.scale / target.scale, 255 * 255)
    return pair_step(
        op,
        "prelu",
        ends,
        {
            "first_offset": -source.zero_point,
            "second_offset": -slope.zero_point,
            "out_offset": target.zero_point,
            "multiplier": above[0],
            "shift": above[1],
            "below_multiplier": below[0],
            "below_shift": below[1],
        },
    )


KIND = Kind(lower=_lower, by_type={"FLOAT32": float_pair(5)})
