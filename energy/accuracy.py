"""What makers promise of their monitors, by model; half widths as in the data sheets."""

import msgspec

from .trace import Accuracy

# Ref: UM2243 (within 2 % of current); the regulator's voltage is read back within about 1 %.
LPM01A = Accuracy(gain=0.02, offset_a=1e-7, voltage=0.01, clock_ppm=50.0)

# Ref: qoitech.com, "How accurate is your low current measurement?": main channel, low range.
OTII_ARC = Accuracy(gain=0.001, offset_a=50e-9)
OTII_ACE = Accuracy(gain=0.0005, offset_a=25e-9)

ACCURACY = {"lpm01a": LPM01A, "otii-arc": OTII_ARC, "otii-ace": OTII_ACE}


def accuracy(model: str, code: str = "") -> Accuracy:
    """Return what the maker of `model` promises, of samples sent in `code`; nothing if unknown."""
    states = ACCURACY.get(model)
    return Accuracy() if states is None else msgspec.structs.replace(states, code=code)
