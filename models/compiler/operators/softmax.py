"""SOFTMAX over the last dimension."""

import math

import numpy as np

from tinybench.errors import ModelError

from ..checks import activation, inputs
from ..fixed_point import INT8_MIN, softmax_exponentials
from ..graph import Graph, Operator
from ..overlap import IN_PLACE
from ..step import Constant, Kind, Step, Variant


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source = activation(inputs(graph, op, (1,))[0])
    target = graph.tensors[op.outputs[0]]
    if source.shape != target.shape or not source.shape:
        raise ModelError(f"{list(source.shape)} in, {list(target.shape)} out")
    if target.scale != 1 / 256 or target.zero_point != INT8_MIN:
        raise ModelError(
            f"its output has scale {target.scale:g} and zero point {target.zero_point}; "
            "1/256 and -128 are supported"
        )
    beta = float(op.options["Beta"])
    if not (math.isfinite(beta) and beta > 0):
        raise ModelError(f"beta {beta:g}; a positive number is needed")
    # With more, the reference kernel shifts by more than 31 bits.
    if source.shape[-1] >= 512:
        raise ModelError(f"{source.shape[-1]} classes; 511 are the most")
    try:
        exponentials = np.array(softmax_exponentials(source.scale, beta), np.int64)
    except ValueError as error:
        raise ModelError(str(error)) from None
    return Step(
        operator=op,
        function="softmax",
        fields={"rows": source.elements // source.shape[-1], "classes": source.shape[-1]},
        constants=[
            Constant("exponentials", "int32_t", exponentials, 4 * exponentials.size, table=True)
        ],
        inputs=[source.index],
        output=target.index,
        overlaps={source.index: IN_PLACE},
    )


KIND = Kind(options="SoftmaxOptions", fields=("Beta",), lower=_lower)
