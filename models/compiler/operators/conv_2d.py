"""CONV_2D: two-dimensional convolution, and the fully connected layer as one of a single pixel."""

import numpy as np

from tinybench.errors import ModelError

from ..dsp.halves import fits, side_by_side, words
from ..dsp.matrix import in_turns, matrix_dsp
from ..fixed_point import INT8_MIN
from ..floats import convolution, weighted
from ..graph import Graph, Operator, Tensor
from ..layer import Convolution, layer_channels, multipliers, read_layer, read_once
from ..output_stage import (
    MVE_CHANNELS,
    Channels,
    all_of_int8,
    folded,
    limit_fields,
    mve_constant,
    plain_constant,
    plain_fields,
    short_constant,
    short_fields,
    weights_constant,
    weights_in_groups,
    wide_constant,
    wide_mve_constant,
)
from ..overlap import SAME_PLACE, pixel_by_pixel
from ..step import Constant, Kind, Planes, Step, Variant
from ..window import window_of
from .int16 import INT32_BIASES
from .int16 import convolution as wide_convolution

ROWS = 3
"""Channels behind the last six that rows of their own are faster for, without DSP instructions."""
RV32_REACH = (1 << 23) - 1
"""Greatest sum, and least, of the kernels with four in a word, which keep 24 bits of each."""
GROUPS = {"rv32": (6, 4, 2, 1), "thumb2": (2, 1)}
"""Channels that are computed together, by kernels: as many as there are."""
BY_THREES = ("conv_2d_dsp", "conv_2d_exact_dsp")
"""DSP kernels: where halves below zero are clamped away, and where they matter."""
MVE_TAPS = 16
"""Lanes of a vector of int8."""


@read_once
def read(graph: Graph, op: Operator) -> Convolution:
    """Return the layer, checked."""
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
    return convolve(op, read(graph, op), variant)


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


def _lower_int16(graph: Graph, op: Operator, _variant: Variant) -> Step:
    layer = read_layer(graph, op, 4)
    weights = layer.weights
    window = window_of(op, layer.source, layer.target, weights.shape[1], weights.shape[2])
    groups, rest = divmod(window.in_c, weights.shape[3])
    if weights.shape[0] != window.out_c or rest or window.out_c % groups:
        raise ModelError(f"weights of {list(weights.shape)} for {window.in_c} channels in, "
                         f"{window.out_c} out")  # fmt: skip
    rows = weights.reshape(window.out_c, -1)
    narrow = op.options["QuantizedBiasType"] == INT32_BIASES
    return wide_convolution(
        op, layer, window, rows, multipliers(layer, 0, len(rows)), window.out_c // groups, narrow
    )


def convolve(op: Operator, conv: Convolution, variant: Variant) -> Step:
    """Return the call of the fastest kernel that is exact for a convolution."""
    if variant.kernels == "plain":
        return _plain(op, conv)
    if variant.kernels == "blocked":
        return _blocked(op, conv)
    if variant.kernels in ("rv32", "thumb2"):
        return _by_fours(op, conv, variant.kernels)
    if variant.kernels == "dsp":
        return _dsp(op, conv, variant.planar)
    short = conv.channels.short
    return _any_mve(op, conv) if short is None or conv.window.dilated else _mve(op, conv, short)


def _known(conv: Convolution) -> bool:
    """Whether the kernels for windows without gaps and the short output stage will do."""
    return conv.channels.short is not None and not conv.window.dilated


def _stage(conv: Convolution, together: int = 1) -> Constant:
    short = conv.channels.short
    if short is None:
        return wide_constant(conv.channels, conv.rows, conv.source)
    return short_constant(np.pad(short, ((0, -len(short) % together), (0, 0))))


def _two_least(rows: np.ndarray) -> bool:
    """Whether two taps that are multiplied together may make 2 * 128 * 128, too much for a half."""
    least = np.pad(rows == INT8_MIN, ((0, 0), (0, rows.shape[1] % 2)))
    return bool((least[:, ::2] & least[:, 1::2]).any())


def _any_fields(conv: Convolution) -> dict[str, int]:
    """Return the fields of the kernels for any window and scales, beyond those of the others."""
    if _known(conv):
        return {}
    return {**conv.window.dilations(), "out_offset": conv.target.zero_point}


def _planes(graph: Graph, op: Operator) -> Planes:
    return convolution_planes(read(graph, op))


def convolution_planes(conv: Convolution) -> Planes:
    """Return what the DSP kernel can do with planes."""
    known = _known(conv) and fits(conv.rows)
    return Planes(reads=known and conv.window.pointwise, writes=True)


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


def _blocked(op: Operator, conv: Convolution) -> Step:
    window, taps, short = conv.window, conv.rows.shape[1], conv.channels.short
    by_words = _known(conv) and not _two_least(conv.rows)
    filled = -(-taps // 4) * 4 if by_words else taps
    stage = _stage(conv, 3)
    any_fields = {**window.dilations(), "out_offset": conv.target.zero_point}
    one_product = None
    if short is not None and by_words and all_of_int8(conv.channels):
        most = 128 * np.abs(conv.rows.astype(np.int64)).sum(axis=1)
        one_product = folded(short, -most, most, conv.channels.limits)
    if one_product is not None:
        stage = short_constant(np.pad(one_product, ((0, -len(one_product) % 3), (0, 0))))
    return Step(
        operator=op,
        function="conv_2d_blocked" if by_words else "conv_2d_any_blocked",
        parameters="conv_2d_blocked",
        fields={
            **window.fields(),
            "taps": filled,
            "in_zero_point": conv.source.zero_point,
            "pointwise": int(window.pointwise),
            **limit_fields(conv.channels),
            "folded": int(one_product is not None),
            **({} if by_words else any_fields),
        },
        constants=[
            weights_constant(_by_threes(conv.rows, filled, 2 if by_words else 1)),
            stage,
        ],
        inputs=[conv.source.index],
        output=conv.target.index,
        scratch_b=4 * filled if by_words else 2 * taps,
        overlaps={conv.source.index: pixel_by_pixel(window, 2, reads_while_writing=False)},
        macs=conv.macs,
    )


def _by_fours(op: Operator, conv: Convolution, kernels: str) -> Step:
    window, short = conv.window, conv.channels.short
    reach = RV32_REACH // 255
    negative, positive = (np.clip(sign * conv.rows.astype(np.int64), 0, None) for sign in (-1, 1))
    most = max(rows.sum(axis=1).max() for rows in (negative, positive))
    if short is None or window.dilated or most > reach:
        return _blocked(op, conv)
    if kernels == "thumb2" and _is_matrix(conv, frozenset()):
        return matrix_blocked(op, conv.source, conv.target, conv.rows, conv.channels)
    if _is_matrix(conv, frozenset()):
        return matrix_rv32(op, conv.source, conv.target, conv.rows, conv.channels, short)
    filled = np.pad(conv.rows, ((0, 0), (0, conv.rows.shape[1] % 2)))
    stage = short.copy()
    stage[:, 0] -= 2 * 128 * conv.rows.astype(np.int64).sum(axis=1) * (short[:, 1] != 0)
    ends = -255 * negative.sum(axis=1), 255 * positive.sum(axis=1)
    one_product = None
    if all_of_int8(conv.channels):
        one_product = folded(stage, *ends, conv.channels.limits)
    return Step(
        operator=op,
        function=f"conv_2d_{kernels}",
        parameters="conv_2d_blocked",
        fields={
            **window.fields(),
            "taps": filled.shape[1],
            "in_zero_point": conv.source.zero_point,
            "pointwise": int(window.pointwise),
            **limit_fields(conv.channels),
            "folded": int(one_product is not None),
        },
        constants=[
            weights_constant(weights_in_groups(filled, GROUPS[kernels])),
            short_constant(stage if one_product is None else one_product),
        ],
        inputs=[conv.source.index],
        output=conv.target.index,
        scratch_b=4 * filled.shape[1],
        overlaps={conv.source.index: pixel_by_pixel(window, 4, reads_while_writing=False)},
        macs=conv.macs,
    )


def matrix_rv32(
    op: Operator,
    source: Tensor,
    target: Tensor,
    weights: np.ndarray,
    channels: Channels,
    short: np.ndarray | None,
) -> Step:
    """Return the call of the kernel of RV32 for one output pixel of all inputs."""
    out_c, in_c = weights.shape
    if short is None or 128 * np.abs(weights.astype(np.int64)).sum(axis=1).max() > RV32_REACH:
        return matrix_blocked(op, source, target, weights, channels)
    filled = np.pad(weights, ((0, -out_c % 4), (0, 0))).reshape(-1, 4, in_c)
    # The last byte of a word has its sign; the others are 128 more than they are.
    filled = filled ^ np.array([[[-128], [-128], [-128], [0]]], np.int8)
    together = out_c // 16
    parts = [filled[: 4 * together].reshape(together, 16, in_c), *filled[4 * together :]]
    packed = [np.swapaxes(part, -1, -2).reshape(-1) for part in parts]
    return Step(
        operator=op,
        function="fully_connected_rv32",
        parameters="fully_connected_blocked",
        fields={"in_c": in_c, "out_c": out_c, **limit_fields(channels)},
        constants=[weights_constant(np.concatenate(packed)), short_constant(short)],
        inputs=[source.index],
        output=target.index,
        macs=weights.size,
    )


def matrix_blocked(
    op: Operator,
    source: Tensor,
    target: Tensor,
    weights: np.ndarray,
    channels: Channels,
) -> Step:
    """Return the call of the blocked kernel for one output pixel of all inputs."""
    out_c, in_c = weights.shape
    in_sixes = in_turns(out_c, 6, ROWS)
    # Six channels by turns, filled up with zeros.
    turns = np.pad(weights[:in_sixes], ((0, -in_sixes % 6), (0, 0)))
    turns = turns.reshape(-1, 6, in_c).swapaxes(1, 2)
    packed = np.concatenate([turns.reshape(-1), weights[in_sixes:].reshape(-1)])
    fields = {"in_c": in_c, "out_c": out_c, "in_sixes": in_sixes, **limit_fields(channels)}
    short = channels.short
    if short is None:
        fields["out_offset"] = target.zero_point
        stage = wide_constant(channels, weights, source)
    else:
        stage = short_constant(short)
    return Step(
        operator=op,
        function="fully_connected_any_blocked" if short is None else "fully_connected_blocked",
        parameters="fully_connected_blocked",
        fields=fields,
        constants=[weights_constant(packed), stage],
        inputs=[source.index],
        output=target.index,
        macs=weights.size,
    )


def _by_threes(rows: np.ndarray, taps: int, together: int) -> np.ndarray:
    """Return weights of three channels by turns, some taps of each, filled up with zeros.

    Two taps together are of the one or two last channels by turns.
    """
    last = len(rows) % 3 if together > 1 else 0
    packed = np.pad(rows, ((0, 0 if last else -len(rows) % 3), (0, taps - rows.shape[1])))
    parts = [packed[: len(packed) - last].reshape(-1, 3, taps // together, together)]
    if last:
        parts.append(packed[-last:].reshape(1, last, taps // together, together))
    return np.concatenate([part.swapaxes(1, 2).reshape(-1) for part in parts])


def _is_matrix(conv: Convolution, planar: frozenset[int]) -> bool:
    """Whether the one output pixel is of all inputs, in the order in which they lie."""
    window = conv.window
    planes = conv.source.index in planar and window.in_h * window.in_w > 1
    whole = (window.kernel_h, window.kernel_w) == (window.in_h, window.in_w)
    return whole and window.pixels == 1 and window.pad_top == window.pad_left == 0 and not planes


def _dsp(op: Operator, conv: Convolution, planar: frozenset[int]) -> Step:
    source, target, window = conv.source, conv.target, conv.window
    shared = fits(conv.rows)
    if _is_matrix(conv, planar):
        return matrix_dsp(op, source, target, conv.rows, conv.channels)
    groups = -(-conv.rows.shape[1] // 4)
    known = _known(conv) and shared
    exact = conv.channels.exact_negatives
    function = BY_THREES[exact] if known else "conv_2d_any_dsp"
    in_place = known and window.pointwise and window.in_c % 4 == 0
    reads_planes, writes_planes = source.index in planar, target.index in planar
    beyond = known and window.kernel_w * window.in_c % 4 != 0
    overlaps = {}
    if not reads_planes and not writes_planes:
        overlaps[source.index] = pixel_by_pixel(window, 3, reads_while_writing=False)
    elif reads_planes and writes_planes:
        overlaps[source.index] = SAME_PLACE  # a pixel keeps its place in every plane
    return Step(
        operator=op,
        function=function,
        parameters="conv_2d_dsp",
        fields={
            **window.fields(),
            "groups": groups,
            "in_zero_point": source.zero_point,
            "in_planar": int(reads_planes),
            "in_plane_h": window.in_h,
            "out_pixel_stride": 1 if writes_planes else window.out_c,
            "out_channel_stride": window.pixels if writes_planes else 1,
            **short_fields(conv.channels),
            **_any_fields(conv),
            **({} if shared else {**window.dilations(), "apart": 1}),
        },
        constants=[
            weights_constant(words(side_by_side(conv.rows, shared=shared))),
            _stage(conv),
        ],
        inputs=[source.index],
        output=target.index,
        # Three columns of int16, and one patch of int8 where a window is not read in place, with
        # what is copied beyond its last row.
        scratch_b=groups * 24 + (0 if in_place else groups * 4) + (4 if beyond else 0),
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


def _any_mve(op: Operator, conv: Convolution) -> Step:
    window, blocks = conv.window, -(-conv.rows.shape[1] // MVE_TAPS)
    order = list(range(-(-window.out_c // MVE_CHANNELS) * MVE_CHANNELS))
    return Step(
        operator=op,
        function="conv_2d_any_mve",
        fields={
            **window.fields(),
            **window.dilations(),
            "blocks": blocks,
            "in_zero_point": conv.source.zero_point,
            "out_offset": conv.target.zero_point,
            **limit_fields(conv.channels),
        },
        constants=[
            _mve_weights(conv.rows),
            wide_mve_constant(conv.channels, conv.rows, conv.source, order),
        ],
        inputs=[conv.source.index],
        output=conv.target.index,
        scratch_b=blocks * MVE_TAPS,
        overlaps={conv.source.index: pixel_by_pixel(window, 1, reads_while_writing=False)},
        macs=conv.macs,
    )


def mve_constants(rows: np.ndarray, short: np.ndarray) -> list[Constant]:
    """Return weights ([channels][taps]) and output stage in the order of the vectors."""
    order = list(range(-(-len(rows) // MVE_CHANNELS) * MVE_CHANNELS))
    return [_mve_weights(rows), mve_constant(short, order)]


def _mve_weights(rows: np.ndarray) -> Constant:
    out_c, taps = rows.shape
    groups, blocks = -(-out_c // MVE_CHANNELS), -(-taps // MVE_TAPS)
    packed = np.zeros((groups * MVE_CHANNELS, blocks * MVE_TAPS), np.int8)
    packed[:out_c, :taps] = rows
    packed = packed.reshape(groups, MVE_CHANNELS, blocks, MVE_TAPS).transpose(0, 2, 1, 3)
    return weights_constant(packed)


KIND = Kind(
    options="Conv2DOptions",
    fields=(
        "Padding",
        "StrideH",
        "StrideW",
        "DilationHFactor",
        "DilationWFactor",
        "FusedActivationFunction",
        "QuantizedBiasType",
    ),
    lower=_lower,
    by_type={"FLOAT32": _lower_float, "INT16": _lower_int16},
    each_image=True,
    planes=_planes,
)
