"""Convolutions 3x3 of stride 1 by Winograd's F(2x2, 3x3): fewer products for more flash.

Ref: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks (2015), 4.1.
"""

import numpy as np

from ..graph import Operator
from ..layer import Convolution
from ..output_stage import short_constant, short_fields
from ..overlap import Overlap
from ..step import Constant, Step

TILES, CHANNELS, POSITIONS = 2, 4, 16
IN_PLACE_MAX = 160
"""Channels. Ref: kernels.h, CONV_3X3_IN_PLACE_MAX."""
LEAST_CHANNELS = 8
"""Of inputs: with fewer the transforms outweigh what is saved."""
SUM_MOST = 1 << 28
"""Of products, as four times a sum is to fit 32 bits."""
TRANSFORM = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]])
"""Twice that of the reference, so that it is whole."""


def possible(conv: Convolution) -> bool:
    """Return whether a convolution can be computed so, and gains by it."""
    window = conv.window
    square = window.kernel_h == window.kernel_w == 3
    return (
        square
        and window.stride_h == window.stride_w == 1
        and not window.dilated
        and conv.channels.short is not None
        and window.in_c >= LEAST_CHANNELS
        and window.out_c >= CHANNELS
        and min(window.out_h, window.out_w) > 1
        and 128 * int(np.abs(conv.rows.astype(np.int64)).sum(axis=1).max()) < SUM_MOST
    )


def weights_of(conv: Convolution) -> np.ndarray:
    """Return four times the transformed weights, as the kernel wants them."""
    window = conv.window
    in_c, out_c = -(-window.in_c // 4) * 4, -(-window.out_c // CHANNELS) * CHANNELS
    wide = np.zeros((out_c, 3, 3, in_c), np.int64)
    wide[: window.out_c, :, :, : window.in_c] = conv.rows.reshape(window.out_c, 3, 3, window.in_c)
    moved = np.einsum("ai,bj,oijc->oabc", TRANSFORM, TRANSFORM, wide)
    # Of four channels 0 and 2, then 1 and 3, as bytes unpack in pairs.
    moved = moved.reshape(out_c // CHANNELS, CHANNELS, POSITIONS, in_c // 4, 2, 2)
    return moved.transpose(0, 2, 3, 5, 1, 4).reshape(-1).astype(np.int16)


def step(op: Operator, conv: Convolution, short: np.ndarray) -> Step:
    """Return the call of the kernel, of a convolution that is possible so."""
    window, weights = conv.window, weights_of(conv)
    pairs = -(-window.in_c // 4) * 2
    fields = window.fields()
    for name in ("kernel_h", "kernel_w", "stride_h", "stride_w"):
        del fields[name]
    outside = np.full(2 * pairs, conv.source.zero_point, np.int8)
    overlaps = {}
    if (
        window.in_c == window.out_c <= IN_PLACE_MAX
        and (window.in_h, window.in_w) == (window.out_h, window.out_w)
        and window.pad_top == window.pad_left == 1
    ):
        overlaps[conv.source.index] = Overlap(window.in_w * window.in_c, exact=True)
    return Step(
        operator=op,
        function="conv_3x3_dsp",
        fields={**fields, "pairs": pairs, **short_fields(conv.channels)},
        constants=[
            Constant("weights", "int16_t", weights, 2 * weights.size),
            short_constant(short),
            Constant("outside", "int8_t", outside, outside.size),
        ],
        inputs=[conv.source.index],
        output=conv.target.index,
        scratch_b=POSITIONS * TILES * 4 * pairs,
        overlaps=overlaps,
        macs=conv.macs,
    )
