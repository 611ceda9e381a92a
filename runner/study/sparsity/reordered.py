"""Matrix reorder: rows that keep like columns come into one block, wherever they were."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .pruned import FOUR, Block, Floats, Numbers

ROUNDS = 20
"""At most: of columns by rows, then rows by columns."""
PAIRS_MOST = 1 << 20
"""Of a row and a block, which are all looked at in each round."""
Places = npt.NDArray[np.intp]


def order_of(whole: Numbers, block: Block, rate: float) -> Places:
    """Return which rows of a matrix, in this order, are cut into blocks.

    Each block of rows chooses the columns of its largest squares, then rows go where more of theirs
    is kept, and so on: once from the rows as they lie, once from some that are unlike each other.
    What keeps most is taken. Ref: Niu et al., GRIM, arXiv 2108.11033 (matrix reorder).
    """
    squares = whole.astype(np.float64) ** 2
    count = len(squares)
    lying = [np.arange(at, min(at + block.rows, count)) for at in range(0, count, block.rows)]
    best, most = np.arange(count), -1.0
    for start in (lying, _unlike(squares, lying, block, rate)) if len(lying) > 1 else ():
        parts, before = start, -1.0
        for _ in range(ROUNDS):
            gain = squares @ _columns(squares, parts, block, rate).T
            energy = sum(float(gain[rows, n].sum()) for n, rows in enumerate(parts))
            if energy > most:
                best, most = np.concatenate(parts), energy
            if energy <= before:
                break
            before, parts = energy, _dealt(gain, lying)
    return best


def pairs_of(rows: int, block: Block) -> int:
    """Return of how many pairs of a row and a block the order of a matrix is found."""
    return rows * -(-rows // block.rows)


def _unlike(squares: Floats, lying: Sequence[Places], block: Block, rate: float) -> list[Places]:
    """Return the rows around some of which each loses most by the columns of those before."""
    seeds = [np.array([squares.sum(axis=1).argmax()])]
    while True:
        gain = squares @ _columns(squares, seeds, block, rate).T
        if len(seeds) == len(lying):
            return _dealt(gain, lying)
        seeds.append(np.array([(squares.sum(axis=1) - gain.max(axis=1)).argmax()]))


def _columns(squares: Floats, parts: Sequence[Places], block: Block, rate: float) -> Floats:
    """Return 1 for each column that a block of some rows keeps, else 0, [blocks][columns]."""
    found = np.zeros((len(parts), squares.shape[1]))
    width = block.width or squares.shape[1]
    for kept, rows in zip(found, parts, strict=True):
        energy = squares[rows].sum(axis=0)
        for at in range(0, len(energy), width):
            part = energy[at : at + width]
            count = max(1, int(len(part) / rate / FOUR)) * FOUR
            kept[at + np.argsort(-part, kind="stable")[:count]] = 1
    return found


def _dealt(gain: Floats, lying: Sequence[Places]) -> list[Places]:
    """Return the rows of each block, by what each keeps of them [rows][blocks]; as many as lay."""
    free, where = [len(rows) for rows in lying], np.full(len(gain), -1)
    left = len(gain)
    beyond = gain - gain.mean(axis=1, keepdims=True)
    for flat in np.argsort(-beyond.ravel(), kind="stable"):
        row, block = divmod(int(flat), len(lying))
        if where[row] < 0 and free[block]:
            where[row] = block
            free[block] -= 1
            left -= 1
            if not left:
                break
    return [np.flatnonzero(where == n) for n in range(len(lying))]
