"""SIGN: 1 above zero, -1 below it, 0 there."""

from . import real_only

KIND = real_only(17)
