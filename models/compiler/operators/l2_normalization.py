"""L2_NORMALIZATION: the last dimension by its length."""

from tinybench.errors import ModelError

from ..checks import ACTIVATION_NONE, source_and_target
from ..floats import one_input
from ..graph import Graph, Operator, Tensor
from ..overlap import IN_PLACE
from ..step import Kind, Step, Variant

MOST = 1 << 15
"""Values of a row: squares of more may leave 32 bits."""


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = _rows(graph, op)
    if target.scale != 1 / 128 or target.zero_point != 0:
        raise ModelError(
            f"its output has scale {target.scale:g} and zero point {target.zero_point}; "
            "1/128 and 0 are supported"
        )
    return Step(
        operator=op,
        function="l2_normalization",
        header="reduce.h",
        fields={
            "rows": source.elements // source.shape[-1],
            "count": source.shape[-1],
            "in_offset": -source.zero_point,
        },
        constants=[],
        inputs=[source.index],
        output=target.index,
        overlaps={source.index: IN_PLACE},
    )


def _lower_float(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = _rows(graph, op)
    count = source.shape[-1]
    rows = {"rows": source.elements // count, "count": count}
    return one_input(op, "l2_normalization_float32", source, target, rows, in_place=True)


def _rows(graph: Graph, op: Operator) -> tuple[Tensor, Tensor]:
    """Return input and output, whose last dimension is a row."""
    source, target = source_and_target(graph, op)
    if source.shape != target.shape or not source.shape or source.shape[-1] > MOST:
        raise ModelError(f"{list(source.shape)} in, {list(target.shape)} out")
    if op.options["FusedActivationFunction"] != ACTIVATION_NONE:
        raise ModelError("has a fused activation")
    return source, target


KIND = Kind(
    options="L2NormOptions",
    fields=("FusedActivationFunction",),
    lower=_lower,
    by_type={"FLOAT32": _lower_float},
)
