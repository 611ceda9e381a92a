"""The turn of each job on its board, when it may begin, and which boards are kept still."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..leader.placing import left_s
from ..leader.state import Leader
from ..policy import Waiting, next_of

ORDERED_MOST = 30
"""Of more jobs of a board that cannot all begin in time by their lengths, that order is told."""


@dataclass(frozen=True)
class Turn:
    """Of a job that waits for a board."""

    board: str
    number: int
    """1: the next one there."""
    starts_s: float
    """From now, if what is estimated is right and nothing comes before it."""
    estimate_s: float


def turns(leader: Leader) -> dict[int, Turn]:
    """Return the turn of each job that waits for a board, board by board, the next one first."""
    found = {}
    for board, queue in sorted(leader.queues.items()):
        starts_s = left_s(leader, board)
        for number, one in enumerate(_in_order(queue, time.time() + starts_s), 1):
            found[one.job] = Turn(board, number, starts_s, one.estimate_s)
            starts_s += one.estimate_s
    return found


def _in_order(queue: Sequence[Waiting], free_s: float) -> Iterator[Waiting]:
    """Yield what waits for a board as it will begin there, where nothing else comes."""
    by_rank, at_s, late = sorted(queue, key=lambda one: one.rank), free_s, False
    for one in by_rank:
        late |= at_s > one.start_by_s
        at_s += one.estimate_s
    if not late or len(queue) > ORDERED_MOST:
        yield from by_rank
        return
    left = list(queue)
    while (first := next_of(left, free_s)) is not None:
        left.remove(first)
        free_s += first.estimate_s
        yield first


def still(leader: Leader) -> dict[str, str]:
    """Return of each free board that is kept still the quiet job of its group, in words.

    One that runs, or is next and waits until the others of the group are done.
    """
    groups: dict[str, str] = {}
    for name, queue in leader.queues.items():
        group = leader.places[name].quiet if name in leader.places else None
        quiet = [one.job for one in queue if one.quiet]
        if group is not None and quiet and name not in leader.running:
            groups[group] = f"job {quiet[0]}, a quiet one, is next on {name}"
    for name, run in leader.running.items():
        group = run.place.quiet
        if group is not None and run.row.job.quiet:
            groups[group] = f"job {run.row.id}, a quiet one, runs on {name}"
    return {
        name: groups[place.quiet]
        for name, place in leader.places.items()
        if place.quiet in groups and name not in leader.running
    }
