"""FLOOR_DIV: the quotient of two tensors, rounded down."""

from . import numbers_pair

KIND = numbers_pair(real=8, whole=6)
