"""ASSIGN_VARIABLE: a variable gets another value."""

from . import COPY

KIND = COPY
