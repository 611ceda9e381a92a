"""EXP: e to the power of a value."""

import numpy as np

from . import rounded_curve, table


def _exp(real: np.float32) -> np.float32:
    return np.float32(np.exp(np.float64(real)))


KIND = table(rounded_curve(_exp), real=8)
