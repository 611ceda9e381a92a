"""LEAKY_RELU: a small part of what is below zero."""

import math
from collections.abc import Callable

from tinybench.errors import ModelError

from ...checks import source_and_target
from ...graph import Graph, Operator, Tensor
from ...step import Step, Variant
from ..int16 import check_symmetric, one_input
from ..pairs import product_scaling
from . import scaling, table


def _function(op: Operator, source: Tensor, target: Tensor) -> Callable[[int], float]:
    alpha = float(op.options["Alpha"])
    if not math.isfinite(alpha):
        raise ModelError(f"alpha {alpha}; a number is needed")
    above = scaling(source.scale / target.scale)
    below = scaling(source.scale * abs(alpha) / target.scale)
    sign = -1 if alpha < 0 else 1

    def leaky(value: int) -> float:
        value -= source.zero_point
        return target.zero_point + (above(value) if value >= 0 else sign * below(value))

    return leaky


def _lower_int16(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_and_target(graph, op)
    check_symmetric(source, target)
    alpha = float(op.options["Alpha"])
    if source.elements != target.elements or not math.isfinite(alpha):
        raise ModelError(f"{list(source.shape)} in, {list(target.shape)} out, alpha {alpha}")
    reach = 1 << 15
    above = product_scaling(source.scale / target.scale, reach)
    below = product_scaling(source.scale * abs(alpha) / target.scale, reach)
    fields = {
        "count": target.elements,
        "multiplier": above[0],
        "shift": above[1],
        "below_multiplier": below[0],
        "below_shift": below[1],
        "below_sign": -1 if alpha < 0 else 1,
    }
    return one_input(op, "leaky_relu_int16", source, target, fields, in_place=True)


KIND = table(_function, options="LeakyReluOptions", fields=("Alpha",), real=2, wide=_lower_int16)
