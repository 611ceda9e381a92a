"""Some samples of a set, when not all are taken."""

from collections.abc import Sequence

import numpy as np

from .reader import Sample


def part(samples: Sequence[Sample], count: int) -> list[Sample]:
    """Return at most so many samples in their order: those of `places`."""
    return [samples[place] for place in places([one.label for one in samples], count)]


def places(labels: Sequence[int], count: int) -> list[int]:
    """Return the places of so many of these labels in order, the same each time, or of all.

    Each label has its share. Places are drawn: every so many-th of files in turns, such as one of
    each machine, would be of some machines alone.
    """
    count = min(count, len(labels))
    drawn = np.random.default_rng(0).permutation(len(labels)).tolist()
    by_label = sorted(drawn, key=lambda place: labels[place])
    return sorted(by_label[number * len(labels) // count] for number in range(count))
