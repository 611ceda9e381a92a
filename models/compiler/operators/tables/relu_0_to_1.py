"""RELU_0_TO_1: nothing below 0 or above 1."""

from . import limited

KIND = limited(0.0, 1.0, real=21)
