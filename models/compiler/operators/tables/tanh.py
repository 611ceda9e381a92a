"""TANH, in fixed point; outputs have the scale 1/128, zero point 0."""

import math
from collections.abc import Callable

from tinybench.errors import ModelError

from ...fixed_point import INT8_MAX, INT8_MIN, quantised_multiplier, requantise
from ...fixed_point import rounding_divide_by_pot as divided
from ...fixed_point import tanh as fixed_tanh
from ...graph import Operator, Tensor
from . import curve, table

INTEGER_BITS = 4


def within(source: Tensor, function: Callable[[int], int]) -> Callable[[int], int]:
    """Return `function` of an input as fixed point of INTEGER_BITS; saturated outside.

    Ref: CalculateInputRadius.
    """
    multiplier, shift = quantised_multiplier(source.scale * (1 << (31 - INTEGER_BITS)))
    if not 0 <= shift <= 31:
        raise ModelError(f"its input's scale, {source.scale:g}, is too small or too great")
    radius = math.floor(((1 << INTEGER_BITS) - 1) * (1 << (31 - INTEGER_BITS)) / (1 << shift))

    def of(value: int) -> int:
        value -= source.zero_point
        if abs(value) >= radius:
            return INT8_MAX if value > -radius else INT8_MIN
        return function(requantise(value, multiplier, shift))

    return of


def _function(_op: Operator, source: Tensor, target: Tensor) -> Callable[[int], float]:
    if target.scale != 1 / 128 or target.zero_point != 0:
        raise ModelError(
            f"its output has scale {target.scale:g} and zero point {target.zero_point}; "
            "1/128 and 0 are supported"
        )
    return within(source, lambda x: divided(fixed_tanh(x), 31 - 7))


KIND = table(_function, real=5, wide=curve(tanh=True, shifts=(0, 1)))
