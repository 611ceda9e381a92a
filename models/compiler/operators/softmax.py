"""SOFTMAX over the last dimension."""

import math

import numpy as np

from tinybench.errors import ModelError

from ..checks import source_and_target
from ..fixed_point import softmax_exponentials
from ..floats import one_input
from ..graph import Graph, Operator, Tensor
from ..overlap import IN_PLACE
from ..step import Constant, Kind, Step, Variant
from .int16 import check_symmetric, curve_table
from .int16 import one_input as wide_input
from .pairs import product_scaling

WIDE_MOST = 65536
"""Classes of int16: the sum of their shares fits 32 bits."""


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
    wide = target.type == "INT16"
    if source.type != "INT8" or target.type not in ("INT8", "INT16"):
        raise ModelError(f"{source.type} into {target.type} is not supported")
    bits = 16 if wide else 8
    near = 0.001 if wide else 0.0  # as the reference has it
    if abs(target.scale * (1 << bits) - 1) > near or target.zero_point != -(1 << (bits - 1)):
        raise ModelError(
            f"its output has scale {target.scale:g} and zero point {target.zero_point}; "
            f"1/{1 << bits} and {-(1 << (bits - 1))} are supported"
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
        function="softmax_to_int16" if wide else "softmax",
        parameters="softmax",
        fields=rows,
        constants=[
            Constant("exponentials", "int32_t", exponentials, 4 * exponentials.size, table=True)
        ],
        inputs=[source.index],
        output=target.index,
        overlaps={} if wide else {source.index: IN_PLACE},
    )


def _lower_int16(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target, rows, beta = rows_and_beta(graph, op)
    check_symmetric(target)
    if abs(target.scale * (1 << 15) - 1) > 0.001:
        raise ModelError(f"its output has the scale {target.scale:g}; 2^-15 is supported")
    if source.shape[-1] > WIDE_MOST:
        raise ModelError(f"{source.shape[-1]} classes; {WIDE_MOST} are the most")
    real = source.scale * beta / (10.0 / 65535.0)
    multiplier, shift = product_scaling(real, 65535)
    tables = {
        "exponentials": curve_table(10.0, 32767, math.exp),
        "reciprocals": curve_table(1.0, -32768, lambda x: 1.0 / (1.0 + x)),
    }
    return wide_input(
        op,
        "softmax_int16",
        source,
        target,
        {**rows, "multiplier": multiplier, "shift": shift},
        [Constant(name, "int16_t", v, 2 * v.size, table=True) for name, v in tables.items()],
    )


KIND = Kind(
    options="SoftmaxOptions",
    fields=("Beta",),
    types=("INT8", "INT16"),
    lower=_lower,
    by_type={"FLOAT32": _lower_float, "INT16": _lower_int16},
)
