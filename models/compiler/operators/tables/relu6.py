"""RELU6: nothing below zero or above six, in the scale of the input."""

from collections.abc import Callable

from ...checks import check_same_quantisation, source_and_target, step_of
from ...graph import Graph, Operator, Tensor
from ...step import Step, Variant
from ..int16 import bent
from . import table


def _function(_op: Operator, source: Tensor, _target: Tensor) -> Callable[[int], float]:
    return lambda value: max(source.zero_point, min(step_of(6.0, source), value))


def _lower_int16(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_and_target(graph, op)
    check_same_quantisation(source, target)
    return bent(op, source, target, 1.0, 0.0, most=step_of(6.0, source))


KIND = table(_function, same=True, real=1, wide=_lower_int16)
