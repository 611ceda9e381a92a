"""HARD_SWISH: x * min(6, max(0, x + 3)) / 6, in 16 bits.

Ref: HardSwish in tensorflow/lite/kernels/internal/reference/hard_swish.h.
"""

from collections.abc import Callable

import numpy as np

from tinybench.errors import ModelError

from ...fixed_point import INT32_MAX, quantised_multiplier
from ...fixed_point import rounding_divide_by_pot as divided
from ...graph import Operator, Tensor
from . import single, table

INT16_MIN, INT16_MAX = -(1 << 15), (1 << 15) - 1
FRACTION = 15


def _multiplier(real: float) -> tuple[int, int]:
    """Return a multiplier of 16 bits and a shift to the left."""
    multiplier, shift = quantised_multiplier(real)
    if multiplier >= INT32_MAX - (1 << 15):
        return INT16_MAX, shift
    return (multiplier + (1 << 15)) >> 16, shift


def _high(a: int, b: int) -> int:
    """Return a * b / 2^15, halves rounded up, saturated."""
    return min(INT16_MAX, (a * b + (1 << (FRACTION - 1))) >> FRACTION)


def _left(value: int, bits: int) -> int:
    return max(INT16_MIN, min(INT16_MAX, value << bits))


def _function(_op: Operator, source: Tensor, target: Tensor) -> Callable[[int], float]:
    fine = float(np.float32(1 / 128) * np.float32(source.scale))
    out, out_shift = _multiplier(single(fine, target.scale))
    relu, relu_shift = _multiplier(single(fine, float(np.float32(3) / np.float32(32768))))
    if not -FRACTION <= out_shift <= 0 or not -FRACTION <= relu_shift <= FRACTION:
        raise ModelError(f"the scales of {source} and {target} do not fit each other")

    def swish(value: int) -> float:
        value = (value - source.zero_point) << 7
        scaled = _high(value, out)
        if relu_shift > 0:
            value = _left(_high(_left(value, relu_shift - 1), relu), 1)
        else:
            value = divided(_high(value, relu), -relu_shift)
        product = ((value + (1 << FRACTION)) >> 1) * scaled
        # This one is cut off towards zero, against the bias of the roundings before it.
        product = -(-product >> FRACTION) if product < 0 else product >> FRACTION
        return target.zero_point + divided(product, -out_shift)

    return swish


KIND = table(_function, real=6)
