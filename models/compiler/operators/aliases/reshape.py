"""RESHAPE: the same memory by another name."""

from . import ALIAS

KIND = ALIAS
