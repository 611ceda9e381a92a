"""A matrix of weights pruned: by blocks of columns and rows, by single weights, by whole rows."""

import re
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from tinybench.errors import UsageError
from tinybench.models.compiler.dsp.halves import fits, side_by_side, words

EIGHT, FOUR = 8, 4
"""Rows and columns that stay or go together: what the kernels compute at a time."""
NARROW = 256
INT8_LEAST = -127
_BLOCK = re.compile(r"([1-9][0-9]{0,3})x([1-9][0-9]{0,6}|all)")
Int8 = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]
Numbers = Int8 | Floats
NumbersT = TypeVar("NumbersT", Int8, Floats)


@dataclass(frozen=True)
class Block:
    """The form of a block; a width of 0 is that of the matrix."""

    rows: int
    width: int

    def __str__(self) -> str:
        return f"{self.rows}x{self.width or 'all'}"


def block_of(text: str) -> Block:
    """Return the block of "16xall" or "32x128". Raises UsageError."""
    found = _BLOCK.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"'{text[:40]}' is no ROWSxCOLUMNS, such as 16xall or 32x128")
    return Block(int(found[1]), 0 if found[2] == "all" else int(found[2]))


@dataclass(frozen=True)
class Kept:
    """What is left of one block."""

    row: int
    column: int
    """Where the block begins."""
    eights: tuple[int, ...]
    columns: npt.NDArray[np.intp]
    """Of the block, in fours."""


def by_blocks(whole: Numbers, block: Block, rate: float) -> list[Kept]:
    """Return what is left of each block: the columns and eights of rows of the largest squares.

    Of all splits of the rate over rows and columns the one that keeps most is taken.
    Ref: Niu et al., GRIM, arXiv 2108.11033, block column-row pruning by magnitude.
    """
    found = list[Kept]()
    out_c, in_c = whole.shape
    width = block.width or in_c
    squares = np.zeros((-(-out_c // EIGHT) * EIGHT, in_c))
    squares[:out_c] = whole.astype(np.float64) ** 2
    for row in range(0, len(squares), block.rows):
        for column in range(0, in_c, width):
            part = squares[row : row + block.rows, column : column + width]
            by_eight = part.reshape(-1, EIGHT, part.shape[1]).sum(axis=1)
            found.append(Kept(row, column, *_best(by_eight, part.size / rate)))
    return found


def _best(
    by_eight: npt.NDArray[np.float64], budget: float
) -> tuple[tuple[int, ...], npt.NDArray[np.intp]]:
    best, most = (tuple[int, ...](), np.zeros(0, np.intp)), -1.0
    order = np.argsort(-by_eight.sum(axis=1), kind="stable")
    for count in range(1, len(by_eight) + 1):
        eights = np.sort(order[:count])
        columns = min(by_eight.shape[1], max(1, int(budget / (EIGHT * FOUR * count))) * FOUR)
        energy = by_eight[eights].sum(axis=0)
        chosen = np.sort(np.argsort(-energy, kind="stable")[:columns])
        if energy[chosen].sum() > most and EIGHT * count * columns <= max(budget, EIGHT * FOUR):
            best, most = (tuple(map(int, eights)), chosen), float(energy[chosen].sum())
    return best


def of_blocks(whole: NumbersT, kept: list[Kept]) -> NumbersT:
    """Return the matrix with what is not left set to 0."""
    found = np.zeros_like(whole)
    for one in kept:
        for eight in one.eights:
            rows = slice(one.row + EIGHT * eight, one.row + EIGHT * (eight + 1))
            at = one.column + one.columns
            found[rows, at] = whole[rows, at]
    return found


def by_weights(whole: NumbersT, rate: float) -> NumbersT:
    """Return the matrix with the largest weights alone."""
    count = round(whole.size / rate)
    order = np.argsort(-np.abs(whole.astype(np.float64)).ravel(), kind="stable")[:count]
    found = np.zeros_like(whole)
    found.ravel()[order] = whole.ravel()[order]
    return found


def by_channels(whole: Numbers, rate: float) -> npt.NDArray[np.intp]:
    """Return the rows of the largest squares."""
    energy = (whole.astype(np.float64) ** 2).sum(axis=1)
    count = max(1, round(len(whole) / rate))
    return np.sort(np.argsort(-energy, kind="stable")[:count])


def eights_of(whole: Int8, kept: list[Kept], *, dsp: bool) -> Int8:
    """Return the weights of all that is left, eight by eight, as the kernels read them."""
    padded = np.zeros((-(-len(whole) // EIGHT) * EIGHT, whole.shape[1]), np.int8)
    padded[: len(whole)] = whole
    parts = list[Int8]()
    for one in kept:
        for eight in one.eights:
            rows = padded[one.row + EIGHT * eight :][:EIGHT, one.column + one.columns]
            if dsp:
                parts.append(words(side_by_side(rows)).transpose(1, 0, 2, 3).ravel())
            else:
                parts.append(rows.ravel())
    return np.concatenate(parts) if parts else np.zeros(0, np.int8)


def shares_words(whole: Int8) -> bool:
    """Return whether any two rows of a matrix can share words to the bit, either one the first."""
    return bool(whole.min(initial=0) >= INT8_LEAST) and fits(whole) and fits(whole[1:])


def all_of(whole: Int8) -> list[Kept]:
    """Return the blocks of a matrix of which all is left: 64 rows each, of all columns."""
    rows, columns = -(-len(whole) // EIGHT) * EIGHT, np.arange(whole.shape[1])
    return [
        Kept(row, 0, tuple(range(min(64, rows - row) // EIGHT)), columns)
        for row in range(0, rows, 64)
    ]
