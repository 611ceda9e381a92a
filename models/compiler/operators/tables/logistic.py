"""LOGISTIC: 1 / (1 + exp(-x)), in fixed point; outputs have the scale 1/256, zero point -128."""

from collections.abc import Callable

from tinybench.errors import ModelError

from ...fixed_point import INT8_MIN, logistic, rounding_divide_by_pot
from ...graph import Operator, Tensor
from . import curve, table
from .tanh import within


def _function(_op: Operator, source: Tensor, target: Tensor) -> Callable[[int], float]:
    if target.scale != 1 / 256 or target.zero_point != INT8_MIN:
        raise ModelError(
            f"its output has scale {target.scale:g} and zero point {target.zero_point}; "
            "1/256 and -128 are supported"
        )
    return within(source, lambda x: INT8_MIN + rounding_divide_by_pot(logistic(x), 31 - 8))


KIND = table(_function, real=4, wide=curve(tanh=False, shifts=(0,)))
