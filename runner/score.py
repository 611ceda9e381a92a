"""Scores of a task from the DUT's answers: which class, how many right, which median."""

import statistics
from collections.abc import Sequence


def arg_max(values: Sequence[float]) -> int:
    """Return the index of the largest value; the first one where several are equally large."""
    return max(range(len(values)), key=lambda index: values[index])


def correct(outputs: Sequence[Sequence[float]], labels: Sequence[int]) -> int:
    """Return how many outputs have their largest value at the label's index.

    `outputs` is (inputs, classes). Ref: MLPerf Tiny Rules, accuracy metric top-1.
    """
    return sum(arg_max(out) == label for out, label in zip(outputs, labels, strict=True))


def throughput_per_s(iterations: int, elapsed_us: int) -> float:
    """Return inferences per second of a window."""
    return iterations * 1e6 / elapsed_us


def median(values: Sequence[float]) -> float:
    """Return the median; of an even number, the mean of the middle two."""
    return statistics.median(values)
