"""NEG: the opposite of a value."""

from . import real_only

KIND = real_only(12)
