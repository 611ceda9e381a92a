"""POW: the first value to the power of the second."""

from . import numbers_pair

KIND = numbers_pair(real=10)
