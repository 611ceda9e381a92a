"""CONV_2D: two-dimensional convolution, and the fully connected layer as one of a single pixel."""

import msgspec
import numpy as np

from tinybench.errors import ModelError

from ..floats import convolution, weighted
from ..graph import Graph, Operator, Tensor
from ..layer import layer_channels, read_layer
from ..output_stage import (
    MVE_CHANNELS,
    Channels,
    limit_fields,
    mve_constant,
    plain_constant,
    plain_fields,
    short_constant,
    short_fields,
    weights_constant,
)
from ..overlap import SAME_PLACE, pixel_by_pixel
from ..step import Constant, Kind, Planes, Step, Variant
from ..window import Window, window_of

MVE_TAPS = 16
"""Lanes of a vector of int8."""


class Convolution(msgspec.Struct, frozen=True):
    """A checked convolution."""

    source: Tensor
    target: Tensor
    window: Window
    rows: np.ndarray
    """Weights, [channels][taps]."""
    channels: Channels

    @property
    def macs(self) -> int:
        """Multiplications of one inference."""
        return self.window.pixels * self.rows.size


def _read(graph: Graph, op: Operator) -> Convolution:
    layer = read_layer(graph, op, 4)
    weights = layer.weights
    window = window_of(op, layer.source, layer.target, weights.shape[1], weights.shape[2])
    if weights.shape[3] != window.in_c:
        raise ModelError(
            f"weights of {list(weights.shape)} for {window.in_c} input channels; "
            "grouped convolution is not supported"
        )
    if weights.shape[0] != window.out_c:
        raise ModelError(f"weights of {list(weights.shape)} for {window.out_c} channels")
    rows = weights.reshape(window.out_c, -1)
    return Convolution(layer.source, layer.target, window, rows, layer_channels(op, layer, rows, 0))


def _lower(graph: Graph, op: Operator, variant: Variant) -> Step:
    return convolve(op, _read(graph, op), variant)


def _lower_float(graph: Graph, op: Operator, _variant: Variant) -> Step:
    source, weights, biases = weighted(graph, op, 4)
    target = graph.tensors[op.outputs[0]]
    window = window_of(op, source, target, weights.shape[1], weights.shape[2])
    groups, rest = divmod(window.in_c, weights.shape[3])
    if weights.shape[0] != window.out_c or rest or window.out_c % groups:
        raise ModelError(f"weights of {list(weights.shape)} for {window.in_c} channels in, "
                         f"{window.out_c} out")  # fmt: skip
    rows = weights.reshape(window.out_c, -1)
    return convolution(op, source, target, window, rows, biases, window.out_c // groups)


def convolve(op: Operator, conv: Convolution, variant: Variant) -> Step:
    """Return the call of the fastest kernel that is exact for a convolution."""
    short = conv.channels.short
    if short is None or variant.kernels == "plain" or conv.window.dilated:
        return _plain(op, conv)
    if variant.kernels == "blocked":
        return blocked(op, conv, short)
    if variant.kernels == "dsp":
        return _dsp(op, conv, short, variant.planar)
    return _mve(op, conv, short)


def _planes(graph: Graph, op: Operator) -> Planes:
    conv = _read(graph, op)
    possible = conv.channels.short is not None and not conv.window.dilated
    return Planes(reads=possible and conv.window.pointwise, writes=possible)


def _plain(op: Operator, conv: Convolution) -> Step:
    return Step(
        operator=op,
        function="conv_2d",
        fields={
            **conv.window.fields(),
            **conv.window.dilations(),
            **plain_fields(conv.source, conv.target, conv.channels),
        },
        constants=[weights_constant(conv.rows), plain_constant(conv.channels)],
        inputs=[conv.source.index],
        output=conv.target.index,
        overlaps={conv.source.index: pixel_by_pixel(conv.window, 1, reads_while_writing=True)},
        macs=conv.macs,
    )


def blocked(op: Operator, conv: Convolution, short: np.ndarray) -> Step:
    """Return the call of the blocked kernel; `short` is the output stage."""
    window, taps = conv.window, conv.rows.shape[1]
    # Three channels by turns, tap by tap; channels filled up with zeros.
    packed = np.zeros((-(-window.out_c // 3) * 3, taps), np.int8)
    packed[: window.out_c] = conv.rows
    return Step(
        operator=op,
        function="conv_2d_blocked",
        fields={
            **window.fields(),
            "taps": taps,
            "in_zero_point": conv.source.zero_point,
            "pointwise": int(window.pointwise),
            **limit_fields(conv.channels),
        },
        constants=[
            weights_constant(packed.reshape(-1, 3, taps).transpose(0, 2, 1)),
            short_constant(short),
        ],
        inputs=[conv.source.index],
        output=conv.target.index,
        # The kernel takes scratch memory in any case.
        scratch_b=1 if window.pointwise else 2 * taps,
        overlaps={
            conv.source.index: pixel_by_pixel(window, 2, reads_while_writing=window.pointwise)
        },
        macs=conv.macs,
    )


def _dsp(op: Operator, conv: Convolution, short: np.ndarray, planar: frozenset[int]) -> Step:
    source, target, window = conv.source, conv.target, conv.window
    taps, groups = conv.rows.shape[1], -(-conv.rows.shape[1] // 4)
    # Two channels by turns, four taps each; taps and channels filled up with zeros.
    packed = np.zeros((-(-window.out_c // 2) * 2, groups * 4), np.int8)
    packed[: window.out_c, :taps] = conv.rows
    packed = packed.reshape(-1, 2, groups, 4).transpose(0, 2, 1, 3)
    reads_planes, writes_planes = source.index in planar, target.index in planar
    overlaps = {}
    if not reads_planes and not writes_planes:
        overlaps[source.index] = pixel_by_pixel(window, 3, reads_while_writing=False)
    elif reads_planes and writes_planes:
        overlaps[source.index] = SAME_PLACE  # a pixel keeps its place in every plane
    return Step(
        operator=op,
        function="conv_2d_dsp",
        fields={
            **window.fields(),
            "groups": groups,
            "in_zero_point": source.zero_point,
            "in_planar": int(reads_planes),
            "out_pixel_stride": 1 if writes_planes else window.out_c,
            "out_channel_stride": window.pixels if writes_planes else 1,
            **short_fields(conv.channels),
        },
        constants=[weights_constant(packed), short_constant(short)],
        inputs=[source.index],
        output=target.index,
        # Three columns of int16, and one patch of int8 where a window is not read in place.
        scratch_b=groups * 24 + (0 if window.pointwise and window.in_c % 4 == 0 else groups * 4),
        overlaps=overlaps,
        macs=conv.macs,
    )


def _mve(op: Operator, conv: Convolution, short: np.ndarray) -> Step:
    blocks = -(-conv.rows.shape[1] // MVE_TAPS)
    return Step(
        operator=op,
        function="conv_2d_mve",
        fields={
            **conv.window.fields(),
            "blocks": blocks,
            "pointwise": int(conv.window.pointwise),
            "in_zero_point": conv.source.zero_point,
            **short_fields(conv.channels),
        },
        constants=mve_constants(conv.rows, short),
        inputs=[conv.source.index],
        output=conv.target.index,
        scratch_b=2 * blocks * MVE_TAPS,
        overlaps={conv.source.index: pixel_by_pixel(conv.window, 2, reads_while_writing=False)},
        macs=conv.macs,
    )


def mve_constants(rows: np.ndarray, short: np.ndarray) -> list[Constant]:
    """Return weights ([channels][taps]) and output stage in the order of the vectors."""
    out_c, taps = rows.shape
    groups, blocks = -(-out_c // MVE_CHANNELS), -(-taps // MVE_TAPS)
    packed = np.zeros((groups * MVE_CHANNELS, blocks * MVE_TAPS), np.int8)
    packed[:out_c, :taps] = rows
    packed = packed.reshape(groups, MVE_CHANNELS, blocks, MVE_TAPS).transpose(0, 2, 1, 3)
    order = list(range(groups * MVE_CHANNELS))
    return [weights_constant(packed), mve_constant(short, order)]


KIND = Kind(
    options="Conv2DOptions",
    fields=(
        "Padding",
        "StrideH",
        "StrideW",
        "DilationHFactor",
        "DilationWFactor",
        "FusedActivationFunction",
    ),
    lower=_lower,
    by_type={"FLOAT32": _lower_float},
    each_image=True,
    planes=_planes,
)
