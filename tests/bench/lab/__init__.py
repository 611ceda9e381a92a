"""Measure the lab: its policy, the lab on real dask, and its page.

`python -m tests.bench.lab` prints the figures; `make bench` stores them with all others.
"""

from tests.bench.figures import Figure
from tests.bench.lab import dask, page, policy


def figures() -> list[Figure]:
    """Return the figures of a lab; none needs more than this computer."""
    return [*policy.figures(), *dask.figures(), *page.figures()]
