"""Between which values each channel lies, whatever the input: where both are one, it is a constant.

The arithmetic is that of the reference kernels, which gives no less for a greater sum; so the least
and the greatest sum that the ranges of a layer's inputs leave bound its outputs.
"""

import functools
from collections.abc import Mapping

import msgspec
import numpy as np

from ..fixed_point import INT8_MAX, INT8_MIN, requantise
from ..graph import Graph
from ..layer import Convolution
from ..window import Window
from .follow import Apart

CASES_MOST = 64
"""Sets of taps that are told apart; with more of them, each tap may be inside or outside."""
CELLS_MOST = 1 << 20


class Ranges(msgspec.Struct, frozen=True):
    """Least and greatest value of each channel."""

    low: np.ndarray
    high: np.ndarray

    @property
    def constant(self) -> np.ndarray:
        """Which channels are constants; their values are those of `low`."""
        return self.low == self.high


def ranges_of(
    graph: Graph, layers: Mapping[int, Convolution], others: Mapping[int, Apart]
) -> dict[int, Ranges]:
    """Return the ranges of all activations of int8, by tensor.

    `layers` and `others`: what is known of operators, by their index.
    """
    found = {
        t.index: _any(t.shape[-1])
        for t in graph.tensors
        if t.type == "INT8" and t.shape and t.data is None
    }
    for op in graph.operators:
        if op.index in layers:
            conv = layers[op.index]
            depthwise = op.name == "DEPTHWISE_CONV_2D"
            found[conv.target.index] = _of_layer(conv, found[conv.source.index], depthwise)
        elif op.index in others:
            found[op.outputs[0]] = _of_other(others[op.index], found)
    return found


def _any(channels: int) -> Ranges:
    return Ranges(np.full(channels, INT8_MIN), np.full(channels, INT8_MAX))


def padded(window: Window) -> bool:
    """Whether some tap of a window is ever outside its input."""
    cases = _cases(window)
    return cases is None or not cases.all()


def by_channel(conv: Convolution) -> np.ndarray:
    """Return the weights of a layer as [channels out][taps][channels in]."""
    return conv.rows.reshape(len(conv.rows), -1, conv.source.shape[-1])


def _of_layer(conv: Convolution, source: Ranges, depthwise: bool) -> Ranges:
    zero, count = conv.source.zero_point, len(conv.rows)
    if depthwise:
        of = np.arange(count) // (count // conv.source.shape[-1])
        weights = conv.rows.astype(np.int64)
        ends = [weights * (end[of] - zero)[:, None] for end in (source.low, source.high)]
        least, most = np.minimum(*ends), np.maximum(*ends)
    else:
        weights = by_channel(conv).astype(np.float64)  # products of matrices are exact up to 2^53
        above, below = np.maximum(weights, 0), np.minimum(weights, 0)
        low, high = source.low - zero, source.high - zero
        least = (above @ low + below @ high).astype(np.int64)
        most = (above @ high + below @ low).astype(np.int64)
    if conv.window.pointwise:  # so is that of a fully connected layer, however many taps it has
        sums = least.sum(axis=1), most.sum(axis=1)
    elif (cases := _cases(conv.window)) is None:
        sums = np.minimum(least, 0).sum(axis=1), np.maximum(most, 0).sum(axis=1)
    else:
        sums = (least @ cases.T).min(axis=1), (most @ cases.T).max(axis=1)
    low, high = (_requantised(conv, each) for each in sums)
    return Ranges(low, high)


def _requantised(conv: Convolution, sums: np.ndarray) -> np.ndarray:
    """Return what the output stage makes of one sum for each channel."""
    least, most = conv.channels.limits
    found = [
        requantise(bias + sum_, multiplier, shift) + conv.target.zero_point
        for sum_, (bias, multiplier, shift) in zip(
            sums.tolist(), conv.channels.plain.tolist(), strict=True
        )
    ]
    return np.clip(np.array(found), least, most)


def _cases(window: Window) -> np.ndarray | None:
    """Return which taps are inside the input together, [cases][taps]; None: too many to tell."""
    rows = _inside(window.out_h, window.stride_h, window.pad_top, window.kernel_h,
                   window.dilation_h, window.in_h)  # fmt: skip
    columns = _inside(window.out_w, window.stride_w, window.pad_left, window.kernel_w,
                      window.dilation_w, window.in_w)  # fmt: skip
    if rows is None or columns is None or len(rows) * len(columns) > CASES_MOST:
        return None
    return (rows[:, None, :, None] & columns[None, :, None, :]).reshape(
        len(rows) * len(columns), -1
    )


@functools.lru_cache(maxsize=256)
def _inside(
    places: int, stride: int, pad: int, kernel: int, dilation: int, size: int
) -> np.ndarray | None:
    if places * kernel > CELLS_MOST:
        return None
    at = np.arange(places)[:, None] * stride - pad + np.arange(kernel) * dilation
    inside = (at >= 0) & (at < size)
    return np.array([*{row.tobytes(): row for row in inside}.values()])


def _of_other(apart: Apart, found: Mapping[int, Ranges]) -> Ranges:
    count = 1 + max(int(follow.target_channels.max()) for follow in apart.follows)
    low, high = np.full(count, INT8_MAX), np.full(count, INT8_MIN)
    groups = [apart.follows] if apart.together else [[follow] for follow in apart.follows]
    bounds = dict[tuple[tuple[int, ...], ...], tuple[int, int]]()  # most channels have the same
    for group in groups:
        at = group[0].target_channels
        ends = [
            [found[f.source].low[f.source_channels].tolist() for f in group],
            [found[f.source].high[f.source_channels].tolist() for f in group],
        ]
        by_end = (zip(*end, strict=True) for end in ends)
        for channel, *given in zip(at.tolist(), *by_end, strict=True):
            if (between := tuple(given)) not in bounds:
                values = _values(apart, *between)
                bounds[between] = min(values), max(values)
            least, most = bounds[between]
            low[channel], high[channel] = min(low[channel], least), max(high[channel], most)
    return Ranges(low, high)


def _values(apart: Apart, low: tuple[int, ...], high: tuple[int, ...]) -> list[int]:
    """Return what bounds the values of a channel."""
    border = [] if apart.border is None else [apart.border]
    if apart.table:
        return [apart.of([value]) for value in range(low[0], high[0] + 1)]
    return [*border, apart.of(list(low)), apart.of(list(high))]
