"""A figure and its uncertainty, with as many digits as that leaves it."""

import math

LEAST, MOST = 1e-30, 1e30
"""Of an uncertainty that is one: a forged result may hold any number."""


def uncertain(value: float, uncertainty: float) -> str:
    """Return "value ± uncertainty": the latter with two significant digits, the value as far.

    Ref: JCGM 100:2008 (GUM), 7.2.6.
    """
    if not LEAST < uncertainty < MOST:
        return f"{value:g} ± {uncertainty:g}"
    decimals = 1 - math.floor(math.log10(uncertainty))
    if round(uncertainty, decimals) >= 10.0 ** (2 - decimals):  # 0.0996 becomes 0.10
        decimals -= 1
    if decimals >= 0:
        return f"{value:.{decimals}f} ± {uncertainty:.{decimals}f}"
    return f"{round(value, decimals):.0f} ± {round(uncertainty, decimals):.0f}"
