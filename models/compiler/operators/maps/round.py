"""ROUND: the nearest whole number, the even one of two."""

from . import real_only

KIND = real_only(15)
