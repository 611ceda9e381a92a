"""PAD: a border of zeros."""

from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from ..moves import TYPES, source_of
from . import padded


def _lower(graph: Graph, op: Operator, _variant: Variant) -> list[Step]:
    source_of(graph, op, (2,))
    return padded(graph, op, None)


KIND = Kind(types=TYPES, lower=_lower)
