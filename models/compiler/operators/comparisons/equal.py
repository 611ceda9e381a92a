"""EQUAL: whether two values are the same."""

from . import EQUAL, comparison

KIND = comparison(EQUAL)
