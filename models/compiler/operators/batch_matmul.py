"""BATCH_MATMUL: products of matrices, one after the other."""

import numpy as np

from tinybench.errors import ModelError

from ..checks import inputs, operand
from ..floats import HEADER
from ..graph import Graph, Operator, Tensor
from ..step import Kind, Step, Variant
from ..strides import array_fields, collapse
from .pairs import product_scaling, single, stretched

BATCH_RANK = 3


def _product(graph: Graph, op: Operator) -> tuple[list[Tensor], dict[str, int], int]:
    """Return both inputs and the output, the loops, and how many multiplications they are."""
    first, second = (operand(tensor) for tensor in inputs(graph, op, (2,)))
    target = graph.tensors[op.outputs[0]]
    ends = [first, second, target]
    if not first.type == second.type == target.type or min(len(t.shape) for t in ends) < 2:
        raise ModelError(f"{[t.type for t in ends]} of {[list(t.shape) for t in ends]}")
    rows, depth = first.shape[-2:][:: -1 if op.options["AdjX"] else 1]
    along, columns = second.shape[-2:][:: -1 if op.options["AdjY"] else 1]
    try:
        batches = np.broadcast_shapes(first.shape[:-2], second.shape[:-2])
    except ValueError:
        batches = None
    if batches is None or depth != along or (*batches, rows, columns) != target.shape:
        raise ModelError(f"{list(first.shape)} and {list(second.shape)} into {list(target.shape)}")
    sizes = (rows * depth, depth * columns)
    strides = [
        [step * size for step in stretched(end.shape[:-2], batches)]
        for end, size in zip(ends, sizes, strict=False)
    ]
    shape, found = collapse(batches, strides, BATCH_RANK)
    fields = array_fields("batches", shape)
    fields |= array_fields("first_batch", found[0]) | array_fields("second_batch", found[1])
    fields |= {"rows": rows, "columns": columns, "depth": depth}
    fields["first_row"], fields["first_depth"] = _steps(depth, rows, op.options["AdjX"])
    fields["second_depth"], fields["second_column"] = _steps(columns, along, op.options["AdjY"])
    return ends, fields, target.elements * depth


def _steps(inner: int, outer: int, turned: float) -> tuple[int, int]:
    """Return the steps along both dimensions of a matrix, whether or not it is turned."""
    return (1, outer) if turned else (inner, 1)


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    (first, second, target), fields, macs = _product(graph, op)
    real = single(single(first.scale) * single(second.scale)) / target.scale
    multiplier, shift = product_scaling(real, 255 * 255 * fields["depth"])
    fields |= {
        "first_offset": -first.zero_point,
        "second_offset": -second.zero_point,
        "out_offset": target.zero_point,
        "multiplier": multiplier,
        "shift": shift,
    }
    return _step(op, "batch_matmul", "reduce.h", [first, second, target], fields, macs)


def _lower_float(graph: Graph, op: Operator, _variant: Variant) -> Step:
    ends, fields, macs = _product(graph, op)
    return _step(op, "batch_matmul_float32", HEADER, ends, fields, macs)


def _step(
    op: Operator, function: str, header: str, ends: list[Tensor], fields: dict[str, int], macs: int
) -> Step:
    first, second, target = ends
    return Step(
        operator=op,
        function=function,
        header=header,
        fields=fields,
        constants=[],
        inputs=[first.index, second.index],
        output=target.index,
        macs=macs,
    )


KIND = Kind(
    options="BatchMatMulOptions",
    fields=("AdjX", "AdjY"),
    lower=_lower,
    by_type={"FLOAT32": _lower_float},
)
