"""SQUEEZE: dimensions of one element are left out."""

from . import ALIAS

KIND = ALIAS
