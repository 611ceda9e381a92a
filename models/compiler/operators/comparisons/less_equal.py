"""LESS_EQUAL: whether the first value is not greater."""

from . import LESS_EQUAL, comparison

KIND = comparison(LESS_EQUAL)
