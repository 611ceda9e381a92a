"""REDUCE_ALL: whether all along axes are true."""

from . import truth

KIND = truth(every=True)
