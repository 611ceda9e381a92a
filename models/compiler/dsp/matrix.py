"""One output pixel of all inputs, as a dense layer has it, by the DSP kernels."""

import numpy as np

from ..graph import Operator, Tensor
from ..output_stage import (
    Channels,
    short_constant,
    short_fields,
    weights_constant,
    wide_constant,
)
from ..step import Constant, Step
from .halves import fits, side_by_side, words

FEW = 4
"""Channels behind the last eight that rows of their own are faster for."""


def in_turns(out_c: int, turn: int, few: int) -> int:
    """Return how many channels are computed so many at a time: all, or but the last `few`."""
    return out_c - out_c % turn if out_c % turn <= few else out_c


def matrix_dsp(
    op: Operator,
    source: Tensor,
    target: Tensor,
    weights: np.ndarray,
    channels: Channels,
) -> Step:
    """Return the call of the DSP kernel for one output pixel of all inputs."""
    out_c, in_c = weights.shape
    in_eights = in_turns(out_c, 8, FEW) if fits(weights) else 0
    # Eight channels by turns, four inputs each; channels filled up with zeros.
    turns = np.zeros((-(-in_eights // 8) * 8, in_c), np.int8)
    turns[:in_eights] = weights[:in_eights]
    packed = words(side_by_side(turns))
    packed = packed.reshape(-1, 4, *packed.shape[1:]).transpose(0, 2, 1, 3, 4)
    rows = np.pad(weights[in_eights:], ((0, 0), (0, -in_c % 4)))
    packed = np.concatenate([packed.reshape(-1), rows.reshape(-1)])
    fields = {"in_c": in_c, "out_c": out_c, "in_eights": in_eights, **short_fields(channels)}
    short = channels.short
    if short is None:
        stage = wide_constant(channels, weights, source)
        fields["out_offset"] = target.zero_point
    elif (short[:, 1:] != short[0, 1:]).any():
        stage = short_constant(short)
    else:
        _, fields["multiplier"], fields["rounding"], fields["right_shift"] = map(int, short[0])
        stage = Constant("biases_x2", "int32_t", short[:, 0], 4 * out_c)
    return Step(
        operator=op,
        function="fully_connected_any_dsp" if short is None else "fully_connected_dsp",
        parameters="fully_connected_dsp",
        fields=fields,
        constants=[weights_constant(packed), stage],
        inputs=[source.index],
        output=target.index,
        macs=weights.size,
    )
