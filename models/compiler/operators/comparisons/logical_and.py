"""LOGICAL_AND: whether both are true."""

from . import both

KIND = both(every=True)
