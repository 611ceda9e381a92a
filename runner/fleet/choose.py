"""Which clients take part in a round: any, the fastest, or those that teach most for their time."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
SELECTIONS = ("random", "fastest", "oort")
ALPHA = 2.0
"""Exponent of the penalty of a slow client."""
PREFERRED = 0.3
"""The share of clients that are not slow, at first ..."""
RELAXED, PACED = 0.05, 20
"""... and by how much more, each time that so many rounds taught no more than those before."""
EXPLORE, EXPLORE_LEAST, EXPLORE_DECAY = 0.9, 0.2, 0.98
CUT = 0.95
"""Of the last client's utility that would be taken; those above it are drawn from."""
CLIP = 0.95
"""Quantile of utilities above which none counts more."""


@dataclass
class Memory:
    """What a server knows of its clients from the rounds before."""

    utility: npt.NDArray[np.float64]
    """Statistical: rows times the root of their mean squared loss; NaN of one never heard of."""
    last: npt.NDArray[np.int64]
    """Round in which a client was heard of last."""
    explore: float = field(default=EXPLORE)
    preferred: float = PREFERRED
    exploited: Indices = field(default_factory=lambda: np.zeros(0, np.int64))
    """Who was chosen last for what it can teach."""
    taught: deque[float] = field(default_factory=lambda: deque(maxlen=2 * PACED))
    """The mean utility of these, of the latest rounds."""


def memory(count: int) -> Memory:
    """Return a memory of nothing."""
    return Memory(np.full(count, np.nan), np.zeros(count, np.int64))


def choose(
    kind: str,
    count: int,
    there: Indices,
    lasts_s: npt.NDArray[np.float64],
    number: int,
    known: Memory,
    rng: np.random.Generator,
) -> Indices:
    """Return so many of the clients that are there, in their order.

    `lasts_s`: how long a round takes each client. `number`: of the round, from 1 on. Of "oort" the
    memory's exploration decays. Ref: Lai et al., Oort, OSDI 2021, Algorithm 1.
    """
    count = min(count, len(there))
    if kind == "random":
        return np.sort(rng.choice(there, count, replace=False))
    if kind == "fastest":
        return np.sort(there[np.argsort(lasts_s[there], kind="stable")[:count]])
    return np.sort(_oort(count, there, lasts_s, number, known, rng))


def _oort(
    count: int,
    there: Indices,
    lasts_s: npt.NDArray[np.float64],
    number: int,
    known: Memory,
    rng: np.random.Generator,
) -> Indices:
    heard = there[~np.isnan(known.utility[there])]
    new = there[np.isnan(known.utility[there])]
    _pace(known, number)
    known.explore = max(EXPLORE_LEAST, known.explore * EXPLORE_DECAY)
    exploring = min(len(new), round(count * known.explore))
    exploiting = min(len(heard), count - exploring)
    exploring = min(len(new), count - exploiting)
    found = list[int]()
    known.exploited = np.zeros(0, np.int64)
    if exploiting:
        worth = utilities(known, heard, lasts_s, number)
        least = CUT * np.sort(worth)[-exploiting]
        above = np.flatnonzero(worth >= least)
        known.exploited = heard[_drawn(above, worth[above], exploiting, rng)]
        found += known.exploited.tolist()
    if exploring:  # the fast ones sooner
        found += new[_drawn(np.arange(len(new)), 1 / lasts_s[new], exploring, rng)].tolist()
    return np.array(found, np.int64)


def _pace(known: Memory, number: int) -> None:
    """Call more clients not slow where those that are chosen teach less and less.

    Without it fast clients alone are chosen for ever, whatever they do not hold. Ref: Oort,
    Algorithm 1, the pacer; its window and step are those of FedScale.
    """
    answered = known.exploited[known.last[known.exploited] == number - 1]
    known.taught.append(float(known.utility[answered].mean()) if len(answered) else 0.0)
    if number % PACED or len(known.taught) < 2 * PACED:
        return
    taught = list(known.taught)
    if sum(taught[PACED:]) <= sum(taught[:PACED]):
        known.preferred = min(1.0, known.preferred + RELAXED)


def utilities(
    known: Memory, heard: Indices, lasts_s: npt.NDArray[np.float64], number: int
) -> npt.NDArray[np.float64]:
    """Return what each client that was heard of is worth: its utility, of 0 to 1 over all, and
    sqrt(0.1 ln(round) / last), times (T / t)^ALPHA for one slower than the preferred time T."""
    learnt = np.minimum(known.utility[heard], np.quantile(known.utility[heard], CLIP))
    least = learnt.min()
    worth = (learnt - least) / max(float(learnt.max() - least), 1e-12)
    worth = worth + np.sqrt(0.1 * math.log(max(number, 1)) / np.maximum(known.last[heard], 1))
    preferred_s = float(np.quantile(lasts_s, known.preferred))
    slow = np.minimum(1.0, preferred_s / lasts_s[heard])
    return worth * slow**ALPHA


def _drawn(
    at: Indices, weights: Sequence[float] | npt.NDArray[np.float64], count: int,
    rng: np.random.Generator,
) -> Indices:  # fmt: skip
    shares = np.asarray(weights, np.float64) + 1e-12
    return rng.choice(at, count, replace=False, p=shares / shares.sum())
