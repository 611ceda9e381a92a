"""REDUCE_MAX: the greatest value along axes."""

from . import extreme

KIND = extreme(least=False)
