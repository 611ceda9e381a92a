"""GATHER: places along an axis, in the order of a constant."""

import math

import numpy as np

from tinybench.errors import ModelError

from ...checks import axis_of, check_same_quantisation, check_shape, numbers
from ...graph import WIDTHS_B, Graph, Operator
from ...step import Constant, Kind, Step, Variant
from . import TYPES, source_of


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_of(graph, op, (2,)), graph.tensors[op.outputs[0]]
    if op.options["BatchDims"] != 0:
        raise ModelError(f"batch dimensions {op.options['BatchDims']}; 0 is supported")
    axis = axis_of(int(op.options["Axis"]), source)
    indices = graph.tensors[op.inputs[1]]
    places = numbers(indices, "indices")
    whole = source.shape[axis]
    if not all(0 <= place < whole for place in places):
        raise ModelError(f"has indices outside 0..{whole - 1}")
    check_shape(target, source.shape[:axis] + indices.shape + source.shape[axis + 1 :])
    if source.type != target.type:
        raise ModelError(f"{source} is {source.type} and {target} is {target.type}")
    if source.scales or target.scales:
        check_same_quantisation(source, target)
    return Step(
        operator=op,
        function="gather",
        header="move.h",
        fields={
            "outer": math.prod(source.shape[:axis]),
            "whole": whole,
            "count": len(places),
            "run_b": math.prod(source.shape[axis + 1 :]) * WIDTHS_B[source.type],
        },
        constants=[Constant("places", "int32_t", np.array(places, np.int64), 4 * len(places))],
        inputs=[source.index],
        output=target.index,
    )


KIND = Kind(options="GatherOptions", fields=("Axis", "BatchDims"), types=TYPES, lower=_lower)
