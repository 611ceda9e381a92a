"""READ_VARIABLE: what a variable holds."""

from . import COPY

KIND = COPY
