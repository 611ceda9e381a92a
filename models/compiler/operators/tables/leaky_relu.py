"""LEAKY_RELU: a small part of what is below zero."""

import math
from collections.abc import Callable

from tinybench.errors import ModelError

from ...graph import Operator, Tensor
from . import scaling, single, table


def _function(op: Operator, source: Tensor, target: Tensor) -> Callable[[int], float]:
    alpha = float(op.options["Alpha"])
    if not math.isfinite(alpha):
        raise ModelError(f"alpha {alpha}; a number is needed")
    above = scaling(single(source.scale, target.scale))
    below = scaling(single(source.scale, abs(alpha), target.scale))
    sign = -1 if alpha < 0 else 1

    def leaky(value: int) -> float:
        value -= source.zero_point
        return target.zero_point + (above(value) if value >= 0 else sign * below(value))

    return leaky


KIND = table(_function, options="LeakyReluOptions", fields=("Alpha",), real=2)
