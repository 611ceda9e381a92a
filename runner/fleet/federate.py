"""Federated averaging round by round, by a simulated clock: to a quality, or to the end of budgets.

Ref: McMahan et al., arXiv 1602.05629 (FedAvg); Li et al., arXiv 1812.06127 (FedProx); FedScale,
arXiv 2105.11367 (client time).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np

from ..learning.course import Origin
from ..learning.head import Floats, Head, drawn, top1
from .available import Trace, next_s, remains_s
from .choose import Indices, Memory, choose, memory
from .client import Client, Cost, cost, took
from .combine import attacked, combined, noisy_mean, sound
from .data import Learnable
from .split import Members
from .train import Learnt, Trainer, Work

Fate = Literal["taken", "died", "refused"]
SHOWN = 8
"""Rounds of which each client's part is kept."""
FRUITLESS_MOST = 5
"""Rounds in turn of which no update was taken: learning has diverged, or nobody is left."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What decides a run, beside clients, rows and the seed."""

    method: str = "fedavg"
    """Or "fedprox"."""
    select: str = "random"
    per_round: int = 10
    """Clients of a round (K)."""
    steps: int = 10
    """Local steps of a client (E)."""
    batch: int = 16
    rate: float = 0.5
    pull: float = 0.1
    """Of fedprox (mu)."""
    combine: str = "mean"
    clip: float | None = None
    """Longest update, where noise is added: their mean is then of each alike."""
    noise: float = 0.0
    """Standard deviation of it, in units of `clip`."""
    drop: float = 0.0
    """Probability that a client dies in a round."""
    attack: str | None = None
    attackers: int = 0
    target: float = 0.88
    rounds_most: int = 200
    seconds_most: float | None = None
    hidden: int = 0

    @property
    def name(self) -> str:
        """What tells it from others of a study."""
        return f"{self.method}-{self.select}-k{self.per_round}-e{self.steps}"


class Turn(msgspec.Struct, frozen=True):
    """A client's part of a round."""

    client: int
    name: str
    time: Origin
    """What its time is."""
    compute_s: float
    link_s: float
    fate: Fate


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """A round, and what the model is worth after it."""

    number: int
    begins_s: float
    lasts_s: float
    """Until the slowest has answered or died."""
    median_s: float
    """Of its clients: what is beyond is the stragglers' share."""
    energy_j: float | None
    bytes: int
    taken: int
    died: int
    refused: int
    score: float
    differing: int = 0
    """Weights that boards answered and NumPy learnt otherwise."""
    turns: list[Turn] = []
    """Of the first rounds alone."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A run to its end."""

    setting: Setting
    seed: int
    rounds: list[Round]
    ended: str
    """"target", or "rounds", "time", "diverged", "nobody there", "all died"."""

    @property
    def reached(self) -> Round | None:
        """The round that has the target; None where none has."""
        last = self.rounds[-1] if self.rounds else None
        return last if last is not None and self.ended == "target" else None

    @property
    def best(self) -> float:
        """The best score."""
        return max((one.score for one in self.rounds), default=0.0)

    @property
    def lasts_s(self) -> float:
        """Time of the whole run, waits for clients included."""
        return self.rounds[-1].begins_s + self.rounds[-1].lasts_s if self.rounds else 0.0

    @property
    def energy_j(self) -> float | None:
        """Of all clients together; None where one client's is not known."""
        each = [one.energy_j for one in self.rounds]
        known = [one for one in each if one is not None]
        return sum(known) if len(known) == len(each) else None

    @property
    def bytes(self) -> int:
        """Over all links, both ways."""
        return sum(one.bytes for one in self.rounds)

    @property
    def straggling(self) -> float:
        """Share of the time in which half of a round's clients or more had long answered."""
        lasts = sum(one.lasts_s for one in self.rounds)
        return 1 - sum(one.median_s for one in self.rounds) / lasts if lasts > 0 else 0.0


@dataclass(frozen=True)
class Fleet:
    """Who learns, from what."""

    clients: Sequence[Client]
    members: Members
    learnable: Learnable
    traces: Sequence[Trace] | None = None
    """None: everybody is always there. Fewer traces than clients are taken in turn."""

    def head(self, setting: Setting) -> Head:
        """Return the head that learns."""
        features = self.learnable.values.shape[1]
        return Head(features, len(self.learnable.classes), setting.hidden)


@dataclass
class _Course:
    """Where a run is."""

    weights: Floats
    known: Memory
    at_s: float = 0.0
    fruitless: int = 0


def federate(fleet: Fleet, setting: Setting, seed: int, trainer: Trainer) -> Outcome:
    """Do rounds until the target is reached or a budget is spent; the same seed, the same figures.

    Who trains, this process or workers, changes none of them but by who dies there.
    """
    head = fleet.head(setting)
    costs = [cost(one, setting.batch, setting.steps, 2 * head.size_b) for one in fleet.clients]
    holders = np.array([n for n, own in enumerate(fleet.members) if len(own)], np.int64)
    now = _Course(drawn(head, seed), memory(len(fleet.clients)))
    rounds, ended = list[Round](), "rounds"
    for number in range(1, setting.rounds_most + 1):
        there = _there(fleet, holders, now)
        if not len(there):
            ended = "nobody there"
            break
        found = _round(fleet, setting, seed, trainer, head, costs, there, number, now)
        rounds.append(found)
        now.at_s = found.begins_s + found.lasts_s
        now.fruitless = 0 if found.taken else now.fruitless + 1
        if found.score >= setting.target:
            ended = "target"
        elif now.fruitless >= FRUITLESS_MOST:
            ended = (
                "diverged" if any(one.refused for one in rounds[-FRUITLESS_MOST:]) else "all died"
            )
        elif setting.seconds_most is not None and now.at_s >= setting.seconds_most:
            ended = "time"
        else:
            continue
        break
    return Outcome(setting=setting, seed=seed, rounds=rounds, ended=ended)


def _there(fleet: Fleet, holders: Indices, now: _Course) -> Indices:
    """Return who can be reached, after a wait until somebody can."""
    if fleet.traces is None or not len(holders):
        return holders
    traces = fleet.traces
    now.at_s = min(next_s(traces[int(n) % len(traces)], now.at_s) for n in holders)
    left_s = [remains_s(traces[int(n) % len(traces)], now.at_s) for n in holders]
    return holders[np.array(left_s) > 0]


def _round(
    fleet: Fleet,
    setting: Setting,
    seed: int,
    trainer: Trainer,
    head: Head,
    costs: list[Cost],
    there: Indices,
    number: int,
    now: _Course,
) -> Round:
    """Do a round, and put what the server knows after it into `now`."""
    rng = np.random.default_rng([seed, number, len(fleet.clients)])
    lasts = np.array([one.lasts_s for one in costs])
    chosen = choose(setting.select, setting.per_round, there, lasts, number, now.known, rng)
    lives = _lives(fleet, setting, costs, chosen, now.at_s, rng)
    pull = setting.pull if setting.method == "fedprox" else 0.0
    work = Work(head, setting.steps, setting.batch, setting.rate, pull, seed, number)
    alive = [int(n) for n, share in zip(chosen, lives, strict=True) if share >= 1]
    learnt = trainer(work, now.weights, alive) if alive else None
    taken = _take(fleet, setting, learnt, alive, number, now, rng)
    lost = set[int]()
    if learnt is not None:
        lost = {n for n, yes in zip(alive, learnt.answered, strict=True) if not yes}
        if learnt.compute_s is not None:  # and so it is expected from now on
            for n, yes, took_s in zip(alive, learnt.answered, learnt.compute_s, strict=True):
                if yes:
                    costs[n] = took(fleet.clients[n], float(took_s), 2 * head.size_b)
    turns = list[Turn]()
    for n, share in zip(chosen.tolist(), lives, strict=True):
        fate: Fate = "died" if share < 1 or n in lost else "taken" if n in taken else "refused"
        turns.append(_turn(fleet, n, costs[n], share, fate))
    each_s = [turn.compute_s + turn.link_s for turn in turns]
    spent = [
        None if (joules := costs[n].energy_j) is None else joules * share
        for n, share in zip(chosen, lives, strict=True)
    ]
    known_j = [one for one in spent if one is not None]
    fates = [turn.fate for turn in turns]
    tests = fleet.learnable.tests, fleet.learnable.test_labels
    return Round(
        number=number,
        begins_s=now.at_s,
        lasts_s=max(each_s),
        median_s=float(np.median(each_s)),
        energy_j=sum(known_j) if len(known_j) == len(spent) else None,
        bytes=head.size_b * (len(chosen) + len(alive)),
        taken=fates.count("taken"),
        died=fates.count("died"),
        refused=fates.count("refused"),
        score=top1(head, now.weights, *tests),
        differing=0 if learnt is None else learnt.differing,
        turns=turns if number <= SHOWN else [],
    )


def _lives(
    fleet: Fleet,
    setting: Setting,
    costs: Sequence[Cost],
    chosen: Indices,
    at_s: float,
    rng: np.random.Generator,
) -> list[float]:
    """Return of each client how much of its round it lives; 1: all of it."""
    shares = list[float]()
    for n in chosen:
        share = 1.0
        if fleet.traces is not None:
            left_s = remains_s(fleet.traces[int(n) % len(fleet.traces)], at_s)
            share = min(1.0, left_s / costs[n].lasts_s)
        if setting.drop and rng.random() < setting.drop:
            share = min(share, float(rng.random()))
        shares.append(share)
    return shares


def _turn(fleet: Fleet, client: int, its: Cost, share: float, fate: Fate) -> Turn:
    who = fleet.clients[client]
    lasts_s = its.lasts_s * share
    compute_s = min(its.compute_s, lasts_s)
    return Turn(client, who.name, who.time, compute_s, lasts_s - compute_s, fate)


def _take(
    fleet: Fleet,
    setting: Setting,
    learnt: Learnt | None,
    alive: Sequence[int],
    number: int,
    now: _Course,
    rng: np.random.Generator,
) -> set[int]:
    """Move the weights by the updates that are sound; return whose these were."""
    if learnt is None:
        return set()
    updates = learnt.updates
    if setting.attack is not None and setting.attackers:
        updates = updates.copy()
        for place in (i for i, n in enumerate(alive) if n < setting.attackers):
            updates[place] = attacked(updates[place], setting.attack)
    fine = sound(updates)
    if not fine.any():
        return set()
    rows = np.array([len(fleet.members[n]) for n in alive])
    if setting.clip is not None:
        step = noisy_mean(updates[fine], setting.clip, setting.noise, rng)
    else:
        step = combined(setting.combine, updates[fine], rows[fine])
    with np.errstate(over="ignore"):
        moved = now.weights + step
    if not np.isfinite(moved).all():
        return set()
    now.weights = moved
    taken = np.array(alive, np.int64)[fine]
    now.known.utility[taken] = rows[fine] * learnt.losses[fine]
    now.known.last[taken] = number
    return set(taken.tolist())
