"""How many inferences an energy window has, where a monitor may take its two edges for one."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tinybench.errors import MonitorError

from .modes import WindowLength

STEPS = 10
"""Windows that are tried at most: an inference of 10 ns takes 6, by samples of 10 ms."""
GROWTH = 64
"""Times as many inferences as before, at most: what is doubtful is no reason for hours."""
AIM = 1.25
"""Times the length that is enough, where the next window aims."""
MERGED_MAX_S = 3.0
"""An `infer` that the host has waited for longer has edges that every monitor tells apart."""


class Seen(NamedTuple):
    """What the monitor showed of one `infer`."""

    edges_s: Sequence[float]
    """Its edges, by the monitor's clock: two, or fewer where they are too near, or more."""
    host_s: float
    """How long the host waited for it; for the first one, with its input's upload."""


def find_iterations(probe: Callable[[int], Seen], length: WindowLength, enough_s: float) -> int:
    """Return how many inferences make a window of that length.

    `probe` runs a window of so many. One whose edges are fewer than two was too short for the
    monitor; one with more is tried again. The first that lasts `enough_s` tells. Raises
    MonitorError after STEPS windows, or once edges are missing that cannot be one.
    """
    iterations = 1
    tried: list[str] = []
    while len(tried) < STEPS:
        edges_s, host_s = probe(iterations)
        tried.append(f"{iterations} ({len(edges_s)} edge{'s' * (len(edges_s) != 1)})")
        growth = 1
        if len(edges_s) == 2:
            lasted_s = edges_s[1] - edges_s[0]
            if lasted_s >= enough_s:
                return length.iterations(iterations, lasted_s)
            growth = min(GROWTH, int(AIM * enough_s / lasted_s) + 1)
        elif len(edges_s) < 2 and host_s < MERGED_MAX_S:
            growth = GROWTH
        elif len(edges_s) < 2 and len(tried) > 1:
            break
        iterations *= growth
    raise MonitorError(
        f"no number of inferences for a window of {length.min_s:g} s is found by the monitor's "
        f"clock; tried, with the edges it saw of two: {', '.join(tried)}. Fewer edges of a long "
        "window are lost, more are false: look at the wire of the timing pin ('tinybench energy "
        "live' shows its edges), or tell the number: --iterations N"
    )
