"""CEIL: the least whole number that is not below."""

from . import real_only

KIND = real_only(14)
