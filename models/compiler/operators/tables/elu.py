"""ELU: exp(x) - 1 below zero, in single precision."""

import math

import numpy as np

from . import rounded_curve, table


def _elu(real: np.float32) -> np.float32:
    return np.float32(math.exp(real)) - np.float32(1) if real < 0 else real


KIND = table(rounded_curve(_elu), real=3)
