"""A synthetic log of events, for tables without a CSV: what a device says, and why it says it."""

import numpy as np

from ..rows import Category, Rows

SEED, EVENTS = 22, 10_000
CODES, PARTS, CAUSES = (1500, 12), (200, 6), 5
"""Values and, of which each is one, kinds: of codes of events, and of parts that report them."""
SKEW = 1.2
"""The nth value is as frequent as n^-SKEW: of the words of a log few are most. Ref: Zipf."""
BY_PART, BY_NUMBER, BY_CHANCE = 0.5, 0.25, 0.1
"""What else than the code tells the cause, against what the code does."""


def events() -> Rows:
    """Return events whose cause is to be told: a code, a part, a temperature, a voltage.

    Nothing of it was measured. Each code and each part is of a kind, which no column says; for
    each kind each cause has a weight, and each number has one for each cause, all of them normal.
    The cause of an event is the one of the largest sum of weights and chance.
    """
    rng = np.random.default_rng(SEED)
    found, sums = list[Category](), rng.normal(0, BY_CHANCE, (EVENTS, CAUSES))
    for name, (count, kinds), by in (("code", CODES, 1.0), ("part", PARTS, BY_PART)):
        often = (1.0 + np.arange(count)) ** -SKEW
        which = rng.choice(count, EVENTS, p=often / often.sum())
        kind = rng.integers(0, kinds, count)
        sums += by * rng.normal(0, 1, (kinds, CAUSES))[kind[which]]
        found.append(Category(name, tuple(map(str, range(count))), which))
    numbers = rng.normal(0, 1, (EVENTS, 2)).round(3)  # the last bits differ between computers
    sums += BY_NUMBER * numbers @ rng.normal(0, 1, (2, CAUSES))
    classes = tuple(f"cause {n}" for n in range(1, CAUSES + 1))
    return Rows("synthetic events", numbers, sums.argmax(axis=1), classes, tuple(found))
