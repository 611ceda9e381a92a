"""ELU: exp(x) - 1 below zero, in single precision."""

import math
from collections.abc import Callable

import numpy as np

from ...graph import Operator, Tensor
from . import table


def _function(_op: Operator, source: Tensor, target: Tensor) -> Callable[[int], float]:
    scale, inverse = np.float32(source.scale), np.float32(1) / np.float32(target.scale)

    def elu(value: int) -> float:
        real = scale * np.float32(value - source.zero_point)
        if real < 0:
            real = np.float32(math.exp(real)) - np.float32(1)
        steps = float(real * inverse)
        return target.zero_point + math.copysign(math.floor(min(abs(steps), 1e6) + 0.5), steps)

    return elu


KIND = table(_function, real=3)
