"""GREATER: whether the first value is greater."""

from . import LESS, comparison

KIND = comparison(LESS, swapped=True)
