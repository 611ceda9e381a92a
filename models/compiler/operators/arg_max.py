"""ARG_MAX: where along an axis the greatest value is; the first of equal ones."""

import math

from tinybench.errors import ModelError

from ..checks import activation, axis_of, inputs, numbers
from ..graph import Graph, Operator
from ..step import Kind, Step, Variant


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    first, axes = inputs(graph, op, (2,))
    source, target = activation(first), graph.tensors[op.outputs[0]]
    if (source.type, target.type) != ("INT8", "INT32"):
        raise ModelError(f"{source.type} into {target.type}; INT8 into INT32 is supported")
    found = numbers(axes, "axis")
    if len(found) != 1:
        raise ModelError(f"has {len(found)} axes; 1 is needed")
    axis = axis_of(found[0], source)
    if target.elements * source.shape[axis] != source.elements:
        raise ModelError(f"{list(source.shape)} along axis {axis} into {list(target.shape)}")
    return Step(
        operator=op,
        function="arg_max",
        header="reduce.h",
        fields={
            "outer": math.prod(source.shape[:axis]),
            "count": source.shape[axis],
            "inner": math.prod(source.shape[axis + 1 :]),
        },
        constants=[],
        inputs=[source.index],
        output=target.index,
    )


KIND = Kind(types=("INT8", "INT32"), lower=_lower)
