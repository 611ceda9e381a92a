"""EXP: e to the power of a value."""

from . import real_only

KIND = real_only(8)
