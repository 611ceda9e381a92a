"""The number that stands for all sums of layers: what a board prints, and what it is here."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .layer import Int8

FACTOR, DIGITS = 31, 0xFFFFFF
"""Of the number that stands for sums. Ref: told_apart in firmware/compressed/blocks.c."""


def told(matrices: Sequence[Int8], inputs: Int8) -> npt.NDArray[np.float32]:
    """Return the number that stands for the sums of all matrices, of inputs [rows][columns]."""
    found = np.zeros(len(inputs), np.uint64)
    for whole in matrices:
        sums = inputs[:, : whole.shape[1]].astype(np.int64) @ whole.astype(np.int64).T
        one = np.zeros(len(inputs), np.uint64)
        for column in (sums & 0xFFFFFFFF).astype(np.uint64).T:
            one = (one * FACTOR + column) & 0xFFFFFFFF
        found = (found * FACTOR + (one & DIGITS)) & 0xFFFFFFFF
    return (found & DIGITS).astype(np.float32)
