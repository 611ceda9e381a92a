"""Operators of two tensors, either of which may be stretched along dimensions where it has one."""

from collections.abc import Mapping

import numpy as np

from tinybench.errors import ModelError

from ...checks import (
    ACTIVATION_NONE,
    ACTIVATION_RELU,
    ACTIVATION_RELU6,
    ACTIVATION_RELU_N1_TO_1,
    activation_range,
    check_same_quantisation,
    inputs,
    operand,
)
from ...fixed_point import INT32_MAX, INT32_MIN, quantised_multiplier
from ...floats import HEADER, limit_fields
from ...graph import Graph, Operator, Tensor
from ...overlap import IN_PLACE, Overlap
from ...step import Kind, Lower, Step, Variant
from ...strides import array_fields, collapse, dense
from ..int16 import HEADER as WIDE_HEADER
from ..int16 import check_symmetric

RANK = 4
INT32_LIMITS = {
    ACTIVATION_NONE: (INT32_MIN, INT32_MAX),
    ACTIVATION_RELU: (0, INT32_MAX),
    ACTIVATION_RELU_N1_TO_1: (-1, 1),
    ACTIVATION_RELU6: (0, 6),
}
"""Of fused activations, on numbers without a scale."""


def operands(graph: Graph, op: Operator) -> tuple[Tensor, Tensor, Tensor]:
    """Return both inputs and the output; raises ModelError where their shapes do not fit."""
    first, second = (operand(tensor) for tensor in inputs(graph, op, (2,)))
    target = graph.tensors[op.outputs[0]]
    if first.type != second.type:
        raise ModelError(f"{first} is {first.type}, {second} is {second.type}")
    if first.data is not None and second.data is not None:
        raise ModelError("has two constants; at least one activation is needed")
    try:
        wanted = np.broadcast_shapes(first.shape, second.shape)
    except ValueError:
        wanted = None
    if wanted != target.shape:
        raise ModelError(
            f"{list(first.shape)} and {list(second.shape)} into {list(target.shape)}: "
            "these shapes do not fit each other"
        )
    return first, second, target


def scaled_fields(
    op: Operator, ends: tuple[Tensor, Tensor, Tensor], multiplier: int, shift: int
) -> dict[str, int]:
    """Return the fields of a kernel whose result is multiplied back to the output's scale."""
    first, second, target = ends
    low, high = activation_range(op, target)
    return {
        "first_offset": -first.zero_point,
        "second_offset": -second.zero_point,
        "out_offset": target.zero_point,
        "multiplier": multiplier,
        "shift": shift,
        "out_min": low,
        "out_max": high,
    }


def pair_step(
    op: Operator,
    function: str,
    ends: tuple[Tensor, Tensor, Tensor],
    fields: Mapping[str, int | float],
    header: str = "elementwise.h",
) -> Step:
    """Return the call of a kernel with a `struct pairs`."""
    first, second, target = ends
    strides = [stretched(tensor.shape, target.shape) for tensor in (first, second)]
    shape, (first_stride, second_stride) = collapse(target.shape, strides, RANK)
    return Step(
        operator=op,
        function=function,
        header=header,
        fields={
            **array_fields("pairs.shape", shape),
            **array_fields("pairs.first_stride", first_stride),
            **array_fields("pairs.second_stride", second_stride),
            **fields,
        },
        constants=[],
        inputs=[first.index, second.index],
        output=target.index,
        overlaps=in_place(first, second, target),
    )


def numbers_pair(real: int, whole: int | None = None) -> Kind:
    """Return the kind of a function of floats and maybe of int32, by its numbers there."""
    by_type = {"FLOAT32": float_pair(real)}
    if whole is not None:
        by_type["INT32"] = words_pair(whole)
    return Kind(types=tuple(by_type), lower=by_type["FLOAT32"], by_type=by_type)


def float_pair(number: int) -> Lower:
    """Return what lowers a function of two floats, by its number in floats.h."""

    def lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
        fields = {"function": number, **limit_fields(op)}
        return pair_step(op, "pairs_float32", operands(graph, op), fields, HEADER)

    return lower


def words_pair(number: int) -> Lower:
    """Return what lowers a function of two numbers of int32, by its number in elementwise.h."""

    def lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
        ends = operands(graph, op)
        for tensor in ends:
            if tensor.scales:
                raise ModelError(f"{tensor} is a quantised INT32; INT32 without a scale is needed")
        kind = int(op.options.get("FusedActivationFunction", ACTIVATION_NONE))
        low, high = INT32_LIMITS.get(kind, (0, 0))
        if low == high:
            raise ModelError(f"fused activation {kind} is not supported on INT32")
        fields = {"function": number, "out_min": low, "out_max": high}
        return pair_step(op, "pairs_int32", ends, fields)

    return lower


def in_place(first: Tensor, second: Tensor, target: Tensor) -> dict[int, Overlap]:
    """Return the activations whose memory the output may take over."""
    return {
        tensor.index: IN_PLACE
        for tensor in (first, second)
        if tensor.data is None and tensor.elements == target.elements
    }


def stretched(shape: tuple[int, ...], wanted: tuple[int, ...]) -> list[int]:
    """Return the strides of a tensor that is stretched to the wanted shape."""
    padded = (1,) * (len(wanted) - len(shape)) + shape
    return [0 if size == 1 else stride for size, stride in zip(padded, dense(padded), strict=True)]


def wide_sum(sign: int) -> Lower:
    """Return what lowers a sum or, where `sign` is -1, a difference of int16."""

    def lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
        ends = operands(graph, op)
        check_symmetric(*ends)
        fields = sum_fields(*ends, op, bits=15)
        kept = {name: value for name, value in fields.items() if not name.endswith("_offset")}
        return pair_step(op, "weighted_sum_int16", ends, {"sign": sign, **kept}, WIDE_HEADER)

    return lower


def wide_extreme(least: int) -> Lower:
    """Return what lowers the greater or the less of two values of int16."""

    def lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
        first, second, target = ends = operands(graph, op)
        check_same_quantisation(first, target)
        check_same_quantisation(second, target)
        return pair_step(op, "extreme_int16", ends, {"least": least}, WIDE_HEADER)

    return lower


def sum_fields(
    first: Tensor, second: Tensor, target: Tensor, op: Operator, bits: int = 20
) -> dict[str, int]:
    """Return the parameters of a sum: both values at twice the greater scale, with `bits` more.

    Raises ModelError where the reference would shift to the left.
    """
    low, high = activation_range(op, target)
    common = 2.0 * max(first.scale, second.scale)
    scalings = {
        "first": quantised_multiplier(first.scale / common),
        "second": quantised_multiplier(second.scale / common),
        "out": quantised_multiplier(common / ((1 << bits) * target.scale)),
    }
    if scalings["out"][1] > 0:
        raise ModelError(f"the scale of {target} is too small beside those of its inputs")
    return {
        f"{end}_{name}": value
        for end, (multiplier, shift) in scalings.items()
        for name, value in (("multiplier", multiplier), ("right_shift", -shift))
    } | {
        "first_offset": -first.zero_point,
        "second_offset": -second.zero_point,
        "out_offset": target.zero_point,
        "out_min": low,
        "out_max": high,
    }


def common_scale(end: str, tensor: Tensor, scaling: tuple[int, int]) -> dict[str, int]:
    """Return the parameters that put an input to a scale common to both."""
    return {
        f"{end}_offset": -tensor.zero_point,
        f"{end}_multiplier": scaling[0],
        f"{end}_right_shift": -scaling[1],
    }


def single(value: float) -> float:
    """Return the nearest number of single precision."""
    return float(np.float32(value))


def product_scaling(real: float, reach: int) -> tuple[int, int]:
    """Return multiplier and shift for values up to `reach`.

    Raises ModelError where 32 bits do not hold them: undefined in the reference.
    """
    multiplier, shift = quantised_multiplier(real)
    if reach << max(shift, 0) > INT32_MAX:
        raise ModelError(f"its scales are {real:.3g} to one, more than 32 bits hold")
    return multiplier, shift
