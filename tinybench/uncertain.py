"""A figure and its uncertainty, with as many digits as that leaves it."""

import math

LEAST, MOST = 1e-30, 1e30
"""Of an uncertainty that is one: a forged result may hold any number."""


def uncertain(value: float, uncertainty: float) -> str:
    """Return "value ± uncertainty": the latter with two significant digits, the value as far.

    Ref: JCGM 100:2008 (GUM), 7.2.6.
    """
    decimals = _decimals(uncertainty)
    if decimals is None:
        return f"{value:g} ± {uncertainty:g}"
    return f"{_shown(value, decimals)} ± {_shown(uncertainty, decimals)}"


def bounded(low: float, usual: float, high: float) -> tuple[str, str, str]:
    """Return an estimate with its bounds, in as many digits as `uncertain` has of half of them."""
    decimals = _decimals((high - low) / 2)
    if decimals is None:
        return f"{low:g}", f"{usual:g}", f"{high:g}"
    return _shown(low, decimals), _shown(usual, decimals), _shown(high, decimals)


def _decimals(uncertainty: float) -> int | None:
    """Return the decimals of an uncertainty with two significant digits; None of what is none."""
    if not LEAST < uncertainty < MOST:
        return None
    decimals = 1 - math.floor(math.log10(uncertainty))
    if round(uncertainty, decimals) >= 10.0 ** (2 - decimals):  # 0.0996 becomes 0.10
        decimals -= 1
    return decimals


def _shown(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if decimals >= 0 else f"{round(value, decimals):.0f}"
