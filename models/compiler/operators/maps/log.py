"""LOG: the natural logarithm."""

from . import real_only

KIND = real_only(9)
