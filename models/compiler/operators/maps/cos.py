"""COS: the cosine of a value."""

from . import real_only

KIND = real_only(19)
