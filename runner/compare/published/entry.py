"""One published result, as figures of one task of one system."""

import msgspec


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One published result of one task; SI units, shares of 1, None where it was not published."""

    round: str
    """Such as "1.3"."""
    division: str
    submitter: str
    system: str
    task: str
    """As this program names it, such as "kws"."""
    processor: str
    latency_s: float | None
    energy_j: float | None
    top1: float | None
    auc: float | None
