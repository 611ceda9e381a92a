"""A measurement that narrows a model: what prices are still possible, once one sum is known."""

import math
from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta

from tinybench.declare import Declaration, Name
from tinybench.errors import DeclarationError

from .core import Range, Timings

MOST = 10**15
Words = Annotated[str, Meta(min_length=1, max_length=400)]
Amount = Annotated[int, Meta(ge=0, le=MOST)]
FLASH = ("code_next", "code_far", "data")
"""What is paid in wait states."""
PAID = (*Timings.__struct_fields__, *FLASH)
"""Every price by its name."""


class Calibration(Declaration, frozen=True, kw_only=True):
    """One inference on a real board: how long it took, and what the firmware executed in it."""

    board: Name
    core: Name
    memory: str = ""
    """Empty where nothing waits for memory."""
    clock_hz: Annotated[int, Meta(gt=0, lt=2**32)]
    wait_states: Annotated[int, Meta(ge=0, le=100)] = 0
    task: Words
    cycles: Annotated[float, Meta(gt=0, le=MOST)]
    """Measured: of one inference."""
    uncertainty: Annotated[float, Meta(ge=0, lt=0.5)]
    """Of it as a share, k = 2."""
    source: Words
    """Which measurement it was."""
    amounts: dict[str, Amount]
    """How often each price of the core was paid, and each line of its memory waited for."""

    def __post_init__(self) -> None:
        """Refuse amounts of nothing, and what is no finite number."""
        unknown = [name for name in self.amounts if name not in PAID]
        if unknown:
            raise ValueError(f"amounts of '{unknown[0]}', which has no price")
        if not any(self.amounts.values()):
            raise ValueError("amounts are those of no inference: all are 0")
        if not math.isfinite(self.cycles) or not math.isfinite(self.uncertainty):
            raise ValueError("cycles and uncertainty are finite numbers")

    @property
    def words(self) -> str:
        """What is said of it beside an estimate."""
        return f"{self.task}, {self.cycles / self.clock_hz * 1e3:.6g} ms: {self.source}"


def dot(amounts: Mapping[str, int], prices: Mapping[str, float]) -> float:
    """Return what the amounts cost."""
    return sum(count * prices[name] for name, count in amounts.items() if count)


def narrowed(
    calibration: Calibration, prices: Mapping[str, Range], amounts: Mapping[str, int]
) -> tuple[Range, dict[str, float]]:
    """Return the cost of some amounts once that of the calibration's is known, and usual prices.

    Any prices within their bounds are possible that make the measured sum. Of those, the bounds of
    the new sum are the lowest and the highest: they lie where all prices of one kind of amounts are
    lowest and all others highest, in the order of how much more often the new ones are paid. The
    usual prices are those on the way from the usual ones to the bound where the sum is the measured
    one. Raises DeclarationError where no prices within their bounds make it.
    """
    known = calibration.amounts
    bounds = [dot(known, {name: cost[i] for name, cost in prices.items()}) for i in range(3)]
    measured, unsure = calibration.cycles, calibration.uncertainty
    if not bounds[0] <= measured <= bounds[2]:
        raise DeclarationError(
            f"the calibration by {calibration.words} says {measured:,.0f} cycles, and the model of "
            f"{calibration.core} allows {bounds[0]:,.0f} to {bounds[2]:,.0f}: it is of another "
            "firmware, clock or supply, or the model is wrong. Measure again"
        )
    toward = 0 if measured < bounds[1] else 2
    span = bounds[toward] - bounds[1]
    part = (measured - bounds[1]) / span if span else 0.0
    usual = {name: cost[1] + part * (cost[toward] - cost[1]) for name, cost in prices.items()}
    order = sorted(
        prices,
        key=lambda name: -amounts.get(name, 0) / known[name] if known.get(name) else -math.inf,
    )
    low = measured * (1 - unsure) * _extreme(order, prices, amounts, known, highest=False)
    high = measured * (1 + unsure) * _extreme(order, prices, amounts, known, highest=True)
    own = [dot(amounts, {name: cost[i] for name, cost in prices.items()}) for i in (0, 2)]
    return Range(max(low, own[0]), dot(amounts, usual), min(high, own[1])), usual


def _extreme(
    order: list[str],
    prices: Mapping[str, Range],
    amounts: Mapping[str, int],
    known: Mapping[str, int],
    *,
    highest: bool,
) -> float:
    """Return the highest or the lowest that the new sum over the known one can be.

    A linear fraction over a box has its extremes at corners, and among the corners in that order.
    """
    first, then = (2, 0) if highest else (0, 2)
    new = dot(amounts, {name: prices[name][then] for name in order})
    old = dot(known, {name: prices[name][then] for name in order})
    found = [new / old] if old else []
    for name in order:
        change = prices[name][first] - prices[name][then]
        new += amounts.get(name, 0) * change
        old += known.get(name, 0) * change
        if old > 0:
            found.append(new / old)
    if not found:
        return math.inf if highest else 0.0
    return max(found) if highest else min(found)
