"""NOT_EQUAL: whether two values differ."""

from . import NOT_EQUAL, comparison

KIND = comparison(NOT_EQUAL)
