"""Depthwise convolution plane by plane: which columns lie side by side, and what is turned around.

A kernel computes several outputs of a row at a time, and taps in pairs; so the side that is taken
as the width is the one that costs less. Taps that are dilated lie side by side in planes of every
so many columns.
"""

import math

import msgspec
import numpy as np

from ...layer import Convolution
from ...output_stage import limit_fields, short_constant, weights_constant, wide_constant
from ...overlap import SAME_PLACE, Overlap
from ...step import Constant
from ...window import Window

TOGETHER = 4
"""Outputs of a row that are computed together."""
PLANE_MOST = 1 << 20
"""Elements of a plane with its border."""


class Planewise(msgspec.Struct, frozen=True):
    """A depthwise convolution as its kernels see it."""

    filters: np.ndarray
    """Weights, [channels][kernel_h][kernel_w], the latter filled up to whole pairs."""
    plane: int
    """Elements of a plane with its border."""
    fields: dict[str, int]


def _phases(window: Window) -> int:
    return window.dilation_w // math.gcd(window.dilation_w, window.stride_w)


def _cost(window: Window, pair: int) -> float:
    """Return about how many instructions a channel takes."""
    groups = window.kernel_h * -(-window.kernel_w // pair)
    phases = min(_phases(window), window.out_w)
    fours, left = divmod(window.out_w // phases, TOGETHER)
    outputs = fours * (groups * (2 * TOGETHER + 1) + 30) + left * (groups * 3 + 10)
    return phases * (window.out_h * outputs + 3 * window.in_h * window.in_w)


def planewise_cost(window: Window, pair: int) -> float:
    """Return about how many instructions a channel takes, by the side that costs less."""
    return min(_cost(window, pair), _cost(window.turned, pair))


def planewise(
    conv: Convolution, pair: int, planar: frozenset[int] = frozenset()
) -> Planewise | None:
    """Return how a depthwise convolution is computed by planes, taps in groups of `pair`.

    None where a plane would be too large, as with taps that are very far apart.
    """
    reads_planes, writes_planes = (t.index in planar for t in (conv.source, conv.target))
    turned = _cost(conv.window.turned, pair) < _cost(conv.window, pair)
    w = conv.window.turned if turned else conv.window
    filters = conv.rows.reshape(len(conv.rows), conv.window.kernel_h, conv.window.kernel_w)
    filters = filters.transpose(0, 2, 1) if turned else filters
    taps = -(-w.kernel_w // pair) * pair
    filters = np.pad(filters, ((0, 0), (0, 0), (0, taps - w.kernel_w)))
    phases, stride_w = _phases(w), w.stride_w // math.gcd(w.dilation_w, w.stride_w)
    outputs = -(-w.out_w // phases)
    plane_h = (w.out_h - 1) * w.stride_h + (w.kernel_h - 1) * w.dilation_h + 1
    plane_w = -(-((outputs - 1) * stride_w + taps) // pair) * pair
    if plane_h * plane_w > PLANE_MOST:
        return None
    fields = {
        name: getattr(w, name)
        for name in (
            *("in_c", "in_h", "in_w", "out_h", "out_w", "kernel_h", "kernel_w"),
            *("stride_h", "dilation_h", "dilation_w", "pad_top", "pad_left"),
        )
    }
    fields |= _strides("in", conv.window.in_h, conv.window.in_w, w.in_c, reads_planes, turned)
    fields |= _strides("out", conv.window.out_h, conv.window.out_w, w.out_c, writes_planes, turned)
    fields |= {
        "stride_w": stride_w,
        "multiplier": w.out_c // w.in_c,
        "phases": phases,
        "phase_step": w.stride_w,
        "plane_h": plane_h,
        "plane_w": plane_w,
        "in_zero_point": conv.source.zero_point,
        **limit_fields(conv.channels),
    }
    if conv.channels.short is None:
        fields["out_offset"] = conv.target.zero_point
    return Planewise(filters, plane_h * plane_w, fields)


def _strides(
    end: str, height: int, width: int, channels: int, planar: bool, turned: bool
) -> dict[str, int]:
    x, channel = (1, height * width) if planar else (channels, 1)
    y = x * width
    if turned:
        x, y = y, x
    return {
        f"{end}_channel_stride": channel,
        f"{end}_y_stride": y,
        f"{end}_x_stride": x,
    }


def constants(conv: Convolution, planes: Planewise) -> list[Constant]:
    """Return the weights, and the output stage in the form that is exact."""
    short = conv.channels.short
    stage = wide_constant(conv.channels, conv.rows, conv.source)
    return [weights_constant(planes.filters), stage if short is None else short_constant(short)]


def overlaps(conv: Convolution, planes: Planewise) -> dict[int, Overlap]:
    """Return where the output may lie: over the input, if each pixel keeps its place."""
    fields = planes.fields
    same = all(
        fields[f"in_{name}"] == fields[f"out_{name}"]
        for name in ("h", "w", "channel_stride", "y_stride", "x_stride")
    )
    once = fields["phases"] == fields["multiplier"] == 1
    return {conv.source.index: SAME_PLACE} if same and once else {}
