"""SQUARE: a value times itself."""

from . import real_only

KIND = real_only(11)
