"""Which values of a model choose places in a tensor, such as ids of tokens, and of how many."""

from collections.abc import Iterable
from typing import Any

from ..graph import Operator
from .tables import options_of
from .vectors import ints

MOVES = frozenset((
    "CAST", "EXPAND_DIMS", "RESHAPE", "SLICE", "SQUEEZE", "STRIDED_SLICE", "TILE", "TRANSPOSE"
))  # fmt: skip
"""Operators that give nothing but what their first input holds."""

TAKES = frozenset(("EMBEDDING_LOOKUP", "GATHER", "GATHER_ND"))


def places(subgraph: Any, calls: Iterable[Operator]) -> dict[int, int]:
    """Return of each tensor whose values are places how many there are, by its index.

    Raises ModelError and what is raised of a damaged file.
    """
    found: dict[int, int] = {}
    for call in reversed(list(calls)):
        there = [i if 0 <= i < subgraph.TensorsLength() else -1 for i in call.inputs]
        if call.name in MOVES and call.outputs and call.outputs[0] in found:
            _limit(found, there[:1], found[call.outputs[0]])
        elif call.name in TAKES and len(there) == 2 and -1 not in there:
            _limit(found, *_taken(subgraph, call, there))
    return found


def _limit(found: dict[int, int], tensors: list[int], count: int) -> None:
    for tensor in tensors:
        if tensor >= 0 and count > 0:
            found[tensor] = min(count, found.get(tensor, count))


def _taken(subgraph: Any, call: Operator, inputs: list[int]) -> tuple[list[int], int]:
    """Return the tensor by whose values an operator takes parts of the other, and of how many."""
    first, second = inputs
    shape = ints(subgraph.Tensors(second if call.name == "EMBEDDING_LOOKUP" else first), "Shape")
    if call.name == "EMBEDDING_LOOKUP" and shape:
        return [first], shape[0]
    if call.name == "GATHER" and shape:
        axis = options_of(subgraph, call, "GatherOptions").Axis()
        return [second], shape[axis] if -len(shape) <= axis < len(shape) else 0
    if call.name == "GATHER_ND" and shape:
        depth = ints(subgraph.Tensors(second), "Shape")[-1:]
        return [second], min(shape[: depth[0]], default=0) if depth else 0
    return [], 0
