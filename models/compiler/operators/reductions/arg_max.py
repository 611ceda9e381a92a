"""ARG_MAX: where along an axis the greatest value is; the first of equal ones."""

from . import extreme_place

KIND = extreme_place(least=False)
