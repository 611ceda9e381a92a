"""REDUCE_MIN: the least value along axes."""

from . import extreme

KIND = extreme(least=True)
