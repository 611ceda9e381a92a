"""One array of weights that whole layers and tables share, by hashes of blocks (ROBE)."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from tinybench.errors import UsageError

PRIME = 2038074743
SEED = 1024
"""Of the constants of the hash. Ref: Desai, Chou, Shrivastava, arXiv 2108.02191, and their code."""
_DRAWN = 50
SIZES, SIZES_MOST = 20, 64
"""An array may be a twentieth smaller; so many sizes are tried."""
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Robe:
    """How rows share an array of `size` weights, by blocks of so many neighbours."""

    size: int
    block: int
    a: int
    b: int
    c: int


def robe(size: int, block: int, seed: int = SEED) -> Robe:
    """Return the sharing of an array. Raises UsageError where a block does not fit into it."""
    if not 1 <= block <= size:
        raise UsageError(
            f"blocks of {block} weights, in an array of {size}: a block is 1 weight to all of "
            "them; take a lower rate or smaller blocks"
        )
    c, b, a = (int(one) for one in np.random.RandomState(seed).randint(0, PRIME, _DRAWN)[:3])
    return Robe(size, block, a, b, c)


def index(of: Robe, rows: npt.ArrayLike, columns: npt.ArrayLike) -> Ints:
    """Return the places of weights in the array, of rows and columns that are broadcast together.

    ((A row + B floor(column / Z) + C) mod P) mod (m - Z + 1) + column mod Z. Ref: as SEED.
    """
    row, column = np.asarray(rows, np.int64), np.asarray(columns, np.int64)
    start = of.a * row % PRIME + of.b * (column // of.block) % PRIME + of.c
    found: Ints = start % PRIME % (of.size - of.block + 1) + column % of.block
    return found


@cache
def roomy(size: int, block: int, rows: int) -> Robe:
    """Return the sharing of an array of at most `size`, and little less, where fewest rows meet.

    Hashes of rows that follow each other are a step apart, so that of some sizes hundreds of rows
    begin where another one does, and are the same throughout; of others none. Raises UsageError.
    """
    robe(size, block)

    def meet(less: int) -> int:
        starts = index(robe(less, block), np.arange(rows), 0)
        return rows - int(np.count_nonzero(np.bincount(starts)))

    least = max(block, size - size // SIZES)
    tried = np.unique(np.linspace(least, size, min(SIZES_MOST, size - least + 1), dtype=np.int64))
    return robe(min((meet(int(less)), -int(less)) for less in tried)[1] * -1, block)
