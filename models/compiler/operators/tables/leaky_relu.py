"""LEAKY_RELU: a small part of what is below zero."""

import math
from collections.abc import Callable

from tinybench.errors import ModelError

from ...checks import source_and_target
from ...graph import Graph, Operator, Tensor
from ...step import Step, Variant
from ..int16 import bent
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
    alpha = float(op.options["Alpha"])
    if not math.isfinite(alpha):
        raise ModelError(f"alpha {alpha}; a number is needed")
    times = source.scale / target.scale
    return bent(op, source, target, times, source.scale * alpha / target.scale)


KIND = table(_function, options="LeakyReluOptions", fields=("Alpha",), real=2, wide=_lower_int16)
