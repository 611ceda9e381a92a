"""ABS: what is below zero turns over."""

from collections.abc import Callable

from ...checks import source_and_target
from ...graph import Graph, Operator, Tensor
from ...step import Step, Variant
from ..int16 import bent
from . import scaling, table


def _function(_op: Operator, source: Tensor, target: Tensor) -> Callable[[int], float]:
    scaled = scaling(source.scale / target.scale)
    return lambda value: target.zero_point + scaled(abs(value - source.zero_point))


def _lower_int16(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_and_target(graph, op)
    times = source.scale / target.scale
    return bent(op, source, target, times, -times)


KIND = table(_function, real=16, wide=_lower_int16)
