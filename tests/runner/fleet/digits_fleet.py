"""Twenty simulated clients with two digits each, by which the golden figures were made."""

from functools import cache

import msgspec

from tinybench.runner.fleet.client import Client, simulated
from tinybench.runner.fleet.data import Learnable, learnable
from tinybench.runner.fleet.federate import Fleet, Outcome, Setting, federate
from tinybench.runner.fleet.split import spread
from tinybench.runner.fleet.train import here

RADIO_W, BANDWIDTH_B_PER_S = 0.03, 25_000.0
SETTING = Setting(batch=20, rate=0.3, target=0.88, rounds_most=400)


@cache
def digits() -> Learnable:
    """Return the digits of scikit-learn, 539 of them to test."""
    return learnable(None, None, 540, 1)


@cache
def clients(count: int = 20) -> tuple[Client, ...]:
    """Return clients of lognormal speeds."""
    return tuple(simulated(count, 1, BANDWIDTH_B_PER_S, RADIO_W))


@cache
def fleet(kind: str = "labels", each: int = 2, alpha: float = 0.3) -> Fleet:
    """Return the clients with their rows."""
    labels = digits().labels
    members = spread(labels, len(clients()), kind, alpha=alpha, each=each, seed=1)
    return Fleet(clients(), members, digits())


@cache
def fast_and_few(known: frozenset[int] = frozenset({0, 2, 3, 7})) -> Fleet:
    """Return the clients with their rows; who holds these digits alone is 75 times as fast."""
    base, members = clients()[0], fleet().members
    holds = [set(digits().labels[rows].tolist()) for rows in members]
    each = [
        msgspec.structs.replace(base, sample_s=0.001 if one <= known else 0.075) for one in holds
    ]
    return Fleet(each, members, digits())


def run(seed: int = 0, of: Fleet | None = None, **changed: object) -> Outcome:
    """Do a run of the setting with some of it changed."""
    those = of or fleet()
    setting = msgspec.structs.replace(SETTING, **changed)
    trainer = here(those.learnable.values, those.learnable.labels, those.members)
    return federate(those, setting, seed, trainer)
