"""The output stage of layers with weights: how accumulators become int8, in each kernel's form."""

import functools

import msgspec
import numpy as np

from tinybench.errors import ModelError

from .fixed_point import INT8_MAX, INT8_MIN, quantised_multiplier
from .graph import Tensor
from .step import Constant

MVE_CHANNELS = 4
"""Lanes of a vector of int32."""
KEPT_STAGES = 4096
"""Short forms that are kept: a layer is read several times while a model is compiled."""
FRACTION = 8
"""Bits of the addend below a sum's last."""
SHIFT_MAX = 16
"""Greatest right shift of the short form that is tried; beyond it int64 would not do."""
SLOPES = [0.0] + [sign * step / 2 for step in range(1, 161) for sign in (1, -1)]
"""By how many units of the addend a multiplier's other end is moved, the nearest first."""
NEVER = 1 << 62
DEPTHWISE_SHIFT = 10
"""Right shift of `depthwise_3x3_dsp`. Ref: kernels.h, DEPTHWISE_3X3_DSP_SHIFT."""
POWERS = range(8, 1, -1)
"""By which powers of two it takes weights that fill their int8."""
NUDGES = sorted(range(-16, 17), key=abs)
"""By how much a multiplier is moved that lost bits, the nearest first."""


class Channels(msgspec.Struct, frozen=True):
    """How the accumulators of a layer become int8, channel by channel."""

    plain: np.ndarray
    """[channels][3] int64: bias, multiplier, shift (left where positive)."""
    short: np.ndarray | None
    """[channels][4] int64: twice the bias with the zero point folded in, multiplier, rounding with
    the output's zero point, right shift. None where the short form would not be exact."""
    limits: tuple[int, int]
    """Least and greatest output of the fused activation."""
    exact_negatives: bool
    """Whether halves below zero matter, i.e. are not clamped away anyway."""


def channels_of(
    weights: np.ndarray,
    bias: np.ndarray | None,
    multipliers: list[float],
    source: Tensor,
    target: Tensor,
    limits: tuple[int, int],
) -> Channels:
    """Return the output stage; `weights` are [channels][taps].

    Raises ModelError where an accumulator might leave 32 bits: undefined in the reference.
    """
    wide = weights.astype(np.int64)
    biases = np.zeros(len(wide), np.int64) if bias is None else bias.astype(np.int64)
    magnitude = np.abs(wide).sum(axis=1)
    reach = max(INT8_MAX - source.zero_point, source.zero_point - INT8_MIN)
    pairs = [quantised_multiplier(real) for real in multipliers]
    multiplier, shift = np.array(pairs, np.int64).reshape(-1, 2).T
    limit = np.abs(biases) + reach * magnitude
    beyond = np.flatnonzero(np.ldexp(limit.astype(float), np.maximum(shift, 0)) >= 1 << 31)
    if beyond.size:
        c = int(beyond[0])
        raise ModelError(
            f"channel {c} can reach {limit[c]:.3g} * 2^{max(shift[c], 0)}, more than 32 bits hold; "
            "its scales do not fit each other"
        )
    folded = biases - source.zero_point * wide.sum(axis=1)
    each = np.stack([folded, magnitude, multiplier, -shift])
    short, exact = _short_form(each.tobytes(), target.zero_point)
    exact_negatives = limits[0] < target.zero_point
    if exact_negatives:
        exact = exact & ((short[:, 3] != 0) | (short[:, 1] == 0))
    plain = np.stack([biases, multiplier, shift], axis=1)
    return Channels(plain, short if exact.all() else None, limits, exact_negatives)


@functools.lru_cache(KEPT_STAGES)
def _short_form(channels: bytes, zero_point: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the parameters of the short output stage, and which channels it is exact for.

    `channels` are [4][channels] int64: bias, sum of the weights' magnitudes, multiplier, right
    shift. Neither array can be written, for others have it too.
    2 * acc * multiplier / 2^32 with one rounding is the doubling high multiply; the rounding of the
    shift and the zero point are whole numbers at that point and so can join the same addition. What
    could leave 32 bits is not exact.
    """
    bias, magnitude, multiplier, right_shift = np.frombuffer(channels, np.int64).reshape(4, -1)
    right = np.maximum(right_shift, 0)
    half = (1 << right) >> 1
    limit = np.minimum(np.abs(bias) + 128 * magnitude, 1 << 30)
    scaled = (limit * multiplier >> 31) + 1
    rounding = half + (zero_point << right)
    exact = (limit < 1 << 30) & (right_shift >= 0)
    # Every input of some gives the zero point.
    still = exact & ((multiplier == 0) | ((right > 0) & (scaled < half)))
    exact &= still | (scaled + np.abs(rounding) < 1 << 31)
    # The converter gives dead channels a bias of +-2^30, which only this form has room for.
    dead = magnitude == 0
    alone = np.where(dead, bias, 0) << np.maximum(-right_shift, 0)
    product = (alone * multiplier + (1 << 30)) >> 31
    value = (product + half - ((product < 0) & (right > 0))) >> right
    short = np.stack([2 * bias, multiplier, rounding, right], axis=1)
    short[still | dead] = 0
    short[still | dead, 2] = zero_point + value[still | dead]
    exact |= dead
    short.flags.writeable = exact.flags.writeable = False
    return short, exact


def folded(
    short: np.ndarray, least: np.ndarray, most: np.ndarray, limits: tuple[int, int]
) -> np.ndarray | None:
    """Return an output stage of one product for a short one; None where there is none.

    `short` is as in `Channels`; `least` and `most` are the lowest and highest sum of each channel
    without its bias, [channels] int64. The result is [channels][4] int64: addend, multiplier, 0,
    right shift; with it int8 = high word of (sum * 2^FRACTION + addend) * multiplier, shifted, then
    limited. Both forms grow with the sum, so they are the same where they reach each value of int8
    at the same sum: up to 255 of these, through which a straight line is laid. Where halves below
    zero go down there is a step in it, and mostly no such line.
    """
    bias_x2, multiplier, rounding, right = short.T
    found = np.zeros_like(short)
    still = (multiplier == 0) & (least == 0) & (most == 0)
    found[still, 0] = rounding[still] << FRACTION
    found[still, 1] = 1 << 30
    found[still, 3] = 30 - 24
    if not (still | ((multiplier > 0) & (right <= SHIFT_MAX))).all():
        return None
    left = np.flatnonzero(~still)
    values = np.arange(limits[0] + 1, limits[1] + 1)[None]
    first, within = _first_sums(short[left], values, least[left], most[left])
    reach = np.abs(bias_x2) / 2 + np.maximum(np.abs(least), np.abs(most)) + 1
    for slope in SLOPES:
        moved = np.rint(slope * multiplier[left] / (reach[left] * (1 << FRACTION)))
        tried = np.minimum(multiplier[left] + moved.astype(np.int64), (1 << 31) - 1)
        wanted = values << (31 + FRACTION + right[left])[:, None]
        from_here = -(-wanted // tried[:, None]) - (first << FRACTION)
        low = np.where(within, from_here, -NEVER).max(axis=1)
        high = np.where(within, from_here, NEVER).min(axis=1) + (1 << FRACTION) - 1
        good = (low <= high) & (low > -NEVER)
        at = left[good]
        found[at, 0], found[at, 1] = low[good], tried[good]
        found[at, 3] = right[at] + FRACTION - 1
        left, first, within = left[~good], first[~good], within[~good]
        if not len(left):
            break
    ends = np.stack([least, most]) << FRACTION
    fits = (np.abs(ends + found[:, 0]) < 1 << 31).all() and (np.abs(found[:, 0]) < 1 << 31).all()
    return found if not len(left) and fits else None


def with_powers(short: np.ndarray, rows: np.ndarray, limits: tuple[int, int]) -> np.ndarray | None:
    """Return an output stage with one right shift for all channels; None where there is none.

    `short` is as in `Channels`, `rows` are the weights, [channels][taps]. The result is
    [channels][4] int64: bias, multiplier, rounding, power; with it int8 = (high word of
    (sum * 2^power + bias) * multiplier, without rounding, + rounding) >> DEPTHWISE_SHIFT, limited.
    With a power of 2 and more, rounding has room for the half of the multiplication, and both forms
    are equal. A greater right shift costs the multiplier bits, and is proved as in `folded`.
    """
    wide = rows.astype(np.int64)
    found = np.zeros_like(short)
    for c, (bias_x2, multiplier, rounding, right) in enumerate(short.tolist()):
        power = DEPTHWISE_SHIFT + 1 - right
        reach = abs(bias_x2) // 2 + 128 * int(np.abs(wide[c]).sum())
        if multiplier == 0:
            found[c] = 0, 0, rounding << (DEPTHWISE_SHIFT - right), 0
        elif power >= POWERS[-1]:
            widest = max(int(wide[c].max()), ~int(wide[c].min())) << power
            if widest >> 15 or reach << power >= 1 << 31:
                return None
            half = 1 << (power - 2)
            found[c] = bias_x2 << power >> 1, multiplier, (rounding << (power - 1)) + half, power
        else:
            low = np.minimum(-128 * wide[c], 127 * wide[c]).sum()
            high = np.maximum(-128 * wide[c], 127 * wide[c]).sum()
            one = _with_power(short[c : c + 1], low[None], high[None], limits, reach)
            if one is None:
                return None
            found[c] = one
    return found


def _with_power(
    short: np.ndarray, least: np.ndarray, most: np.ndarray, limits: tuple[int, int], reach: int
) -> tuple[int, int, int, int] | None:
    """Return one of the channels of `with_powers` whose multiplier loses bits."""
    multiplier, rounding, right = short[0, 1:].tolist()
    values = np.arange(limits[0] + 1, limits[1] + 1)[None]
    first, within = _first_sums(short, values, least, most)
    added = rounding >> (right - DEPTHWISE_SHIFT)
    wanted = ((values[within] << DEPTHWISE_SHIFT) - added) << 32
    for power in POWERS:
        lost = power - (DEPTHWISE_SHIFT + 1 - right)
        for nudge in NUDGES:
            tried = max(1, (multiplier + (1 << lost >> 1) >> lost) + nudge)
            from_here = -(-wanted // tried) - (first[within] << power)
            low = int(from_here.max(initial=-NEVER))
            high = int(from_here.min(initial=NEVER)) + (1 << power) - 1
            if not len(from_here):
                low = high = int(short[0, 0]) << power >> 1
            if low <= high and abs(low) + (reach << power) < 1 << 31:
                return low, tried, added, power
    return None


def _first_sums(
    short: np.ndarray, values: np.ndarray, least: np.ndarray, most: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the least sums of which the outputs are these values or more, and which there are."""
    bias_x2, multiplier, rounding, right = (column[:, None] for column in short.T)
    wanted = (values << right) - rounding
    product = np.clip(np.where(wanted >= 0, wanted, wanted + 1), -(1 << 30), 1 << 30)
    twice = -(((1 << 31) - (product << 32)) // multiplier)
    first = -((bias_x2 - twice) // 2)
    return first, (first > least[:, None]) & (first <= most[:, None])


def all_of_int8(channels: Channels) -> bool:
    """Whether one product may do for an output: no limits, no halves below zero."""
    return channels.limits == (INT8_MIN, INT8_MAX) and not channels.exact_negatives


# --------------------------------------------------------------------- parameters of the kernels


def limit_fields(channels: Channels) -> dict[str, int]:
    """Return the limits of the fused activation."""
    low, high = channels.limits
    return {"out_min": low, "out_max": high}


def plain_fields(source: Tensor, target: Tensor, channels: Channels) -> dict[str, int]:
    """Return zero points and limits of the plain kernels."""
    return {
        "in_offset": -source.zero_point,
        "out_offset": target.zero_point,
        **limit_fields(channels),
    }


def short_fields(channels: Channels) -> dict[str, int]:
    """Return the fields of the short form of the DSP and MVE kernels."""
    return {"exact_negatives": int(channels.exact_negatives), **limit_fields(channels)}


def plain_constant(channels: Channels) -> Constant:
    """Return the output stage of the plain kernels."""
    return Constant("channels", "struct channel", channels.plain, 12 * len(channels.plain))


def wide_constant(channels: Channels, rows: np.ndarray, source: Tensor) -> Constant:
    """Return the output stage of fast kernels for scales that the short form is not exact for.

    It is that of the plain kernels with the input's zero point in the bias.
    """
    wide = channels.plain.copy()
    wide[:, 0] = _folded(channels, rows, source)
    return Constant("wide", "struct channel", wide, 12 * len(wide))


def _folded(channels: Channels, rows: np.ndarray, source: Tensor) -> np.ndarray:
    """Return the biases with the input's zero point, which may go around in 32 bits.

    With the products, a sum is as it would be without.
    """
    folded = channels.plain[:, 0] - source.zero_point * rows.astype(np.int64).sum(axis=1)
    return folded.astype(np.int32)


def short_constant(short: np.ndarray) -> Constant:
    """Return the output stage of the blocked and DSP kernels."""
    return Constant("channels", "struct channel_dsp", short, 16 * len(short))


def mve_constant(short: np.ndarray, order: list[int]) -> Constant:
    """Return the output stage in vectors of MVE_CHANNELS channels.

    The channels come in this order, filled up with zeros. The kernel takes the bias once, not
    twice, and shifts to the left.
    """
    padded = np.zeros((len(order), 4), np.int64)
    padded[: len(short)] = short * [1, 1, 1, -1]
    padded[:, 0] //= 2
    flat = padded[order].reshape(-1, MVE_CHANNELS, 4).transpose(0, 2, 1).reshape(-1)
    return Constant("channels", "int32_t", flat, 4 * flat.size)


def each_mve_constant(short: np.ndarray) -> Constant:
    """Return the output stage of `mve_constant`, channel by channel."""
    values = short * [1, 1, 1, -1]
    values[:, 0] //= 2
    return Constant("channels", "int32_t", values.reshape(-1), 4 * values.size)


def wide_mve_constant(
    channels: Channels, rows: np.ndarray, source: Tensor | None, order: list[int]
) -> Constant:
    """Return the output stage for all scales in vectors, the channels in this order.

    With `source`, its zero point is folded into the biases.
    """
    plain = channels.plain
    biases = plain[:, 0] if source is None else _folded(channels, rows, source)
    wide = np.zeros((len(order), 4), np.int64)
    shifts = np.maximum(plain[:, 2], 0), np.minimum(plain[:, 2], 0)
    wide[: len(plain)] = np.stack([biases, plain[:, 1], *shifts], axis=1)
    flat = wide[order].reshape(-1, MVE_CHANNELS, 4).transpose(0, 2, 1).reshape(-1)
    return Constant("channels", "int32_t", flat, 4 * flat.size)


def weights_constant(values: np.ndarray) -> Constant:
    """Return weights as they lie in memory."""
    flat = np.ascontiguousarray(values, np.int8).reshape(-1)
    return Constant("weights", "int8_t", flat, flat.size)


def weights_in_groups(rows: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """Return weights of so many channels by turns, tap by tap; of what is left fewer."""
    parts: list[np.ndarray] = []
    while len(rows):
        count = next(size for size in sizes if size <= len(rows))
        parts.append(rows[:count].T.reshape(-1))
        rows = rows[count:]
    return np.concatenate(parts)
