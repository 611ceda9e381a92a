"""LESS: whether the first value is less."""

from . import LESS, comparison

KIND = comparison(LESS)
