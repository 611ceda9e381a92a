"""One published result, as figures of one task of one system."""

import msgspec

STREAM_TASK = "sww"


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
    f1: float | None = None
    """Of a stream, until 2 s after a word, as the runner's code counts ..."""
    duty: float | None = None
    """... the share of its time that the board was busy ..."""
    power_w: float | None = None
    """... and what it drew in the mean; its latency is that of a frame, and energy is none."""


def f1_of(found: int, missed: int, false: int) -> float | None:
    """Return the F1 of words found, missed and false alarms; None where there are none."""
    return 2 * found / (2 * found + missed + false) if found + missed + false else None
