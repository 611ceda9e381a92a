"""GELU: a value times the share of a normal distribution that lies below it."""

import math
from collections.abc import Callable

import numpy as np

from ...checks import source_and_target
from ...graph import Graph, Operator, Tensor
from ...step import Kind, Step, Variant
from . import rounded_curve, table_step


def _exact(real: np.float32) -> np.float32:
    share = np.float32(math.erfc(-float(real) * math.sqrt(0.5)))
    return np.float32(0.5) * real * share


def _near(real: np.float32) -> np.float32:
    cube = real + np.float32(0.044715) * real * real * real
    share = np.float32(math.tanh(float(cube) * math.sqrt(2 / math.pi)))
    return np.float32(0.5) * real * (np.float32(1) + share)


def _function(op: Operator, source: Tensor, target: Tensor) -> Callable[[int], float]:
    of = _near if op.options["Approximate"] else _exact
    return rounded_curve(of)(op, source, target)


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_and_target(graph, op)
    return table_step(op, source, target, _function(op, source, target))


KIND = Kind(options="GeluOptions", fields=("Approximate",), lower=_lower)
