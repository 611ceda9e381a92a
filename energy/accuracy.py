"""What makers promise of their monitors, by model; half widths as in the data sheets."""

import msgspec

from .trace import Accuracy

# Ref: UM2243 (within 2 % of current); the regulator's voltage is read back within about 1 %.
LPM01A = Accuracy(gain=0.02, offset_a=1e-7, voltage=0.01, clock_ppm=50.0)

ACCURACY = {"lpm01a": LPM01A}


def accuracy(model: str, code: str = "") -> Accuracy:
    """Return what the maker of `model` promises, of samples sent in `code`; nothing if unknown."""
    states = ACCURACY.get(model)
    return Accuracy() if states is None else msgspec.structs.replace(states, code=code)
