"""A plan for a fleet: sampling runs, the bound that fits them, and the cheapest K and E."""

import statistics
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec

from tinybench.errors import UsageError
from tinybench.track import Track

from ..study.kept import keep_part, kept_part, open_study, store_study
from .client import Client, cost, origins
from .federate import Fleet, Outcome, Setting, federate
from .plan import FORMULA, Bound, Cell, Load, corrected, fitted, grid, rounds, weighed
from .study import Parts
from .train import here

REFINED_MOST = 12
"""More choices that are tried, one by one, ..."""
CHEAPEST = 3
"""... until so many of the cheapest have been."""
SETTLED = ((3, 1.3), (9, 1.15))
"""Times the seeds with which those run again, in turn, whose cost is within so many times the
cheapest: what few seeds made the cheapest is often luck."""


class PlanAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What decides a plan."""

    study: str = "fleet-plan"
    format: int = 1
    gamma: float
    per_rounds: list[int]
    steps: list[int]
    bound: Bound | None
    """None: it is learnt from sampling runs."""
    setting: Setting
    trials: int
    seed: int
    data_sha256: str
    clients_sha256: str
    split: str


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What K and E took in runs that differ by their seed; a mean over them."""

    per_round: int
    steps: int
    reached: int
    trials: int
    rounds: float
    """A run that did not reach the target counts as it is: at least so many."""
    time_s: float
    energy_j: float | None
    best: float


class PlanStudy(msgspec.Struct, frozen=True, kw_only=True):
    """A plan."""

    asked: PlanAsked
    tinybench: str
    formula: str = FORMULA
    clients: int
    time: str
    energy: str
    bound: Bound
    tried: list[Tried]
    cells: list[Cell]
    """The whole grid, the cheapest first."""

    @property
    def best(self) -> Cell:
        """The choice."""
        return self.cells[0]


def loads_of(clients: Sequence[Client], batch: int, both_ways_b: int) -> list[Load]:
    """Return what a local step and the weights' way take each client."""
    found = list[Load]()
    for one in clients:
        link = cost(one, batch, 0, both_ways_b)
        learnt = one.learning * batch
        step_j = None if one.sample_j is None else learnt * one.sample_j
        found.append(Load(learnt * one.sample_s, link.link_s, step_j, one.radio_w * link.link_s))
    return found


def plan_asked(
    parts: Parts,
    gamma: float,
    per_rounds: Sequence[int],
    steps: Sequence[int],
    bound: Bound | None,
) -> PlanAsked:
    """Return what a plan is asked for, of a study of one setting."""
    asked = parts.asked
    if bound is not None and (bound.a0 < 0 or bound.b0 < 0 or bound.a0 + bound.b0 <= 0):
        raise UsageError(f"--bound {bound.a0:g},{bound.b0:g}: neither is below 0, nor are both 0")
    return PlanAsked(
        gamma=gamma,
        per_rounds=sorted(set(per_rounds)),
        steps=sorted(set(steps)),
        bound=bound,
        setting=asked.settings[0],
        trials=asked.trials,
        seed=asked.seed,
        data_sha256=asked.data_sha256,
        clients_sha256=asked.clients_sha256,
        split=f"{asked.split}, {asked.alpha:g}, {asked.labels}",
    )


def run_plan(
    parts: Parts, asked: PlanAsked, folder: Path, track: Track, say: Callable[[str], None]
) -> PlanStudy:
    """Do the sampling runs that the folder does not have, and choose.

    Raises UsageError where no sampling run reaches the target; RunFolderError.
    """
    fleet = _holders(parts.fleet)
    head = fleet.head(asked.setting)
    loads = loads_of(fleet.clients, asked.setting.batch, 2 * head.size_b)
    known = asked.bound or Bound(1.0, 0.0)
    grid(_by(known, len(loads)), loads, asked.gamma, asked.per_rounds, asked.steps)  # all checked
    with open_study(folder, asked):
        tried = list[Tried]()
        if asked.bound is None:
            tried = _sampled(fleet, asked, loads, folder, track)
            known = _fit(tried, len(loads), asked)
        cells = _cells(known, loads, asked, tried)
    time, energy = origins(fleet.clients)
    found = PlanStudy(
        asked=asked,
        tinybench=version("tinybench-mcu"),
        clients=len(fleet.clients),
        time=time,
        energy=energy,
        bound=known,
        tried=tried,
        cells=cells,
    )
    store_study(folder, found)
    if len(fleet.clients) < len(parts.fleet.clients):
        say(f"{len(parts.fleet.clients) - len(fleet.clients)} clients have no data: left out")
    return found


def _by(bound: Bound, clients: int) -> Callable[[int, int], float]:
    return lambda k, e: rounds(bound, clients, k, e)


def _holders(fleet: Fleet) -> Fleet:
    """Return the fleet of those who have data."""
    kept = [n for n, own in enumerate(fleet.members) if len(own)]
    return Fleet(
        [fleet.clients[n] for n in kept], [fleet.members[n] for n in kept], fleet.learnable,
        None if fleet.traces is None else [fleet.traces[n % len(fleet.traces)] for n in kept],
    )  # fmt: skip


def _sampled(
    fleet: Fleet,
    asked: PlanAsked,
    loads: Sequence[Load],
    folder: Path,
    track: Track,
) -> list[Tried]:
    """Return corners, edges and the middle of the grid, then what looks cheapest, settled."""
    ends = [_three(asked.per_rounds), _three(asked.steps)]
    corners = [(k, e) for k in ends[0] for e in ends[1]]
    tried = [_try(fleet, asked, folder, *one) for one in track(corners, "sampling", len(corners))]
    if not any(one.reached for one in tried):
        best = max(one.best for one in tried)
        raise UsageError(
            f"no sampling run reached {asked.setting.target:g} in {asked.setting.rounds_most} "
            f"rounds; the best was {best:.4f}: give a lower --target, or more --rounds"
        )
    tried = _refined(fleet, asked, loads, tried, folder)
    for times, within in SETTLED:
        most = within * min(_price(one, asked) for one in tried)
        near = [one for one in tried if _price(one, asked) <= most]
        if len(near) == 1:
            break
        tried = [one for one in tried if one not in near]
        for one in track(near, f"settling by {times * asked.trials} seeds", len(near)):
            tried.append(_try(fleet, asked, folder, one.per_round, one.steps, times))
        # Dearer than they seemed, they may leave the first place to what has not been tried.
        tried = _refined(fleet, asked, loads, tried, folder, 1, times)
    return tried


def _refined(
    fleet: Fleet,
    asked: PlanAsked,
    loads: Sequence[Load],
    tried: Sequence[Tried],
    folder: Path,
    cheapest: int = CHEAPEST,
    times: int = 1,
) -> list[Tried]:
    """Return what was tried, and what then looks cheapest, tried too."""
    found = list(tried)
    for _ in range(REFINED_MOST):
        cells = _cells(_fit(found, len(loads), asked), loads, asked, found)
        better = next((one for one in cells[:cheapest] if not one.tried), None)
        if better is None:
            break
        found.append(_try(fleet, asked, folder, better.per_round, better.steps, times))
    return found


def _price(one: Tried, asked: PlanAsked) -> float:
    """Return the cost of runs, once more for each miss in so many seeds as the plan has."""
    missed = (one.trials - one.reached) / one.trials * asked.trials
    return weighed(asked.gamma, one.time_s, one.energy_j) * (1 + missed)


def _three(values: Sequence[int]) -> list[int]:
    """Return the first, the last, and one between, nearest to their geometric mean."""
    middle = (values[0] * values[-1]) ** 0.5
    return sorted({values[0], min(values, key=lambda one: abs(one - middle)), values[-1]})


def _try(
    fleet: Fleet, asked: PlanAsked, folder: Path, per_round: int, steps: int, times: int = 1
) -> Tried:
    """Return what K and E take by so many times the seeds, from the folder where it is there."""
    trials = times * asked.trials
    place = folder / f"k{per_round}-e{steps}-{trials}.json"
    known = kept_part(place, Tried)
    if known is not None:
        return known
    setting = msgspec.structs.replace(asked.setting, per_round=per_round, steps=steps)
    trainer = here(fleet.learnable.values, fleet.learnable.labels, fleet.members)
    runs = [federate(fleet, setting, asked.seed + n, trainer) for n in range(trials)]
    return keep_part(place, summed(runs))


def summed(runs: Sequence[Outcome]) -> Tried:
    """Return the means of runs that differ by their seed."""
    joules = [one.energy_j for one in runs]
    known = [one for one in joules if one is not None]
    return Tried(
        per_round=runs[0].setting.per_round,
        steps=runs[0].setting.steps,
        reached=sum(one.reached is not None for one in runs),
        trials=len(runs),
        rounds=statistics.fmean(max(1, len(one.rounds)) for one in runs),
        time_s=statistics.fmean(one.lasts_s for one in runs),
        energy_j=statistics.fmean(known) if len(known) == len(joules) else None,
        best=max(one.best for one in runs),
    )


def _seen(tried: Sequence[Tried]) -> list[tuple[int, int, float]]:
    return [(one.per_round, one.steps, one.rounds) for one in tried]


def _fit(tried: Sequence[Tried], clients: int, asked: PlanAsked) -> Bound:
    if len(tried) < 2:
        raise UsageError(
            f"the grid has {len(asked.per_rounds)} x {len(asked.steps)} choices: there is nothing "
            "to plan; give several by --per-round and --steps"
        )
    return fitted(clients, _seen(tried))


def _cells(
    bound: Bound, loads: Sequence[Load], asked: PlanAsked, tried: Sequence[Tried]
) -> list[Cell]:
    """Return the grid, of what was tried the figures of its runs; misses count as no choice."""
    needed = corrected(bound, len(loads), _seen(tried))
    by_place = {(one.per_round, one.steps): one for one in tried}
    found = list[Cell]()
    for one in grid(needed, loads, asked.gamma, asked.per_rounds, asked.steps):
        ran = by_place.get((one.per_round, one.steps))
        if ran is None:
            found.append(one)
            continue
        found.append(
            Cell(
                per_round=ran.per_round, steps=ran.steps, rounds=ran.rounds, time_s=ran.time_s,
                energy_j=ran.energy_j, cost=_price(ran, asked), tried=True,
            )
        )  # fmt: skip
    return sorted(found, key=lambda one: (one.cost, one.per_round, one.steps))
