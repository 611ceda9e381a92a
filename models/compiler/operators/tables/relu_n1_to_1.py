"""RELU_N1_TO_1: nothing below -1 or above 1."""

from . import limited

KIND = limited(-1.0, 1.0, real=20)
