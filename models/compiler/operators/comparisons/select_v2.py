"""SELECT_V2: one of two values, by what a comparison gave."""

import numpy as np

from tinybench.errors import ModelError

from ...checks import check_same_quantisation, inputs, operand
from ...graph import WIDTHS_B, Graph, Operator
from ...step import Kind, Step, Variant
from ...strides import array_fields, collapse
from ..pairs import RANK, stretched


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    which, first, second = ends = [operand(tensor) for tensor in inputs(graph, op, (3,))]
    target = graph.tensors[op.outputs[0]]
    if which.type != "BOOL" or not first.type == second.type == target.type:
        raise ModelError(f"{which.type}, {first.type} and {second.type} into {target.type}")
    check_same_quantisation(first, target)
    check_same_quantisation(second, target)
    try:
        wanted = np.broadcast_shapes(*(end.shape for end in ends))
    except ValueError:
        wanted = None
    if wanted != target.shape:
        raise ModelError(f"{[list(end.shape) for end in ends]} into {list(target.shape)}")
    strides = [stretched(end.shape, target.shape) for end in ends]
    shape, found = collapse(target.shape, strides, RANK)
    names = ("which_stride", "first_stride", "second_stride")
    fields = array_fields("shape", shape) | {"width_b": WIDTHS_B[target.type]}
    for name, stride in zip(names, found, strict=True):
        fields |= array_fields(name, stride)
    return Step(
        operator=op,
        function="choose",
        header="elementwise.h",
        fields=fields,
        constants=[],
        inputs=[end.index for end in ends],
        output=target.index,
    )


KIND = Kind(types=("BOOL", "INT8", "INT16", "FLOAT32"), lower=_lower)
