"""LOG: the natural logarithm; of int8 what is not above zero gives the least value."""

import numpy as np

from . import rounded_curve, table


def _log(real: np.float32) -> np.float32:
    return np.float32(np.log(np.float64(real))) if real > 0 else np.float32(-np.inf)


KIND = table(rounded_curve(_log), real=9)
