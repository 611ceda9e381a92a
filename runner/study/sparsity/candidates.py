"""The candidates of a study of sparsity: ways to keep weights, and the weights that each keeps."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .fitted import Store
from .matrices import Matrix
from .pruned import Int8, shares_words
from .reordered import Places
from .sparsity_c import DENSE, Left, Way, left, order_in

PRUNED, MENDED, LEARNT = "pruned", "mended", "learnt"
"""Steps after which candidates are scored: by magnitude alone, fitted again, after learning."""


@dataclass(frozen=True)
class Candidate:
    """A way to keep the weights of all layers, and what is left of them."""

    way: Way
    weights: str
    """After which step these are; "dense" of dense layers."""
    layers: list[Left]
    squares: float
    """Of the weights that pruning leaves, before anything is fitted again."""


@dataclass(frozen=True)
class Makes:
    """What candidates are made of."""

    matrices: Sequence[Matrix]
    step: str
    """The last one: a board runs the weights that the last score is of."""
    store: Store | None = None
    """Has the weights that were fitted again."""
    orders: dict[Way, list[Places | None]] = field(default_factory=dict[Way, list[Places | None]])
    """Of rows, layer by layer, which are found once."""

    def candidate(self, way: Way) -> Candidate:
        """Return the candidate of a way. Raises RunFolderError."""
        whole = [one.values for one in self.matrices]
        if way.scheme == DENSE:
            layers = [Left(one, None) for one in whole]
            return Candidate(way, DENSE, layers, sum(map(squares_of, whole)))
        orders = self._orders(way, whole)
        both = list(zip(whole, orders, strict=True))
        found = [left(way, one, order) for one, order in both]
        squares = sum(map(squares_of, found))
        if self.store is not None and self.step != PRUNED:
            found = self.store.load(way, self.step)
            if way.kernel == "dsp" and not all(map(shares_words, found)):
                way = replace(way, kernel="plain")
        layers = [Left(*one) for one in zip(found, orders, strict=True)]
        return Candidate(way, self.step, layers, squares)

    def _orders(self, way: Way, whole: list[Int8]) -> list[Places | None]:
        alike = replace(way, kernel="")
        if alike not in self.orders:
            self.orders[alike] = [order_in(way, one) for one in whole]
        return self.orders[alike]


def squares_of(whole: Int8) -> float:
    """Return the sum of squares of weights."""
    return float(np.square(whole.astype(np.float64)).sum())
