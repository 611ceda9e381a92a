"""A lab in a computer's memory: how long jobs take to be done, by the policy and by a plain one."""

import heapq
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from .policy import Place, Waiting, Want, fair_start_s, place, starts

ANY = Want()


@dataclass(frozen=True)
class Arrival:
    """A job that comes: when, and how long it will really take; in seconds."""

    at_s: float
    lasts_s: float
    want: Want = ANY


@dataclass(frozen=True)
class Done:
    """What became of a job."""

    arrived_s: float
    started_s: float
    ended_s: float
    fair_s: float
    """Its fair share: the work that was queued before it, and its own."""
    place: str

    @property
    def took_s(self) -> float:
        """From its arrival until it was done."""
        return self.ended_s - self.arrived_s

    @property
    def shares(self) -> float:
        """How many times its fair share it waited."""
        return (self.started_s - self.arrived_s) / self.fair_s


def boards(count: int) -> list[Place]:
    """Return so many equal boards."""
    return [Place(f"lab/{number}", "mps2-an386", "Cortex-M4F") for number in range(count)]


def batch(jobs: int, lengths_s: Sequence[float], seed: int) -> list[Arrival]:
    """Return jobs of lengths drawn with a seed, which come all at once."""
    draw = random.Random(seed)  # noqa: S311 - a simulation is to be repeated
    return [Arrival(0.0, draw.choice(lengths_s)) for _ in range(jobs)]


def poisson(
    jobs: int, lengths_s: Sequence[float], load: float, places: int, seed: int
) -> list[Arrival]:
    """Return jobs that come at random, as many as keep so much of the boards busy."""
    draw = random.Random(seed)  # noqa: S311
    rate = load * places / statistics.fmean(lengths_s)
    now_s, found = 0.0, []
    for _ in range(jobs):
        now_s += draw.expovariate(rate)
        found.append(Arrival(now_s, draw.choice(lengths_s)))
    return found


def in_turn(arrivals: Sequence[Arrival], places: Sequence[Place]) -> list[Done]:
    """Serve each job by the boards in turn, on each first come, first served: the yardstick."""
    free = dict.fromkeys((one.name for one in places), 0.0)
    found = []
    for number, job in enumerate(arrivals):
        board = places[number % len(places)]
        queued_s = max(0.0, free[board.name] - job.at_s)
        started_s = job.at_s + queued_s
        free[board.name] = started_s + job.lasts_s
        fair_s = queued_s + job.lasts_s
        found.append(Done(job.at_s, started_s, free[board.name], fair_s, board.name))
    return found


def by_policy(
    arrivals: Sequence[Arrival],
    places: Sequence[Place],
    estimates_s: Sequence[float] | None = None,
) -> list[Done | None]:
    """Serve jobs by policy.py; in the order of `arrivals`, None for one that no board fits.

    `estimates_s`: what is thought of each job's length; by default the truth.
    """
    thought = [job.lasts_s for job in arrivals] if estimates_s is None else estimates_s
    queues: dict[str, list[Waiting]] = {one.name: [] for one in places}
    until_s: dict[str, float] = {}
    fair: dict[int, float] = {}
    found: list[Done | None] = [None] * len(arrivals)
    events = [(job.at_s, 0, number, "") for number, job in enumerate(arrivals)]
    heapq.heapify(events)
    while events:
        now_s = events[0][0]
        while events and events[0][0] <= now_s:
            _, ends, number, name = heapq.heappop(events)
            if ends:
                del until_s[name]
                continue
            queued_s = {
                board: sum(one.estimate_s for one in queue)
                + max(0.0, until_s.get(board, now_s) - now_s)
                for board, queue in queues.items()
            }
            board = place(arrivals[number].want, places, queued_s)
            if board is None:
                continue
            fair[number] = queued_s[board.name] + thought[number]
            start_by_s = fair_start_s(now_s, queued_s[board.name], thought[number])
            want = arrivals[number].want
            queues[board.name].append(
                Waiting(number, thought[number], now_s, start_by_s, want=want)
            )
        for board, job in starts(places, queues, dict.fromkeys(until_s, False), now_s):
            for queue in queues.values():
                if job in queue:
                    queue.remove(job)
                    break
            lasts_s = arrivals[job.job].lasts_s
            until_s[board.name] = now_s + lasts_s
            heapq.heappush(events, (now_s + lasts_s, 1, job.job, board.name))
            found[job.job] = Done(job.arrived_s, now_s, now_s + lasts_s, fair[job.job], board.name)
    return found


def mean_s(done: Sequence[Done | None]) -> float:
    """Return the mean time from arrival to end."""
    return statistics.fmean(one.took_s for one in done if one is not None)


LENGTHS_S = (60.0, 120.0, 300.0, 600.0)


def gain(arrivals: Sequence[Arrival], places: Sequence[Place]) -> tuple[float, float]:
    """Return how many times sooner jobs are done than in turn, and the most shares one waited."""
    ours = by_policy(arrivals, places)
    most = max((one.shares for one in ours if one is not None), default=0.0)
    return mean_s(in_turn(arrivals, places)) / mean_s(ours), most
