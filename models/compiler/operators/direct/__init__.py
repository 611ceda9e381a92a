"""Depthwise convolutions of images as they lie, without planes: where these cost more."""

import numpy as np

from ...graph import Operator
from ...layer import Convolution
from ...output_stage import short_constant, short_fields, weights_constant
from ...overlap import pixel_by_pixel
from ...step import Step
from ...window import Window

TOGETHER = 4
"""Channels."""
OUTPUTS, WINDOW_B = 16, 24
"""Ref: kernels.h, DEPTHWISE_DIRECT_OUTPUTS and DEPTHWISE_DIRECT_WINDOW_B."""
CYCLES = {
    "dsp": (82, 14, 15.5),
    "thumb2": (126, 12, 26),
    "rv32": (158, 14, 27),
    "blocked": (380, 38, 40),
}
"""What four channels take for each output, row of taps and tap, as measured; the last on a core of
Armv6-M, which has no other kernels."""


def possible(conv: Convolution) -> bool:
    """Return whether the kernel knows a convolution: each output has a tap inside the image."""
    window = conv.window
    rows, columns = _inside(window)
    return (
        window.in_c == window.out_c >= TOGETHER
        and conv.channels.short is not None
        and bool(rows.min() > 0 and columns.min() > 0)
    )


def cost(window: Window, kernels: str) -> float:
    """Return about how many cycles a channel takes."""
    output, row, tap = CYCLES[kernels]
    rows, columns = (int(counts.sum()) for counts in _inside(window))
    walked = window.out_h if window.kernel_w == 1 else rows
    each = output * window.pixels + row * walked * window.out_w + tap * rows * columns
    return each / TOGETHER


def step(op: Operator, conv: Convolution, short: np.ndarray, kernels: str) -> Step:
    """Return the call of a kernel, "dsp" or "blocked", of a convolution that is possible so."""
    window = conv.window
    last = window.out_c - TOGETHER
    starts = [*range(0, last, TOGETHER), last]
    weights = np.stack([conv.rows[c : c + TOGETHER].T for c in starts])
    # Nothing stands for the border, so the inputs are taken without their zero point.
    apart = short.copy()
    apart[:, 0] += 2 * conv.source.zero_point * conv.rows.astype(np.int64).sum(axis=1)
    fields = window.fields()
    for name in ("in_c", "out_c"):
        del fields[name]
    row = window.in_w * window.in_c
    return Step(
        operator=op,
        function=f"depthwise_direct_{kernels}",
        parameters="depthwise_direct",
        fields={
            "channel_count": window.out_c,
            **fields,
            **window.dilations(),
            "next_row": row * window.dilation_h,
            "next_column": window.in_c * window.dilation_w,
            "in_zero_point": conv.source.zero_point,
            **short_fields(conv.channels),
        },
        constants=[weights_constant(weights), short_constant(apart)],
        inputs=[conv.source.index],
        output=conv.target.index,
        scratch_b=WINDOW_B * min(OUTPUTS, window.pixels),
        overlaps={conv.source.index: pixel_by_pixel(window, OUTPUTS, reads_while_writing=True)},
        macs=conv.macs,
    )


def _inside(w: Window) -> tuple[np.ndarray, np.ndarray]:
    """Return how many rows and columns of taps are inside the image, of each output's."""
    return (
        _taps_inside(w.out_h, w.stride_h, w.pad_top, w.kernel_h, w.dilation_h, w.in_h),
        _taps_inside(w.out_w, w.stride_w, w.pad_left, w.kernel_w, w.dilation_w, w.in_w),
    )


def _taps_inside(
    outputs: int, stride: int, before: int, taps: int, apart: int, size: int
) -> np.ndarray:
    start = np.arange(outputs) * stride - before
    first = np.maximum(0, -(start // apart))
    return np.clip(-((start - size) // apart), 0, taps) - np.minimum(first, taps)
