"""Operators on int16 with weights of int8: what their kernels share (firmware/kernels/int16.h)."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from tinybench.errors import ModelError

from ...checks import RANGES, activation_range, constant
from ...fixed_point import INT32_MAX, quantised_multiplier
from ...graph import Operator, Tensor
from ...layer import Layer
from ...output_stage import weights_constant
from ...step import Constant, Step, call_on_one
from ...window import Window

HEADER = "int16.h"
one_input = partial(call_on_one, HEADER)
SUM_BITS = 47
"""Of the sums that the reference scales, ..."""
MULTIPLIER_BITS = 15
"""... by multipliers of so many."""
LEFT_MOST = 7
INT32_BIASES = 2
"""In the schema, what biases would be of where there are none."""
REACH = 1 << 15


def check_symmetric(*tensors: Tensor) -> None:
    """Raise ModelError unless all zero points are 0."""
    for tensor in tensors:
        if any(tensor.zero_points):
            raise ModelError(f"{tensor} is {tensor.type} with the zero point {tensor.zero_point}; "
                             "0 is supported")  # fmt: skip


def limit_fields(op: Operator, target: Tensor) -> dict[str, int]:
    """Return the limits of the fused activation."""
    low, high = activation_range(op, target)
    return {"out_min": low, "out_max": high}


def stage(
    op: Operator, layer: Layer, rows: np.ndarray, scales: list[float], *, narrow: bool = False
) -> tuple[dict[str, int], list[Constant]]:
    """Return the output stage of a layer, its fields and constants with the weights.

    `rows` are the weights as [channels][taps], `scales` what their sums are multiplied by;
    `narrow`: whether sums are of 32 bits where there are no biases.
    """
    check_symmetric(layer.source, layer.target)
    biases, narrow = _biases(layer.biases, len(rows), narrow)
    reach = np.abs(biases) + REACH * np.abs(rows.astype(np.int64)).sum(axis=1)
    channels = np.zeros((len(rows), 3), np.int64)
    for c, real in enumerate(scales):
        most = int(reach[c])
        if narrow:
            multiplier, shift = quantised_multiplier(real)
            if most << max(shift, 0) > INT32_MAX:
                raise _too_much(real, most)
        else:
            multiplier, shift = short_multiplier(real, most)
        channels[c] = int(biases[c]), multiplier, shift
    fields = {"narrow": int(narrow), **limit_fields(op, layer.target)}
    stages = Constant("channels", "struct channel_int16", channels, 16 * len(channels))
    return fields, [weights_constant(rows), stages]


def short_multiplier(real: float, most: int) -> tuple[int, int]:
    """Return a multiplier of 15 bits and a shift to the right, for sums up to `most`.

    Raises ModelError where 32 bits do not hold them. Ref: MultiplyByQuantizedMultiplier of int64.
    """
    multiplier, shift = quantised_multiplier(real)
    multiplier = min((multiplier + (1 << 15)) >> 16, (1 << MULTIPLIER_BITS) - 1)
    right = MULTIPLIER_BITS - shift
    fits = shift <= LEFT_MOST and most < 1 << SUM_BITS and most * multiplier >> right < INT32_MAX
    if not fits:
        raise _too_much(real, most)
    return multiplier, right


def _too_much(real: float, most: int) -> ModelError:
    return ModelError(f"a sum can reach {most:.3g} times {real:.3g}, more than 32 bits hold; its "
                      "scales do not fit each other")  # fmt: skip


def _biases(tensor: Tensor | None, count: int, narrow: bool) -> tuple[np.ndarray, bool]:
    """Return biases, and whether sums are of 32 bits."""
    if tensor is None:
        return np.zeros(count, np.int64), narrow
    narrow = tensor.type == "INT32"
    values = constant(tensor, "INT32" if narrow else "INT64", "biases").reshape(-1)
    if values.size != count:
        raise ModelError(f"its biases, {tensor}, are {values.size}; {count} are needed")
    if np.abs(values.astype(float)).max() >= 2.0**SUM_BITS:
        raise ModelError(f"its biases, {tensor}, are beyond {SUM_BITS} bits")
    return values.astype(np.int64), narrow


def bent(
    op: Operator,
    source: Tensor,
    target: Tensor,
    above: float,
    below: float,
    most: int | None = None,
) -> Step:
    """Return a line with a bend at zero: an input's steps times either, up to `most`."""
    check_symmetric(source, target)
    if source.elements != target.elements:
        raise ModelError(f"{list(source.shape)} in, {list(target.shape)} out")
    fields = {"count": target.elements, "below_sign": -1 if below < 0 else 1}
    for name, real in (("", above), ("below_", abs(below))):
        multiplier, shift = quantised_multiplier(real)
        if REACH << max(shift, 0) > INT32_MAX:
            raise ModelError(f"its scales are {real:.3g} to one, more than 32 bits hold")
        fields |= {f"{name}multiplier": multiplier, f"{name}shift": shift}
    fields["out_max"] = RANGES["INT16"][1] if most is None else most
    return one_input(op, "bent_int16", source, target, fields, in_place=True)


def convolution(
    op: Operator,
    layer: Layer,
    window: Window,
    rows: np.ndarray,
    scales: list[float],
    group_c: int,
    narrow: bool = False,
) -> Step:
    """Return a convolution in groups of `group_c` channels; for the others see `stage`."""
    fields, constants = stage(op, layer, rows, scales, narrow=narrow)
    return Step(
        operator=op,
        function="conv_2d_int16",
        header=HEADER,
        fields={
            **window.fields(),
            **window.dilations(),
            "filter_c": rows.shape[1] // (window.kernel_h * window.kernel_w),
            "group_c": group_c,
            **fields,
        },
        constants=constants,
        inputs=[layer.source.index],
        output=layer.target.index,
        macs=window.pixels * rows.size,
    )


def curve_scaling(source: Tensor, target: Tensor, shifts: tuple[int, ...]) -> tuple[int, int]:
    """Return multiplier and shift to the right, from an input's steps to those of 2^-12 / 3.

    `shifts` are the powers of two, counted from 2^-12, that are exact in the reference.
    """
    check_symmetric(source, target)
    if abs(math.log2(target.scale) + 15) > 1e-3:
        raise ModelError(f"its output has the scale {target.scale:g}; 2^-15 is supported")
    bits = round(math.log2(source.scale))
    if abs(math.log2(source.scale) - bits) < 1e-3 and bits + 12 in shifts:
        return 3 << (bits + 12), 0
    real, shift = source.scale * 4096.0 * 3.0, 0
    while real <= 32767.0 / 2.0 and shift <= 30:
        shift += 1
        real *= 2.0
    if real > RANGES["INT16"][1]:
        raise ModelError(f"its input's scale, {source.scale:g}, is too great")
    return int(real), shift


def curve_table(reach: float, zero: int, of: Callable[[float], float]) -> np.ndarray:
    """Return 513 values of a function of `reach` / 65535 * (x - zero), for x in -32768 .. 32767.

    Each is moved by half of what a line to the next one would be off in their middle; in single
    precision. Ref: LUTPopulateInt16 in tensorflow/lite/kernels/internal/common.h.
    """
    f32 = np.float32
    steps, span = 512, f32(65535)
    scale, inverse = f32(f32(reach) / span), f32(f32(2) / span)
    least, most = f32(scale * f32(-32768 - zero)), f32(scale * f32(32767 - zero))
    step = f32(f32(most - least) / f32(steps))
    half = f32(step / f32(2))
    fine = f32(f32(65536) / f32(f32(inverse * f32(32767)) - f32(inverse * f32(-32768))))

    def at(x: np.float32) -> np.float32:
        return f32(of(float(x)))

    def rounded(x: np.float32) -> np.float32:
        return f32(math.copysign(math.floor(abs(float(x)) + 0.5), float(x)))

    values = np.zeros(steps + 1, np.int64)
    for i in range(steps):
        left = f32(least + f32(f32(i) * step))
        value = rounded(f32(at(left) * fine))
        following = f32(at(f32(least + f32(f32(i + 1) * step))) * fine)
        middle = rounded(f32(f32(following + value) / f32(2)))
        error = f32(middle - rounded(f32(at(f32(left + half)) * fine)))
        values[i] = int(value - rounded(f32(error / f32(2))))
    values[steps] = int(rounded(f32(at(most) * fine)))
    return np.clip(values, -32768, 32767)
