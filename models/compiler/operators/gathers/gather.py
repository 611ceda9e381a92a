"""GATHER: places along an axis, in the order of a constant or of another tensor."""

import math

from tinybench.errors import ModelError

from ...checks import axis_of, check_shape, operand
from ...graph import Graph, Operator
from ...step import Kind, Step, Variant
from ..moves import TYPES
from . import taken


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    if len(op.inputs) != 2 or -1 in op.inputs:
        raise ModelError(f"has {len(op.inputs)} inputs; 2 are needed")
    source, places = (graph.tensors[i] for i in op.inputs)
    target = graph.tensors[op.outputs[0]]
    if op.options["BatchDims"] != 0:
        raise ModelError(f"batch dimensions {op.options['BatchDims']}; 0 is supported")
    axis = axis_of(int(op.options["Axis"]), source)
    check_shape(target, source.shape[:axis] + places.shape + source.shape[axis + 1 :])
    outer = math.prod(source.shape[:axis])
    return taken(op, operand(source), target, places, outer=outer, whole=source.shape[axis])


KIND = Kind(options="GatherOptions", fields=("Axis", "BatchDims"), types=TYPES, lower=_lower)
