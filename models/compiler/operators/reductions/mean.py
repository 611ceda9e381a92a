"""MEAN: the mean along axes."""

from . import total

KIND = total(mean=True)
