"""Local steps of many clients at once: the same figures as of each alone, on whatever computer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ..learning.head import Floats, Head, slopes
from .data import Labels
from .split import Members

TOGETHER_MOST = 1 << 22
"""Values of a step that are computed at once."""


@dataclass(frozen=True)
class Work:
    """What each client does in a round."""

    head: Head
    steps: int
    batch: int
    rate: float
    pull: float
    """Of FedProx, towards the weights it began with (mu); 0: FedAvg."""
    seed: int
    number: int
    """Of the round."""


class Learnt(NamedTuple):
    """What comes of it."""

    updates: Floats
    """[clients][weights]."""
    losses: npt.NDArray[np.float64]
    """Root of the mean squared loss of the samples learnt from, a client each."""
    answered: npt.NDArray[np.bool_]
    """False of a client that died; its update is NaN."""
    compute_s: npt.NDArray[np.float64] | None = None
    """What each took, where boards say so themselves; NaN of one that died."""
    differing: int = 0
    """Weights of boards that are others than those of the same steps in NumPy."""


def joined(parts: Sequence[Learnt]) -> Learnt:
    """Return what several clients, of which no time is known, come to together."""
    return Learnt(
        np.concatenate([one.updates for one in parts]),
        np.concatenate([one.losses for one in parts]),
        np.concatenate([one.answered for one in parts]),
    )


def picks(work: Work, own: npt.NDArray[Any], client: int) -> npt.NDArray[Any]:
    """Return of which of its own rows a client learns [steps][batch].

    That depends on the seed, the round and its number alone.
    """
    rng = np.random.default_rng([work.seed, work.number, client])
    return own[rng.integers(len(own), size=(work.steps, work.batch))]


class Trainer(Protocol):
    """Who does the work: this process, or workers."""

    def __call__(self, work: Work, start: Floats, clients: Sequence[int]) -> Learnt: ...


def here(values: Floats, labels: Labels, members: Members) -> Trainer:
    """Return what trains clients in this process."""

    def train(work: Work, start: Floats, clients: Sequence[int]) -> Learnt:
        return learn(work, start, values, labels, [members[one] for one in clients], clients)

    return train


def learn(
    work: Work,
    start: Floats,
    values: Floats,
    labels: Labels,
    members: Sequence[npt.NDArray[Any]],
    clients: Sequence[int],
) -> Learnt:
    """Do the local steps of clients, whose rows of `values` are `members`."""
    each = max(1, TOGETHER_MOST // max(work.batch * work.head.features, work.head.size))
    parts = [
        _together(work, start, values, labels, members[at : at + each], clients[at : at + each])
        for at in range(0, len(clients), each)
    ]
    return joined(parts)


def _together(
    work: Work,
    start: Floats,
    values: Floats,
    labels: Labels,
    members: Sequence[npt.NDArray[Any]],
    clients: Sequence[int],
) -> Learnt:
    picked = np.stack(
        [picks(work, own, n) for own, n in zip(members, clients, strict=True)], axis=1
    )
    weights = np.repeat(start[None], len(clients), axis=0)
    squares = np.zeros(len(clients))
    rate, pull = np.float32(work.rate), np.float32(work.pull)
    with np.errstate(all="ignore"):  # a rate that is too large ends in NaN, which is looked for
        for rows in picked:
            slope, losses = slopes(work.head, weights, values[rows], labels[rows])
            if work.pull:
                slope += pull * (weights - start)
            weights -= rate * slope
            squares += (losses.astype(np.float64) ** 2).mean(axis=1)
        losses = np.sqrt(squares / work.steps)
        return Learnt(weights - start, losses, np.ones(len(clients), np.bool_))
