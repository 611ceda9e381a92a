"""EMBEDDING_LOOKUP: rows of a table, in the order of another tensor."""

from tinybench.errors import ModelError

from ...checks import check_shape, operand
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from ..moves import TYPES
from . import taken


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    if len(op.inputs) != 2 or -1 in op.inputs:
        raise ModelError(f"has {len(op.inputs)} inputs; 2 are needed")
    places, source = (graph.tensors[i] for i in op.inputs)
    target = graph.tensors[op.outputs[0]]
    if not source.shape:
        raise ModelError(f"{source} has no rows")
    check_shape(target, places.shape + source.shape[1:])
    return taken(op, operand(source), target, places, outer=1, whole=source.shape[0])


KIND = Kind(types=TYPES, lower=_lower)
