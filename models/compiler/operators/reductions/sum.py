"""SUM: the sum along axes."""

from . import total

KIND = total(mean=False)
