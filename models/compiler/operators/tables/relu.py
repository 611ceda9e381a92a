"""RELU: nothing below zero."""

from collections.abc import Callable

from ...checks import source_and_target
from ...graph import Graph, Operator, Tensor
from ...step import Step, Variant
from ..int16 import bent
from . import scaling, table


def _function(_op: Operator, source: Tensor, target: Tensor) -> Callable[[int], float]:
    scaled = scaling(source.scale / target.scale)
    zero = target.zero_point
    return lambda value: max(zero, zero + scaled(value - source.zero_point))


def _lower_int16(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_and_target(graph, op)
    return bent(op, source, target, source.scale / target.scale, 0.0)


KIND = table(_function, real=0, wide=_lower_int16)
