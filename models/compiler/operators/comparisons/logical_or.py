"""LOGICAL_OR: whether one is true."""

from . import both

KIND = both(every=False)
