"""Functions of one float each; there is none of them for int8."""

from ...step import Kind
from ..tables import float_map


def real_only(number: int) -> Kind:
    """Return the kind of a function, by its number in floats.h."""
    lower = float_map(number)
    return Kind(types=("FLOAT32",), lower=lower, by_type={"FLOAT32": lower})
