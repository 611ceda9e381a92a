"""RSQRT: 1 / sqrt(x), in fixed point; what is not above zero gives the greatest value.

Ref: RsqrtEvalQuantized in tensorflow/lite/micro/kernels/elementwise.cc, which refuses values below
zero.
"""

import math
from collections.abc import Callable

import numpy as np

from ...fixed_point import INT8_MAX, inverse_square_root, quantised_multiplier, requantise
from ...graph import Operator, Tensor
from . import table

MORE_BITS = 20


def _function(_op: Operator, source: Tensor, target: Tensor) -> Callable[[int], float]:
    root = float(np.sqrt(np.float32(source.scale)) * np.float32(target.scale))
    multiplier, shift = quantised_multiplier(1.0 / root if root else math.inf)

    def rsqrt(value: int) -> float:
        value -= source.zero_point
        if value <= 0:
            return INT8_MAX
        inverse, right = inverse_square_root(value)
        fine = requantise(1, inverse, MORE_BITS - right)
        return target.zero_point + requantise(fine, multiplier, shift - MORE_BITS)

    return rsqrt


KIND = table(_function, real=7)
