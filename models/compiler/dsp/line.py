"""Depthwise convolutions along one side of an image, as of sound over time."""

import numpy as np

from ..fixed_point import INT8_MAX, INT8_MIN
from ..graph import Operator
from ..layer import Convolution
from ..output_stage import short_constant, weights_constant
from ..overlap import SAME_PLACE
from ..step import Step
from ..window import Window

TOGETHER = 4
"""Channels, and outputs of each. Ref: kernels.h, DEPTHWISE_LINE_CHANNELS."""
PAIR_B = 4 * TOGETHER
SCRATCH_MOST_B = 1024
CHANNEL, LINE, PAIR, OUTPUTS = 40, 80, 5.5, 48
WEIGHTS = {2: 0, 4: 4}
"""Cycles that a channel takes, each of its lines, each pair of it, and outputs that are computed
together, the latter by pairs of weights, as measured."""


def possible(conv: Convolution) -> bool:
    """Return whether the kernel knows a convolution, and a line of it is no longer than it may."""
    window, channels = conv.window, conv.channels
    over = min(window.kernel_h, window.kernel_w) == 1 < max(window.kernel_h, window.kernel_w)
    along = window.dilation_w if window.kernel_h == 1 else window.dilation_h
    return (
        over
        and window.in_c == window.out_c >= TOGETHER
        and window.stride_h == window.stride_w == along == 1
        and channels.short is not None
        and bool((channels.short[channels.short[:, 1] != 0, 3] > 0).all())
        and channels.limits == (INT8_MIN, INT8_MAX)
        and _scratch_b(window) <= SCRATCH_MOST_B
    )


def cost(window: Window) -> float:
    """Return about how many cycles a channel takes."""
    pairs = _pairs(window)
    each = OUTPUTS + WEIGHTS.get(pairs, 8 + 5 * pairs)
    computed = -(-_out_length(window) // TOGETHER) * each
    return CHANNEL + PAIR * pairs + _lines(window) * (LINE + PAIR * _in_pairs(window) + computed)


def step(op: Operator, conv: Convolution, short: np.ndarray) -> Step:
    """Return the call of the kernel, of a convolution that is possible so."""
    window = conv.window
    across = window.kernel_h == 1
    pairs, last = _pairs(window), window.out_c - TOGETHER
    filled = np.pad(conv.rows, ((0, 0), (0, pairs + 1 - conv.rows.shape[1])))
    starts = [*range(0, last, TOGETHER), last]
    pixel, row, out_row = window.in_c, window.in_c * window.in_w, window.in_c * window.out_w
    before = window.pad_left if across else window.pad_top
    in_length = window.in_w if across else window.in_h
    # Of channels that are constants, too, the shift is at least 1.
    dead = short[:, 1] == 0
    stage = short.copy()
    stage[dead, 2] = 2 * np.clip(short[dead, 2], INT8_MIN, INT8_MAX) + 1
    stage[dead, 3] = 1
    read = min(in_length, _out_length(window) - 1 + conv.rows.shape[1] - before)
    same_place = window.out_c % TOGETHER == 0 and (row == out_row or window.in_h == 1)
    return Step(
        operator=op,
        function="depthwise_line_dsp",
        fields={
            "channel_count": window.out_c,
            "lines": _lines(window),
            "in_length": read,
            "out_length": _out_length(window),
            "in_step_b": pixel if across else row,
            "out_step_b": pixel if across else out_row,
            "in_line_b": row if across else pixel,
            "out_line_b": out_row if across else pixel,
            "before": before,
            "pairs": pairs,
            "in_pairs": _in_pairs(window),
            "in_zero_point": conv.source.zero_point,
        },
        constants=[
            weights_constant(np.stack([filled[c : c + TOGETHER].T for c in starts])),
            short_constant(stage),
        ],
        inputs=[conv.source.index],
        output=conv.target.index,
        scratch_b=_scratch_b(window),
        overlaps={conv.source.index: SAME_PLACE} if same_place else {},
        macs=conv.macs,
    )


def _lines(window: Window) -> int:
    return window.out_h if window.kernel_h == 1 else window.out_w


def _out_length(window: Window) -> int:
    return window.out_w if window.kernel_h == 1 else window.out_h


def _pairs(window: Window) -> int:
    """Return how many pairs of weights there are: one begins with each but the last."""
    taps = window.kernel_h * window.kernel_w
    return taps // 2 * 2 if taps <= 5 else -(-(taps // 2) // 3) * 6


def _in_pairs(window: Window) -> int:
    """Return how many pairs of a line are read, also for outputs that are not kept."""
    last = (_out_length(window) - 1) // TOGETHER * TOGETHER // 2
    return last + 2 + max(_pairs(window) // 2, 2)


def _scratch_b(window: Window) -> int:
    return PAIR_B * (_pairs(window) + _in_pairs(window))
