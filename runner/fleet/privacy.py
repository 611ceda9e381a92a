"""What noise on updates proves of a client's privacy, by the accountant of dp-accounting."""

import logging
from typing import Any

from tinybench import extras
from tinybench.errors import ToolMissingError

DELTA = 1e-5
BOTH = 2.0
"""An update that is replaced by another moves the sum by twice the clipping length."""


def accountant() -> tuple[Any, Any]:
    """Return the packages of the accountant. Raises ToolMissingError without them."""
    try:
        import dp_accounting
        from dp_accounting import rdp
    except ImportError as error:
        raise ToolMissingError(extras.missing("--noise", "dp-accounting", "privacy")) from error
    return dp_accounting, rdp


def epsilon(noise: float, chosen: int, clients: int, rounds: int, *, sampled: bool) -> float:
    """Return epsilon, at DELTA, of one client's data after so many rounds.

    Neighbours differ in the data of one client. `sampled`: `chosen` of the clients are drawn at
    random each round, without replacement; else any may take part in all rounds. Noise of 0 proves
    nothing: infinite. Raises ToolMissingError without dp-accounting. Ref: arXiv 1908.10530.
    """
    if noise <= 0:
        return float("inf")
    dp_accounting, rdp = accountant()
    logging.getLogger("absl").setLevel(logging.ERROR)  # orders of which a series does not end
    one = dp_accounting.GaussianDpEvent(noise / BOTH)
    event: Any = one
    if sampled and chosen < clients:
        event = dp_accounting.SampledWithoutReplacementDpEvent(clients, chosen, one)
    relation = dp_accounting.NeighboringRelation.REPLACE_ONE
    counted = rdp.RdpAccountant(neighboring_relation=relation)
    counted.compose(event, max(rounds, 1))
    return float(counted.get_epsilon(DELTA))
