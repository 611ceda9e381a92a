"""SQRT: the square root."""

from . import real_only

KIND = real_only(10)
