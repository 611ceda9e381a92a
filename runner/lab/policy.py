"""Which board a job waits for, and which job a board takes next: two tiers, as pure functions.

Tier 1 places a job on the fitting board with the least queued work. Tier 2 lets a board take its
shortest job, unless another would then start later than three times its fair share. The share of a
job is what first come, first served would give it on its board: the work that is queued there when
it comes, and its own. Where estimates are right no job waits longer, whatever comes after it: when
it comes it can be served last of all in time, and each choice after that leaves every waiting job
in time (Jackson's order, which has the least lateness of any, is what proves it).

Nothing that runs is ever stopped for another job.

Ref: two tiers, of InferBench (queue-aware placement, then shortest job first).
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

FAIR = 3.0
"""No job waits longer than so many times its fair share."""
PRIORITY_MOST = 8
"""A step of priority counts as half of a job's length, so that none starves by it."""


@dataclass(frozen=True)
class Place:
    """A board of the lab, which one job has at a time."""

    name: str
    """Unique in the lab: "worker/board"."""
    kind: str
    """Its declaration, such as nucleo-l4r5."""
    core: str
    tags: frozenset[str] = frozenset()
    quiet: str | None = None
    """The group of boards that disturb one another's energy: of a hub, or of a host."""
    emulated: bool = False
    """Whether its time is a count."""
    attached: bool = True
    """Whether it is on a serial line; else it is a process of its computer."""
    monitors: frozenset[str] = frozenset()
    """What can measure its energy, by each of its names; of an emulated board "modelled"."""
    on_demand: bool = False
    """Whether it is for jobs alone that ask for emulation: the emulator of a board that is there
    for real."""
    stands_in: bool = False
    """Whether it is the emulator of a board that may be a real one, elsewhere if not here."""


@dataclass(frozen=True)
class Want:
    """Which boards will do; all that is named must fit, and nothing named is any board."""

    board: str | None = None
    """A kind of board, one board of any worker, or "worker/board"."""
    core: str | None = None
    tags: frozenset[str] = frozenset()
    emulate: bool = False
    """An emulator, also of a board that is there for real."""
    energy: bool = False
    """One whose energy can be measured, or is modelled ..."""
    monitor: str | None = None
    """... by this monitor."""
    as_asked: bool = False
    """A real one, where such a board may be one and no emulator is asked for: what is done on
    several is gathered, and is not half measured and half emulated."""

    @property
    def words(self) -> str:
        """What is wanted, for a person."""
        named = [f"board {self.board}"] * bool(self.board) + [f"core {self.core}"] * bool(self.core)
        named += [f"tags {', '.join(sorted(self.tags))}"] * bool(self.tags)
        named += ["emulated"] * self.emulate
        named += [f"energy by {self.monitor or 'any monitor'}"] * self.energy
        return ", ".join(named) or "any board"


@dataclass(frozen=True)
class Waiting:
    """A job in the queue of a board; times in seconds of one clock."""

    job: int
    estimate_s: float
    arrived_s: float
    start_by_s: float = math.inf
    """Its fair start at the latest, or earlier, by a deadline that can be kept."""
    priority: int = 0
    quiet: bool = False
    """Whether it measures energy: nothing else may run in the board's quiet group then."""
    want: Want = field(default_factory=Want)

    @property
    def due_s(self) -> float:
        """When it is to be done at the latest."""
        return self.start_by_s + self.estimate_s

    @property
    def rank(self) -> tuple[float, float, int]:
        """The lowest goes first, where all are in time."""
        return math.ldexp(self.estimate_s, -self.priority), self.arrived_s, self.job


def fits(want: Want, place: Place) -> bool:
    """Return whether a board is one of those that are wanted."""
    named = want.board is None or want.board in (
        place.name,
        place.kind,
        place.name.rpartition("/")[2],
    )
    return (
        named
        and (want.core is None or want.core == place.core)
        and want.tags <= place.tags
        and (place.emulated if want.emulate else not place.on_demand)
        and not (want.as_asked and place.stands_in)
        and (not want.energy or _measured(want.monitor, place))
    )


def _measured(monitor: str | None, place: Place) -> bool:
    return bool(place.monitors) if monitor is None else monitor in place.monitors


def place(want: Want, places: Iterable[Place], queued_s: Mapping[str, float]) -> Place | None:
    """Tier 1: return the fitting board with the least queued work, the first of equals; or None.

    `queued_s`: of each board the estimated work that waits there, and what is left of what runs.
    """
    best, least_s = None, math.inf
    for one in places:
        work_s = queued_s.get(one.name, 0.0)
        if work_s < least_s and fits(want, one):
            best, least_s = one, work_s
            if work_s <= 0:  # there is nothing less
                break
    return best


def fair_start_s(now_s: float, queued_s: float, estimate_s: float) -> float:
    """Return when a job that comes now to a board with so much work must have begun."""
    return now_s + FAIR * (queued_s + estimate_s)


def in_time(queue: Collection[Waiting], from_s: float) -> bool:
    """Return whether all jobs can start in time when the board is free at `from_s`."""
    for one in sorted(queue, key=lambda one: one.due_s):
        if from_s > one.start_by_s:
            return False
        from_s += one.estimate_s
    return True


def next_of(queue: Sequence[Waiting], now_s: float) -> Waiting | None:
    """Tier 2: return the job that a free board takes next.

    The shortest, priority counted in, if all others can still start in time behind it; else the
    one that is due first.
    """
    if not queue:
        return None
    first = min(queue, key=lambda one: one.rank)
    others = [one for one in queue if one is not first]
    if now_s <= first.start_by_s and in_time(others, now_s + first.estimate_s):
        return first
    return min(queue, key=lambda one: (one.due_s, one.job))


def with_deadline(
    job: Waiting, deadline_s: float, queue: Collection[Waiting], free_s: float
) -> Waiting | None:
    """Return a job that is to be done by `deadline_s`; None where that cannot be promised.

    It can where every job of its board, itself too, is in time from when the board is free: what
    was promised to others stands.
    """
    sooner = Waiting(
        job.job,
        job.estimate_s,
        job.arrived_s,
        min(job.start_by_s, deadline_s - job.estimate_s),
        job.priority,
        job.quiet,
        job.want,
    )
    return sooner if in_time([*queue, sooner], free_s) else None


def starts(
    places: Sequence[Place],
    queues: Mapping[str, Sequence[Waiting]],
    running: Mapping[str, bool],
    now_s: float,
) -> list[tuple[Place, Waiting]]:
    """Return what begins now, and where: on each free board its next job, or another's.

    `running`: of each busy board whether its job is a quiet one. A board without a queue takes
    the next fitting job of the fullest one. A quiet job begins when nothing runs in its board's
    quiet group, of several the one that came first; until then nothing else begins there.
    """
    found = list(_picked(places, queues, running, now_s))
    groups = {one.name: one.quiet for one in places}
    loud = {groups.get(name) for name in running} - {None}
    held = {groups.get(name) for name, quiet in running.items() if quiet} - {None}
    begun = []
    for board, job in sorted(found, key=lambda one: (not one[1].quiet, one[1].arrived_s)):
        group = board.quiet
        if group is None:
            begun.append((board, job))
        elif group in held:
            continue
        elif not job.quiet:
            begun.append((board, job))
            loud.add(group)
        else:
            held.add(group)
            if group not in loud:
                begun.append((board, job))
    return begun


def _picked(
    places: Sequence[Place],
    queues: Mapping[str, Sequence[Waiting]],
    running: Mapping[str, bool],
    now_s: float,
) -> Iterable[tuple[Place, Waiting]]:
    """Yield of each free board the job that it would begin; no job twice."""
    idle = []
    taken: set[int] = set()
    for one in places:
        if one.name in running:
            continue
        job = next_of(queues.get(one.name, ()), now_s)
        if job is None:
            idle.append(one)
        else:
            taken.add(job.job)
            yield one, job
    if not idle:
        return
    full = sorted(
        (queue for queue in queues.values() if queue),
        key=lambda queue: -sum(one.estimate_s for one in queue),
    )
    for one in idle:
        for queue in full:
            left = [job for job in queue if job.job not in taken and fits(job.want, one)]
            job = next_of(left, now_s)
            if job is not None:
                taken.add(job.job)
                yield one, job
                break
