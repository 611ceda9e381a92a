"""RELU6: nothing below zero or above six, in the scale of the input."""

from collections.abc import Callable

from ...checks import step_of
from ...graph import Operator, Tensor
from . import table


def _function(_op: Operator, source: Tensor, _target: Tensor) -> Callable[[int], float]:
    return lambda value: max(source.zero_point, min(step_of(6.0, source), value))


KIND = table(_function, same=True, real=1)
