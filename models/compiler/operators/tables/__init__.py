"""Operators of one value each: a table of all 256 results, computed as the reference does."""

import math
from collections.abc import Callable

import numpy as np

from tinybench.errors import ModelError

from ...checks import (
    RANGES,
    activation,
    check_same_quantisation,
    constant,
    inputs,
    source_and_target,
    step_of,
)
from ...fixed_point import INT32_MAX, quantised_multiplier, requantise
from ...floats import MOST, one_input
from ...graph import Graph, Operator, Tensor
from ...overlap import IN_PLACE
from ...step import Constant, Kind, Lower, Step, Variant
from ..int16 import curve_scaling
from ..int16 import one_input as wide_input

Function = Callable[[Operator, Tensor, Tensor], Callable[[int], float]]
"""From an operator, its input and its output to what it makes of a value; clamped afterwards."""


def table_step(op: Operator, source: Tensor, target: Tensor, of: Callable[[int], float]) -> Step:
    """Return the step that looks up what `of` gives for each value of the input's type."""
    if source.elements != target.elements:
        raise ModelError(f"{list(source.shape)} in, {list(target.shape)} out")
    low, high = RANGES[target.type]
    first, last = RANGES[source.type]
    # Both are looked up and kept as bytes; a negative number is 256 more there.
    results = {
        value & 0xFF: int(max(low, min(high, of(value)))) for value in range(first, last + 1)
    }
    values = np.array([results[byte] for byte in range(256)], np.int64).astype(np.uint8)
    return Step(
        operator=op,
        function="look_up",
        header="elementwise.h",
        fields={"count": target.elements},
        constants=[Constant("table", "int8_t", values.view(np.int8), 256, table=True)],
        inputs=[source.index],
        output=target.index,
        overlaps={source.index: IN_PLACE},
    )


def table(
    function: Function,
    *,
    options: str = "",
    fields: tuple[str, ...] = (),
    types: tuple[str, ...] = ("INT8",),
    same: bool = False,
    real: int,
    wide: Lower | None = None,
) -> Kind:
    """Return the kind of an operator of one value each.

    `same`: its output must have the input's scale. `real`: its number for floats, in floats.h.
    `wide` lowers it on int16.
    """

    def lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
        source, target = source_and_target(graph, op)
        if same:
            check_same_quantisation(source, target)
        return table_step(op, source, target, function(op, source, target))

    by_type = {"FLOAT32": float_map(real)} | ({} if wide is None else {"INT16": wide})
    return Kind(options=options, fields=fields, types=types, lower=lower, by_type=by_type)


def rounded_curve(of: Callable[[np.float32], np.float32]) -> Function:
    """Return a function of real numbers, in single precision, to the nearest step of the output.

    Ref: LUTPopulateInt8 in tensorflow/lite/kernels/internal/common.h.
    """

    def function(_op: Operator, source: Tensor, target: Tensor) -> Callable[[int], float]:
        scale, inverse = np.float32(source.scale), np.float32(1) / np.float32(target.scale)

        def curve(value: int) -> float:
            with np.errstate(all="ignore"):
                steps = float(of(scale * np.float32(value - source.zero_point)) * inverse)
            if math.isnan(steps):
                raise ModelError(f"what it gives for {value} is no number")
            whole = math.floor(min(math.fabs(steps), 1e6) + 0.5)
            return target.zero_point + math.copysign(whole, steps)

        return curve

    return function


def limited(low: float, high: float, *, real: int) -> Kind:
    """Return the kind of a value within limits, in the output's scale."""

    def function(_op: Operator, source: Tensor, target: Tensor) -> Callable[[int], float]:
        scaled = scaling(source.scale / target.scale)
        least, most = step_of(low, target), step_of(high, target)
        zero = target.zero_point
        return lambda value: max(least, min(most, zero + scaled(value - source.zero_point)))

    return table(function, real=real)


def curve(*, tanh: bool, shifts: tuple[int, ...]) -> Lower:
    """Return what lowers a sigmoid or a tanh of int16; `shifts` are those of `curve_scaling`."""

    def lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
        source, target = source_and_target(graph, op)
        if source.elements != target.elements:
            raise ModelError(f"{list(source.shape)} in, {list(target.shape)} out")
        multiplier, shift = curve_scaling(source, target, shifts)
        fields = {
            "count": target.elements,
            "tanh": int(tanh),
            "multiplier": multiplier,
            "right_shift": shift,
        }
        return wide_input(op, "curve_int16", source, target, fields, in_place=True)

    return lower


def float_map(number: int) -> Lower:
    """Return what lowers a function of one float, by its number in floats.h."""

    def lower(graph: Graph, op: Operator, _variant: Variant) -> Step:
        source, target = source_and_target(graph, op)
        if source.elements != target.elements:
            raise ModelError(f"{list(source.shape)} in, {list(target.shape)} out")
        fields = {"count": target.elements, "function": number, "alpha": _alpha(op)}
        return one_input(op, "map_float32", source, target, fields, in_place=True)

    return lower


def _alpha(op: Operator) -> float:
    alpha = float(op.options.get("Alpha", 0.0))
    if not math.fabs(alpha) <= MOST:
        raise ModelError(f"alpha {alpha}; a number is needed")
    return alpha


def scaling(real: float, reach: int = 255) -> Callable[[int], int]:
    """Return the product with a real number in fixed point, for values up to `reach`.

    Raises ModelError where it would leave 32 bits, which is undefined in the reference.
    """
    multiplier, shift = quantised_multiplier(real)
    if reach << max(shift, 0) > INT32_MAX:
        raise ModelError(f"its scales are {real:.3g} to one, more than 32 bits hold")
    return lambda value: requantise(value, multiplier, shift)


def single(*factors: float) -> float:
    """Return the first number times the middle ones, divided by the last, in single precision."""
    product = np.float32(factors[0])
    for factor in factors[1:-1]:
        product = np.float32(product * np.float32(factor))
    return float(np.float32(product / np.float32(factors[-1])))


def _given(graph: Graph, op: Operator, _variant: Variant) -> Step:
    """Return the step of LOOK_UP, whose second input is the table, from -128 on."""
    first, second = inputs(graph, op, (2,))
    values = constant(second, "INT8", "results")
    if values.size != 256:
        raise ModelError(f"has {values.size} results; 256 are needed")
    of = values.reshape(-1).tolist()
    return table_step(op, activation(first), graph.tensors[op.outputs[0]], lambda v: of[v + 128])


KIND = Kind(lower=_given)
