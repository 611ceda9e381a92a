"""FLOOR: the greatest whole number that is not above."""

from . import real_only

KIND = real_only(13)
