"""RELU: nothing below zero."""

from collections.abc import Callable

from ...graph import Operator, Tensor
from . import scaling, table


def _function(_op: Operator, source: Tensor, target: Tensor) -> Callable[[int], float]:
    scaled = scaling(source.scale / target.scale)
    zero = target.zero_point
    return lambda value: max(zero, zero + scaled(value - source.zero_point))


KIND = table(_function, real=0)
