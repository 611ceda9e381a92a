"""CALL_ONCE: the values that variables begin with."""

from . import RESOLVED

KIND = RESOLVED
