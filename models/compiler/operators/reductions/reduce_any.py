"""REDUCE_ANY: whether one along axes is true."""

from . import truth

KIND = truth(every=False)
