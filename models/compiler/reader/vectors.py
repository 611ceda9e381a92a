"""Read the vectors of numbers of a table in a .tflite file."""

from collections.abc import Sequence
from typing import Any


def vector(table: Any, field: str) -> Sequence[Any]:
    """Return a vector field of numbers; an absent one is empty."""
    array = getattr(table, f"{field}AsNumpy")()
    return [] if isinstance(array, int) else array.tolist()


def ints(table: Any, field: str) -> tuple[int, ...]:
    """Return a vector field of integers."""
    return tuple(vector(table, field))


def floats(table: Any, field: str) -> tuple[float, ...]:
    """Return a vector field of floats."""
    return tuple(vector(table, field))
