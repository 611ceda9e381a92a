"""How rows are spread over clients: evenly, by Dirichlet's distribution, or a few labels each."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tinybench.errors import UsageError

from .data import Labels

SPLITS = ("iid", "dirichlet", "labels")
Members = list[npt.NDArray[np.int64]]
"""Of each client the rows that are its own."""


def spread(
    labels: Labels, clients: int, kind: str, *, alpha: float, each: int, seed: int
) -> Members:
    """Return the rows of each client; a client may be left with none.

    `alpha`: of Dirichlet's distribution, each class over all clients: smaller is less even.
    `each`: labels a client has. Raises UsageError. Ref: arXiv 1909.06335 (Dirichlet), 1602.05629.
    """
    if kind not in SPLITS:
        raise UsageError(f"--split {kind}: valid: {', '.join(SPLITS)}")
    rng = np.random.default_rng([seed, clients])
    if kind == "iid":
        return [np.sort(one) for one in np.array_split(rng.permutation(len(labels)), clients)]
    present = np.unique(labels)
    if kind == "dirichlet":
        return _dirichlet(labels, present, clients, alpha, rng)
    if not 1 <= each <= len(present):
        raise UsageError(f"--labels {each}: there are {len(present)} labels to share out")
    # Labels are dealt in turn from a shuffled pack: each is with as many clients as any other.
    pack = rng.permutation(present)
    held = [[int(pack[(n * each + i) % len(pack)]) for i in range(each)] for n in range(clients)]
    return _shared(labels, held, rng)


def _dirichlet(
    labels: Labels,
    present: npt.NDArray[np.int64],
    clients: int,
    alpha: float,
    rng: np.random.Generator,
) -> Members:
    if not alpha > 0:
        raise UsageError(f"--alpha {alpha:g}: of Dirichlet's distribution, it is above 0")
    found: list[list[int]] = [[] for _ in range(clients)]
    for label in present:
        rows = rng.permutation(np.flatnonzero(labels == label))
        shares = rng.dirichlet(np.full(clients, alpha))
        cuts = (np.cumsum(shares)[:-1] * len(rows)).astype(int)
        for mine, part in zip(found, np.split(rows, cuts), strict=True):
            mine.extend(part.tolist())
    return [np.array(sorted(mine), np.int64) for mine in found]


def _shared(labels: Labels, held: Sequence[Sequence[int]], rng: np.random.Generator) -> Members:
    """Share the rows of each label among the clients that hold it."""
    found: list[list[int]] = [[] for _ in held]
    for label in sorted({one for each in held for one in each}):
        holders = [n for n, each in enumerate(held) if label in each]
        rows = rng.permutation(np.flatnonzero(labels == label))
        for holder, part in zip(holders, np.array_split(rows, len(holders)), strict=True):
            found[holder] += part.tolist()
    return [np.array(sorted(mine), np.int64) for mine in found]


def unseen(labels: Labels, members: Members, classes: int) -> list[int]:
    """Return the classes of which no client has a row: nobody can learn them."""
    held = labels[np.concatenate(members)] if members else labels[:0]
    return sorted(set(range(classes)) - set(np.unique(held).tolist()))
