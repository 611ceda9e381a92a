"""QUANTIZE: floats become int8 or int16, or integers another scale."""

from tinybench.errors import ModelError

from ..checks import RANGES, is_quantised, source_and_target
from ..fixed_point import INT32_MAX, quantised_multiplier
from ..graph import WIDTHS_B, Graph, Operator, Tensor
from ..step import Kind, Step, Variant
from .int16 import check_symmetric, one_input
from .pairs import product_scaling
from .tables import scaling, table_step

INTO = {
    "FLOAT32": ("INT8", "INT16"),
    "INT8": ("INT8", "UINT8", "INT16", "INT32"),
    "UINT8": ("INT8",),
    "INT16": ("INT8", "INT16", "INT32"),
    "INT32": ("INT8", "INT16"),
}
"""What each type becomes in the reference."""
INT32_RANGE = (-(1 << 31), (1 << 31) - 1)


def _lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, target = source_and_target(graph, op)
    if target.type not in INTO.get(source.type, ()):
        raise ModelError(f"{source.type} into {target.type} is not supported")
    if source.elements != target.elements:
        raise ModelError(f"{list(source.shape)} in, {list(target.shape)} out")
    if source.type == "FLOAT32" and target.type == "INT16":
        check_symmetric(target)
        fields = {"count": target.elements, "scale": float(target.scale)}
        return one_input(op, "quantize_int16", source, target, fields)
    if source.type == "FLOAT32":
        return Step(
            operator=op,
            function="quantize",
            header="float32.h",
            fields={
                "count": target.elements,
                "scale": float(target.scale),
                "zero_point": target.zero_point,
            },
            constants=[],
            inputs=[source.index],
            output=target.index,
        )
    if WIDTHS_B[source.type] == WIDTHS_B[target.type] == 1:
        scaled = scaling(source.scale / target.scale)
        return table_step(
            op, source, target, lambda v: target.zero_point + scaled(v - source.zero_point)
        )
    return _rescaled(op, source, target)


def _rescaled(op: Operator, source: Tensor, target: Tensor) -> Step:
    """Return the step between integers of which one has more than a byte."""
    for tensor in (source, target):
        if tensor.type == "INT32":
            _check_zero_and_scale(tensor)
    low, high = RANGES.get(target.type, INT32_RANGE)
    first, last = RANGES.get(source.type, INT32_RANGE)
    reach = max(last - source.zero_point, source.zero_point - first)
    real = source.scale / target.scale
    if source.type == "INT32":  # what 32 bits do not hold is beyond the output's limits
        reach = INT32_MAX >> max(quantised_multiplier(real)[1], 0)
    multiplier, shift = product_scaling(real, reach)
    fields = {
        "count": target.elements,
        "in_b": WIDTHS_B[source.type],
        "out_b": WIDTHS_B[target.type],
        "in_zero_point": source.zero_point,
        "out_zero_point": target.zero_point,
        "in_most": reach,
        "multiplier": multiplier,
        "shift": shift,
        "out_min": low,
        "out_max": high,
    }
    return one_input(op, "rescale", source, target, fields)


def _check_zero_and_scale(tensor: Tensor) -> None:
    """Raise ModelError unless an int32 has one scale and the zero point 0."""
    if not is_quantised(tensor):
        raise ModelError(f"{tensor} needs one scale above 0 and the zero point 0")


KIND = Kind(types=("INT8", "UINT8", "INT16", "INT32", "FLOAT32"), lower=_lower)
