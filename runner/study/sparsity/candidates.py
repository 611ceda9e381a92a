"""The candidates of a study of sparsity: ways to keep weights, and the weights that each keeps."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tinybench.models.training.sparse import Prune

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
    step: Callable[[Way], str]
    """After which one a board runs the weights of a way: "pruned" of dense layers."""
    store: Store | None = None
    """Has the weights that were fitted again."""
    orders: dict[Way, list[Places | None]] = field(default_factory=dict[Way, list[Places | None]])
    """Of rows, layer by layer, which are found once."""

    def pruned(self, way: Way) -> Candidate:
        """Return the candidate of a way as it is pruned."""
        whole = [one.values for one in self.matrices]
        if way.scheme == DENSE:
            layers = [Left(one, None) for one in whole]
            return Candidate(way, DENSE, layers, sum(map(squares_of, whole)))
        both = zip(whole, self._orders(way), strict=True)
        layers = [Left(left(way, one, order), order) for one, order in both]
        return Candidate(way, PRUNED, layers, sum(squares_of(one.whole) for one in layers))

    def candidate(self, way: Way) -> Candidate:
        """Return the candidate of a way, in plain C where its weights cannot share words any more.

        Raises RunFolderError.
        """
        found, step = self.pruned(way), self.step(way)
        if self.store is None or step == PRUNED:
            return found
        fitted = self.store.load(way, step)
        if way.kernel == "dsp" and not all(map(shares_words, fitted)):
            way = replace(way, kernel="plain")
        both = zip(fitted, found.layers, strict=True)
        layers = [Left(one, before.order) for one, before in both]
        return Candidate(way, step, layers, found.squares)

    def prune(self, way: Way) -> Prune:
        """Return what leaves of other weights in a layer's place what a way leaves."""
        orders = {
            one.tensor: order for one, order in zip(self.matrices, self._orders(way), strict=True)
        }
        return lambda index, whole: left(way, whole, orders[index])

    def digest(self, way: Way) -> str:
        """Return SHA-256 of the weights of a way; of weights that are not there "".

        Raises RunFolderError.
        """
        step = self.step(way)
        if self.store is not None and step != PRUNED and not self.store.has(way, step):
            return ""
        layers = self.candidate(way).layers
        return hashlib.sha256(b"".join(one.whole.tobytes() for one in layers)).hexdigest()

    def _orders(self, way: Way) -> list[Places | None]:
        alike = replace(way, kernel="")
        if alike not in self.orders:
            self.orders[alike] = [order_in(way, one.values) for one in self.matrices]
        return self.orders[alike]


def squares_of(whole: Int8) -> float:
    """Return the sum of squares of weights."""
    return float(np.square(whole.astype(np.float64)).sum())
