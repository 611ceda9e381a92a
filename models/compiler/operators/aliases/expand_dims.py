"""EXPAND_DIMS: a dimension of one element is added."""

from . import ALIAS

KIND = ALIAS
