"""Two channels in a word: each half of it is 256 times the weight of the first and the second's.

A product with the word as it is adds 256 times the first channel's sum to the second's; one with
the lower bytes of its halves is the second's alone. So one word in two need not be unpacked.
"""

import numpy as np

from ..fixed_point import INT8_MIN

SUM_MOST = (1 << 23) - 1
"""Of the first channel: 256 times it fits 32 bits."""


def fits(rows: np.ndarray) -> bool:
    """Return whether weights, [channels][taps], can share words to the bit.

    A half must fit 16 bits, and 256 times any sum with inputs of int8 fit 32.
    """
    first, second = _pairs(rows)
    halves = bool((first - (second < 0) >= INT8_MIN).all())
    return halves and -INT8_MIN * int(np.abs(first).sum(axis=1).max(initial=0)) <= SUM_MOST


def side_by_side(rows: np.ndarray, *, shared: bool = True) -> np.ndarray:
    """Return weights as int8 [pairs of channels][taps][2]: the bytes of each half, the lower first.

    `shared`: as above, for rows that fit; otherwise the two weights stand for themselves.
    """
    first, second = _pairs(rows)
    halves = np.stack([second, first - (second < 0) if shared else first], axis=2)
    return halves.astype(np.int8)


def _pairs(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of the first and the second of each two channels; the last may be none."""
    wide = np.zeros((-(-len(rows) // 2) * 2, rows.shape[1]), np.int64)
    wide[: len(rows)] = rows
    return wide[::2], wide[1::2]


def words(pairs: np.ndarray) -> np.ndarray:
    """Return `side_by_side` weights as int8 [pairs][groups of four taps][2][4].

    The words of a group hold taps 0 and 2, and 1 and 3, as bytes unpack in pairs; taps are filled
    up with zeros.
    """
    count, taps, _ = pairs.shape
    groups = -(-taps // 4)
    filled = np.zeros((count, groups * 4, 2), np.int8)
    filled[:, :taps] = pairs
    apart = filled.reshape(count, groups, 2, 2, 2).transpose(0, 1, 3, 2, 4)
    return apart.reshape(count, groups, 2, 4)
