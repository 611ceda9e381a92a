"""How many clients a round and how many local steps cost least to a quality: a bound, and a grid.

The bound on rounds R for K of N clients and E local steps, up to a factor that the target decides:

    R(K, E) = (A0 + B0 (1 + (N - K) / (K (N - 1))) E^2) / E

A round takes in the mean E[max] = sum over i >= K of C(i-1, K-1) t(i) / C(N, K), with t(1) to t(N)
in order, and draws K times the mean energy. The cost is (1 - gamma) x seconds + gamma x joules.
Ref: Luo et al., Cost-effective federated learning in mobile edge networks, arXiv 2109.05411.
"""

import math
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from tinybench.errors import UsageError
from tinybench.plural import counted

FORMULA = "R(K, E) = (A0 + B0 (1 + (N - K) / (K (N - 1))) E^2) / E"
STEPS_MOST = 1000


class Bound(msgspec.Struct, frozen=True):
    """A0 and B0 for one target; of both only the ratio decides K and E."""

    a0: float
    b0: float


class Load(msgspec.Struct, frozen=True):
    """What a client takes: for each local step, and for the weights' way."""

    step_s: float
    link_s: float
    step_j: float | None
    link_j: float


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One choice of K and E, and what it is expected to cost."""

    per_round: int
    steps: int
    rounds: float
    time_s: float
    energy_j: float | None
    cost: float
    tried: bool = False
    """Whether these are figures of runs, and not the bound's."""


def rounds(bound: Bound, clients: int, per_round: int, steps: int) -> float:
    """Return the bound on rounds."""
    return (bound.a0 + bound.b0 * _spread(clients, per_round) * steps**2) / steps


def _spread(clients: int, per_round: int) -> float:
    """Return what a round of K of N adds: 1 of all, 2 of a single one."""
    if clients == 1:
        return 1.0
    return 1 + (clients - per_round) / (per_round * (clients - 1))


def expected_most(times: Sequence[float], count: int) -> float:
    """Return the mean of the largest of `count` of these, each set of them as likely as another."""
    ordered = np.sort(np.asarray(times, np.float64))
    # C(i-1, K-1) / C(N, K), from the largest on: each is the one before times (i - K) / (i - 1).
    share, total, n = count / len(ordered), 0.0, len(ordered)
    for i in range(n, count - 1, -1):
        total += share * float(ordered[i - 1])
        share *= (i - count) / (i - 1) if i > 1 else 0.0
    return total


def cell(
    loads: Sequence[Load], gamma: float, per_round: int, steps: int, rounds_needed: float
) -> Cell:
    """Return what K and E are expected to cost; joules None where those of a client are."""
    each_s = [one.step_s * steps + one.link_s for one in loads]
    each_j = [one.step_j * steps + one.link_j for one in loads if one.step_j is not None]
    time_s = rounds_needed * expected_most(each_s, per_round)
    energy_j = None
    if len(each_j) == len(loads):
        energy_j = rounds_needed * per_round * math.fsum(each_j) / len(each_j)
    return Cell(
        per_round=per_round,
        steps=steps,
        rounds=rounds_needed,
        time_s=time_s,
        energy_j=energy_j,
        cost=weighed(gamma, time_s, energy_j),
    )


def weighed(gamma: float, time_s: float, energy_j: float | None) -> float:
    """Return (1 - gamma) x seconds + gamma x joules."""
    return (1 - gamma) * time_s + (gamma * energy_j if energy_j is not None else 0.0)


def grid(
    needed: Callable[[int, int], float],
    loads: Sequence[Load],
    gamma: float,
    per_rounds: Sequence[int],
    steps: Sequence[int],
) -> list[Cell]:
    """Return every choice, the cheapest first; `needed`: the rounds of K and E.

    Raises UsageError for what is no choice, and for joules that nobody knows.
    """
    if not 0 <= gamma <= 1:
        raise UsageError(f"--gamma {gamma:g}: 0 is for time alone, 1 for energy alone")
    if gamma and any(one.step_j is None for one in loads):
        raise UsageError(
            f"--gamma {gamma:g}: joules of some clients are not known: their runs have no energy "
            "(--monitor of a run measures or models it); --gamma 0 plans by time alone"
        )
    wrong = next((k for k in per_rounds if not 1 <= k <= len(loads)), None)
    if wrong is not None or not per_rounds:
        raise UsageError(f"{wrong} clients a round: the fleet has {len(loads)} that have data")
    if not steps or any(not 1 <= e <= STEPS_MOST for e in steps):
        raise UsageError(f"local steps are 1 to {STEPS_MOST}")
    found = [cell(loads, gamma, k, e, needed(k, e)) for k in per_rounds for e in steps]
    return sorted(found, key=_order)


def _order(one: Cell) -> tuple[float, int, int]:
    return one.cost, one.per_round, one.steps


def corrected(
    bound: Bound, clients: int, seen: Sequence[tuple[int, int, float]]
) -> Callable[[int, int], float]:
    """Return rounds by the bound, times how far runs near by were off it.

    The bound lets K change rounds twofold at most; where clients have few labels each it is much
    more. Factors of runs (K, E, rounds) are weighed by the inverse cube of their distance, in
    logarithms of K and E.
    """

    def needed(per_round: int, steps: int) -> float:
        weights, logs = list[float](), list[float]()
        for k, e, took in seen:
            far = math.hypot(math.log(per_round / k), math.log(steps / e))
            if far == 0:
                return took
            weights.append(far**-3)
            logs.append(math.log(took / rounds(bound, clients, k, e)))
        off = float(np.average(logs, weights=weights)) if seen else 0.0
        return rounds(bound, clients, per_round, steps) * math.exp(off)

    return needed


def fitted(clients: int, seen: Sequence[tuple[int, int, float]]) -> Bound:
    """Return the bound whose rounds are nearest to what runs of (K, E) took, by relative error.

    Neither A0 nor B0 is negative: one that would be is 0. Raises UsageError for fewer than two.
    """
    if len(seen) < 2:
        raise UsageError(
            f"{counted(len(seen), 'run')} to learn the bound from: it needs two or more"
        )
    rows = np.array([(1 / e, _spread(clients, k) * e) for k, e, _ in seen])
    took = np.array([r for _, _, r in seen], np.float64)
    scaled: npt.NDArray[np.float64] = rows / took[:, None]
    found, *_ = np.linalg.lstsq(scaled, np.ones(len(seen)), rcond=None)
    if (found < 0).any():  # the better of the two that are left alone
        alone = [max(0.0, float(c.sum() / (c @ c))) for c in scaled.T]
        off = [float(((c * a - 1) ** 2).sum()) for c, a in zip(scaled.T, alone, strict=True)]
        found = np.array([alone[0], 0.0] if off[0] <= off[1] else [0.0, alone[1]])
    return Bound(float(found[0]), float(found[1]))
