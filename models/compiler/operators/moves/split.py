"""SPLIT: equal parts along an axis."""

from collections.abc import Sequence

from tinybench.errors import ModelError

from ...checks import axis_of, check_shape, numbers
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from . import TYPES, along, source_of


def parts(
    graph: Graph, op: Operator, source_at: int, axis_at: int, sizes: Sequence[int]
) -> list[Step]:
    """Return the copies of all parts; `sizes` are their lengths along the axis."""
    source = source_of(graph, op, (len(op.inputs),), source_at)
    axes = numbers(graph.tensors[op.inputs[axis_at]], "axis")
    if len(axes) != 1:
        raise ModelError(f"has {len(axes)} axes; 1 is needed")
    axis = axis_of(axes[0], source)
    if len(sizes) != len(op.outputs) or sum(sizes) != source.shape[axis] or min(sizes) < 1:
        raise ModelError(
            f"{list(source.shape)} along axis {axis} into {len(op.outputs)} parts of {list(sizes)}"
        )
    steps, at = list[Step](), 0
    for index, size in zip(op.outputs, sizes, strict=True):
        target = graph.tensors[index]
        check_shape(target, (*source.shape[:axis], size, *source.shape[axis + 1 :]))
        steps.append(along(op, source, target, axis, at, part=target))
        at += size
    return steps


def _lower(graph: Graph, op: Operator, _variant: Variant) -> list[Step]:
    if len(op.inputs) != 2 or -1 in op.inputs or not op.outputs or -1 in op.outputs:
        raise ModelError(f"has {len(op.inputs)} inputs and {len(op.outputs)} outputs")
    source, axis = graph.tensors[op.inputs[1]], numbers(graph.tensors[op.inputs[0]], "axis")
    whole = source.shape[axis_of(axis[0], source)] if axis else 0
    return parts(graph, op, 1, 0, [whole // len(op.outputs)] * len(op.outputs))


KIND = Kind(types=TYPES, lower=_lower)
