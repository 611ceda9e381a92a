"""FLOOR_MOD: what a quotient that is rounded down leaves."""

from . import numbers_pair

KIND = numbers_pair(real=9, whole=7)
