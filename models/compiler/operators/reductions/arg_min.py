"""ARG_MIN: where along an axis the least value is; the first of equal ones."""

from . import extreme_place

KIND = extreme_place(least=True)
