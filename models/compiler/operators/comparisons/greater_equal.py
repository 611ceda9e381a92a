"""GREATER_EQUAL: whether the first value is not less."""

from . import LESS_EQUAL, comparison

KIND = comparison(LESS_EQUAL, swapped=True)
