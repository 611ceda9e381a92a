"""DIV: the quotient of two tensors of floats."""

from ...step import Kind
from . import float_pair

KIND = Kind(
    options="DivOptions",
    fields=("FusedActivationFunction",),
    types=("FLOAT32",),
    lower=float_pair(6),
    by_type={"FLOAT32": float_pair(6)},
)
