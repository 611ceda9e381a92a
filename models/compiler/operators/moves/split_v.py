"""SPLIT_V: parts of given lengths along an axis."""

from tinybench.errors import ModelError

from ...checks import axis_of, numbers
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from . import TYPES
from .split import parts


def _lower(graph: Graph, op: Operator, _variant: Variant) -> list[Step]:
    if len(op.inputs) != 3 or -1 in op.inputs or not op.outputs or -1 in op.outputs:
        raise ModelError(f"has {len(op.inputs)} inputs and {len(op.outputs)} outputs")
    source, lengths, axes = (graph.tensors[i] for i in op.inputs)
    sizes, axis = numbers(lengths, "lengths"), numbers(axes, "axis")
    if sizes.count(-1) == 1 and len(axis) == 1:  # what is left
        rest = source.shape[axis_of(axis[0], source)] - sum(sizes) - 1
        sizes[sizes.index(-1)] = rest
    return parts(graph, op, 0, 2, sizes)


KIND = Kind(types=TYPES, lower=_lower)
