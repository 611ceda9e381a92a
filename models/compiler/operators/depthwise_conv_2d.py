"""DEPTHWISE_CONV_2D: convolution with filters of one channel each."""

from types import ModuleType

import numpy as np

from tinybench.errors import ModelError

from ..dsp import line
from ..fixed_point import INT8_MAX, INT8_MIN
from ..floats import convolution, weighted
from ..graph import Graph, Operator
from ..layer import Convolution, layer_channels, multipliers, read_layer, read_once
from ..output_stage import (
    each_mve_constant,
    limit_fields,
    plain_constant,
    plain_fields,
    short_constant,
    short_fields,
    weights_constant,
    wide_mve_constant,
    with_powers,
)
from ..overlap import SAME_PLACE, pixel_by_pixel, plane_by_plane, rows_together
from ..step import Kind, Planes, Step, Variant
from ..window import Window, window_of
from . import direct
from .conv_2d import MVE_TAPS, convolution_planes, convolve
from .int16 import convolution as wide_convolution
from .planewise import constants, overlaps, planewise, planewise_cost

BY_PLANES = {"dsp": 2.4, "thumb2": 3.6, "rv32": 3.1, "blocked": 5.5}
"""Cycles of the kernel for any window for each instruction that it is reckoned with, as measured
(direct/__init__.py says on which core)."""
THREE = {
    "dsp": (700, 0, 29, 46.5),
    "thumb2": (480, 3.2, 48.3, 57.9),
    "rv32": (314, 17.9, 32.1, 0),
    "blocked": (617, 44.5, 99.7, 0),
}
"""The same where the window is 3x3: of a plane, each of its inputs, and each output with a
horizontal stride of 1 and of 2."""
MVE_LEAD = 5
"""Zeros before the weights of the first channel of `depthwise_3x3_mve`."""


@read_once
def read(graph: Graph, op: Operator) -> Convolution:
    """Return the layer, checked."""
    layer = read_layer(graph, op, 4)
    weights = layer.weights
    window = window_of(op, layer.source, layer.target, weights.shape[1], weights.shape[2])
    if weights.shape[0] != 1 or weights.shape[3] != window.out_c:
        raise ModelError(f"weights of {list(weights.shape)} for {window.out_c} channels")
    if window.out_c % window.in_c:
        raise ModelError(f"{window.out_c} outputs from {window.in_c} inputs: not a multiple")
    rows = weights[0].reshape(-1, window.out_c).T
    return Convolution(layer.source, layer.target, window, rows, layer_channels(op, layer, rows, 3))


def _lower(graph: Graph, op: Operator, variant: Variant) -> Step:
    conv = read(graph, op)
    if variant.kernels == "plain":
        return _plain(op, conv)
    if conv.window.in_c == 1:  # each filter sees all there is
        return convolve(op, conv, variant)
    if variant.kernels in ("blocked", "thumb2") and _alone(conv):
        return _valid(op, conv)
    short, fast = conv.channels.short, _as_it_lies(conv, variant.kernels)
    step = None
    if _three_by_three(conv.window) and (fast is None or variant.kernels == "dsp"):
        step = _three(op, conv, variant)
    if step is None and short is not None and fast is line:
        step = line.step(op, conv, short)
    if step is None and short is not None and fast is direct:
        step = direct.step(op, conv, short, "dsp" if variant.kernels == "dsp" else "blocked")
    return step or _any(op, conv, variant) or _plain(op, conv)


def _three(op: Operator, conv: Convolution, variant: Variant) -> Step | None:
    """Return the call of the kernel for 3x3; None where it would not be exact."""
    short = conv.channels.short
    if short is None:
        return None
    if variant.kernels in ("blocked", "rv32", "thumb2") and conv.window.stride_w in (1, 2):
        return _blocked(op, conv, short)
    if variant.kernels == "dsp" and not _in_blocks(conv):
        return None
    if variant.kernels == "dsp" and {conv.source.index, conv.target.index} <= variant.planar:
        return _dsp(op, conv, short)
    if variant.kernels == "mve":
        return _mve(op, conv, short)
    return None


def _any(op: Operator, conv: Convolution, variant: Variant) -> Step | None:
    """Return the call of the kernel that knows all shapes; None where its plane is too large."""
    if variant.kernels == "mve":
        return _any_mve(op, conv)
    dsp = variant.kernels == "dsp"
    planes = planewise(conv, 2 if dsp else 1, variant.planar)
    if planes is None:
        return None
    fields = planes.fields
    taps = planes.filters[0].size
    if dsp:
        fields |= {
            "pairs": planes.filters.shape[2] // 2,
            "exact_negatives": int(conv.channels.exact_negatives),
        }
    return Step(
        operator=op,
        function="depthwise_conv_2d_dsp" if dsp else "depthwise_conv_2d_blocked",
        fields=fields,
        constants=constants(conv, planes),
        inputs=[conv.source.index],
        output=conv.target.index,
        scratch_b=2 * (taps + planes.plane) if dsp else planes.plane,
        overlaps=overlaps(conv, planes),
        macs=conv.macs,
    )


def _any_mve(op: Operator, conv: Convolution) -> Step:
    window = conv.window
    if window.in_w == window.kernel_w == window.out_w == 1 and window.pad_left == 0:
        window = window.turned  # a column is a row, of which two pixels share their weights
    filled = -(-window.out_c // 8) * 8
    packed = np.zeros((conv.rows.shape[1], filled), np.int8)
    packed[:, : window.out_c] = conv.rows.T
    order = [c + first + 2 * i for c in range(0, filled, 8) for first in (0, 1) for i in range(4)]
    return Step(
        operator=op,
        function="depthwise_conv_2d_mve",
        fields={
            **window.fields(),
            **window.dilations(),
            **plain_fields(conv.source, conv.target, conv.channels),
            "multiplier": window.out_c // window.in_c,
        },
        constants=[
            weights_constant(packed),
            wide_mve_constant(conv.channels, conv.rows, None, order),
        ],
        inputs=[conv.source.index],
        output=conv.target.index,
        overlaps={conv.source.index: pixel_by_pixel(window, 2, True, begins_anywhere=True)},
        macs=conv.macs,
    )


def _lower_float(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, weights, biases = weighted(graph, op, 4)
    target = graph.tensors[op.outputs[0]]
    window = window_of(op, source, target, weights.shape[1], weights.shape[2])
    if weights.shape[0] != 1 or weights.shape[3] != window.out_c or window.out_c % window.in_c:
        raise ModelError(f"weights of {list(weights.shape)} for {window.in_c} channels in, "
                         f"{window.out_c} out")  # fmt: skip
    rows = weights[0].reshape(-1, window.out_c).T
    return convolution(op, source, target, window, rows, biases, window.out_c // window.in_c)


def _lower_int16(graph: Graph, op: Operator, _variant: Variant) -> Step:
    layer = read_layer(graph, op, 4)
    weights = layer.weights
    window = window_of(op, layer.source, layer.target, weights.shape[1], weights.shape[2])
    if weights.shape[0] != 1 or weights.shape[3] != window.out_c or window.out_c % window.in_c:
        raise ModelError(f"weights of {list(weights.shape)} for {window.in_c} channels in, "
                         f"{window.out_c} out")  # fmt: skip
    if layer.biases is not None and layer.biases.type != "INT64":
        raise ModelError(f"its biases, {layer.biases}, are {layer.biases.type}; INT64 is supported")
    rows = weights[0].reshape(-1, window.out_c).T
    scales = multipliers(layer, 3, len(rows))
    return wide_convolution(op, layer, window, rows, scales, window.out_c // window.in_c)


def _planes(graph: Graph, op: Operator) -> Planes:
    conv = read(graph, op)
    possible = conv.channels.short is not None and _three_by_three(conv.window) and _in_blocks(conv)
    if conv.window.in_c == 1:
        return convolution_planes(conv)
    if not possible and _as_it_lies(conv, "dsp"):
        return Planes(writes=conv.window.pixels == 1)  # one pixel is the same either way
    if not possible:  # any layout will do; planes are copied faster
        there = planewise(conv, 2) is not None
        return Planes(reads=there, writes=there, wanted=frozenset([conv.source.index]))
    ends = frozenset((conv.source.index, conv.target.index))
    return Planes(reads=possible, writes=possible, both=True, wanted=ends)


def _as_it_lies(conv: Convolution, kernels: str) -> ModuleType | None:
    """Return the kernel that is the fastest where there are no planes and needs none."""
    window = conv.window
    if kernels not in BY_PLANES:
        return None
    by_planes = BY_PLANES[kernels] * planewise_cost(window, 2 if kernels == "dsp" else 1)
    if _three_by_three(window) and window.stride_w <= 2:
        plane, value, *outputs = THREE[kernels]
        each = outputs[window.stride_w - 1] * window.pixels
        by_planes = plane + value * window.in_h * window.in_w + each
    costs = dict[ModuleType, float]()
    if direct.possible(conv):
        costs[direct] = direct.cost(window, kernels)
    if kernels == "dsp" and line.possible(conv):
        costs[line] = line.cost(window)
    fast = min(costs, key=lambda kernel: costs[kernel], default=None)
    return fast if fast is not None and costs[fast] < by_planes else None


def _alone(conv: Convolution) -> bool:
    """Whether there is one window, without a border, and an output a channel."""
    window = conv.window
    reach_h = (window.kernel_h - 1) * window.dilation_h + 1
    reach_w = (window.kernel_w - 1) * window.dilation_w + 1
    return (
        window.pixels == 1
        and window.in_c == window.out_c
        and window.pad_top == window.pad_left == 0
        and reach_h <= window.in_h
        and reach_w <= window.in_w
        and conv.channels.short is not None
    )


def _valid(op: Operator, conv: Convolution) -> Step:
    """Return the call of the kernel for windows without a border."""
    window = conv.window
    short = conv.channels.short
    if short is None:
        raise ModelError("its scales need another output stage")
    column, row = window.in_c, window.in_c * window.in_w
    return Step(
        operator=op,
        function="depthwise_valid_blocked",
        fields={
            "channel_count": window.out_c,
            "out_h": window.out_h,
            "out_w": window.out_w,
            "kernel_h": window.kernel_h,
            "kernel_w": window.kernel_w,
            "next_row": row * window.dilation_h,
            "next_column": column * window.dilation_w,
            "stride_row": row * window.stride_h,
            "stride_column": column * window.stride_w,
            **limit_fields(conv.channels),
        },
        constants=[weights_constant(conv.rows.T), short_constant(short)],
        inputs=[conv.source.index],
        output=conv.target.index,
        macs=conv.macs,
    )


def _three_by_three(window: Window) -> bool:
    """Whether it is the shape that all kernels but the plain one know."""
    return (
        window.kernel_h == window.kernel_w == 3
        and window.in_c == window.out_c
        and not window.dilated
    )


def _in_blocks(conv: Convolution) -> bool:
    """Whether the DSP kernel for 3x3 will do, which computes two by two outputs."""
    window, channels = conv.window, conv.channels
    return (
        window.stride_h == window.stride_w <= 2
        and min(window.out_h, window.out_w) > 1
        and channels.limits == (INT8_MIN, INT8_MAX)
        and not channels.exact_negatives
    )


def _plain(op: Operator, conv: Convolution) -> Step:
    window = conv.window
    return Step(
        operator=op,
        function="depthwise_conv_2d",
        fields={
            **window.fields(),
            **window.dilations(),
            **plain_fields(conv.source, conv.target, conv.channels),
            "multiplier": window.out_c // window.in_c,
        },
        # [tap][channel], as the channels are innermost in memory.
        constants=[weights_constant(conv.rows.T), plain_constant(conv.channels)],
        inputs=[conv.source.index],
        output=conv.target.index,
        overlaps={conv.source.index: pixel_by_pixel(window, 1, reads_while_writing=True)},
        macs=conv.macs,
    )


def _window_fields(window: Window) -> dict[str, int]:
    """Return the fields of a window whose size and channels the kernel knows."""
    fields = window.fields()
    for name in ("in_c", "kernel_h", "kernel_w"):
        del fields[name]
    return fields | {"channel_count": fields.pop("out_c")}


def _blocked(op: Operator, conv: Convolution, short: np.ndarray) -> Step:
    source, target, window = conv.source, conv.target, conv.window
    plane_h = max(window.pad_top + window.in_h, (window.out_h - 1) * window.stride_h + 3)
    plane_w = max(window.pad_left + window.in_w, (window.out_w - 1) * window.stride_w + 3)
    return Step(
        operator=op,
        function="depthwise_3x3_blocked",
        fields={
            **_window_fields(window),
            "plane_h": plane_h,
            "plane_w": plane_w,
            "in_zero_point": source.zero_point,
            **limit_fields(conv.channels),
        },
        constants=[weights_constant(conv.rows), short_constant(short)],
        inputs=[source.index],
        output=target.index,
        scratch_b=plane_h * plane_w,
        # Each channel is copied before it is overwritten, and pixels keep their places.
        overlaps={source.index: SAME_PLACE} if target.shape == source.shape else {},
        macs=conv.macs,
    )


def _dsp(op: Operator, conv: Convolution, short: np.ndarray) -> Step:
    window = conv.window
    # Words whose even bytes are w0 and w2 of a row, and whose odd ones are w1 of all.
    packed = np.zeros((window.out_c, 12), np.int8)
    packed[:, [0, 1, 2, 3, 4, 5, 6, 8, 10]] = conv.rows[:, [0, 1, 2, 4, 3, 7, 5, 6, 8]]
    # The plane with its border; rows are filled up so that each starts at a whole word.
    reach_w = (window.out_w - 1) * window.stride_w + 3
    plane_w = -(-max(window.pad_left + window.in_w, reach_w) // 4) * 4
    plane_h = max(window.pad_top + window.in_h, (window.out_h - 1) * window.stride_h + 3)
    fields = _window_fields(window)
    del fields["stride_h"]
    fields["stride"] = fields.pop("stride_w")
    powers = with_powers(short, conv.rows, conv.channels.limits)
    return Step(
        operator=op,
        function="depthwise_3x3_any_dsp" if powers is None else "depthwise_3x3_dsp",
        parameters="depthwise_3x3_dsp",
        fields={
            **fields,
            "in_channel_stride": window.in_h * window.in_w,
            "out_channel_stride": window.pixels,
            "plane_h": plane_h,
            "plane_w": plane_w,
            "in_zero_point": conv.source.zero_point,
        },
        constants=[weights_constant(packed), short_constant(short if powers is None else powers)],
        inputs=[conv.source.index],
        output=conv.target.index,
        scratch_b=plane_h * plane_w,
        overlaps={conv.source.index: plane_by_plane(window)},
        macs=conv.macs,
    )


def _mve(op: Operator, conv: Convolution, short: np.ndarray) -> Step:
    window = conv.window
    pairs = window.stride_h == window.stride_w == 1 and window.out_w > 1
    # Three columns of three rows and a zero; the kernel lays them over its windows one and two rows
    # or columns later, where zeros come in from the channel before.
    packed = np.zeros((window.out_c, 3, 4), np.int8)
    packed[:, :, :3] = conv.rows.reshape(-1, 3, 3).transpose(0, 2, 1)
    packed = np.pad(packed.reshape(-1, 12), ((0, 0), (0, MVE_TAPS - 12)))
    # Up to the last window that is read; without pairs, four pixels are computed together.
    reached = window.out_w + 2
    if not pairs or window.out_h % 2 == 1:
        reached = (-(-window.out_w // 4) * 4 - 1) * window.stride_w + 4
    columns = max(window.pad_left + window.in_w, reached)
    # Rows that are overwritten before they are read again are kept.
    in_place = pairs and window.pad_top == 1 and conv.source.shape == conv.target.shape
    fields = window.fields()
    for name in ("kernel_h", "kernel_w", "out_c"):
        del fields[name]
    return Step(
        operator=op,
        function="depthwise_3x3_mve",
        fields={
            **fields,
            "columns": columns,
            "in_place": int(in_place),
            "in_zero_point": conv.source.zero_point,
            **short_fields(conv.channels),
        },
        constants=[
            weights_constant(np.pad(packed.reshape(-1), (MVE_LEAD, 0))),
            each_mve_constant(short),
        ],
        inputs=[conv.source.index],
        output=conv.target.index,
        scratch_b=columns * 4 * MVE_TAPS + (window.in_w * window.in_c if in_place else 0),
        overlaps={
            conv.source.index: SAME_PLACE if in_place else rows_together(window, 2 if pairs else 1)
        },
        macs=conv.macs,
    )


KIND = Kind(
    options="DepthwiseConv2DOptions",
    fields=(
        "Padding",
        "StrideH",
        "StrideW",
        "DilationHFactor",
        "DilationWFactor",
        "FusedActivationFunction",
    ),
    lower=_lower,
    by_type={"FLOAT32": _lower_float, "INT16": _lower_int16},
    each_image=True,
    planes=_planes,
)
