"""Loops over tensors whose elements are some way apart, with as few dimensions as will do."""

import math
from collections.abc import Sequence

from tinybench.errors import ModelError

Strides = Sequence[int]


def dense(shape: Sequence[int]) -> list[int]:
    """Return how many elements a step along each dimension is, the last innermost."""
    return [math.prod(shape[i + 1 :]) for i in range(len(shape))]


def collapse(
    shape: Sequence[int], strides: Sequence[Strides], rank: int
) -> tuple[list[int], list[list[int]]]:
    """Return the same loops with `rank` dimensions: those that are one in memory are joined.

    Missing ones are 1, in front. Raises ModelError where more are needed.
    """
    kept: list[tuple[int, list[int]]] = []
    for i, size in enumerate(shape):
        steps = [s[i] for s in strides]
        if size == 1:
            continue
        if kept and all(
            outer == inner * size for outer, inner in zip(kept[-1][1], steps, strict=True)
        ):
            kept[-1] = (kept[-1][0] * size, steps)
        else:
            kept.append((size, steps))
    if len(kept) > rank:
        raise ModelError(f"its loops have {len(kept)} dimensions; {rank} are the most")
    kept = [(1, [0] * len(strides))] * (rank - len(kept)) + kept
    return [size for size, _ in kept], [[s[n] for _, s in kept] for n in range(len(strides))]


def array_fields(name: str, values: Sequence[int]) -> dict[str, int]:
    """Return the fields of an array in a kernel's struct."""
    return {f"{name}[{i}]": value for i, value in enumerate(values)}
