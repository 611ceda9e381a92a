"""SOFTMAX over the last dimension."""

import math

import numpy as np

from tinybench.errors import ModelError

from ..checks import source_and_target
from ..fixed_point import INT8_MIN, softmax_exponentials
from ..floats import one_input
from ..graph import Graph, Operator, Tensor
from ..overlap import IN_PLACE
from ..step import Constant, Kind, Step, Variant


def rows_and_beta(graph: Graph, op: Operator) -> tuple[Tensor, Tensor, dict[str, int], float]:
    """Return input, output, rows and classes, and the factor of the exponents."""
    source, target = source_and_target(graph, op)
    if source.shape != target.shape or not source.shape:
        raise ModelError(f"{list(source.shape)} in, {list(target.shape)} out")
    beta = float(op.options["Beta"])
    if not (math.isfinite(beta) and beta > 0):
        raise ModelError(f"beta {beta:g}; a positive number is needed")
    classes = source.shape[-1]
    return source, target, {"rows": source.elements // classes, "classes": classes}, beta


def _lower_float(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target, rows, beta = rows_and_beta(graph, op)
    return one_input(op, "softmax_float32", source, target, {**rows, "beta": beta}, in_place=True)


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target, rows, beta = rows_and_beta(graph, op)
    if target.scale != 1 / 256 or target.zero_point != INT8_MIN:
        raise ModelError(
            f"its output has scale {target.scale:g} and zero point {target.zero_point}; "
            "1/256 and -128 are supported"
        )
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
        fields=rows,
        constants=[
            Constant("exponentials", "int32_t", exponentials, 4 * exponentials.size, table=True)
        ],
        inputs=[source.index],
        output=target.index,
        overlaps={source.index: IN_PLACE},
    )


KIND = Kind(
    options="SoftmaxOptions", fields=("Beta",), lower=_lower, by_type={"FLOAT32": _lower_float}
)
