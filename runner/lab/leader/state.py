"""What a leader knows: its workers, their boards, what runs and what waits."""

import asyncio
import sqlite3
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..estimate import estimate_s
from ..order import Told, Worker
from ..policy import Place, Waiting
from ..store import Row

if TYPE_CHECKING:
    from distributed import Client, Future


DECISIONS = 1000
WINDOW = 2000
"""Jobs that wait and are looked at, shared evenly by their wishes for boards; what is behind them
waits on disk."""
EACH_LEAST = 2
"""However many wishes there are, so many jobs of each are looked at ..."""
ROWS_MOST = 50_000
"""... and so many in all."""


@dataclass(frozen=True)
class Run:
    """A job that runs."""

    row: Row
    place: Place
    attempt: int
    address: str
    since_s: float
    """By the clock of the leader that knows no date."""
    estimate_s: float
    told: Told | None = None


@dataclass
class Seen:
    """A worker, as the leader knows it."""

    worker: Worker
    apart_s: float
    """How far its clock is from the leader's."""
    refused: str = ""
    """Why it gets no job."""
    heard: float | None = None
    """Its latest word, by the engine's count of time, which may jump."""
    silent_s: float = 0.0
    """How long there was no other, as the leader was awake."""


@dataclass(frozen=True)
class Away:
    """A board that its worker cannot reach."""

    place: Place
    why: str


@dataclass
class Counted:
    """What metrics count since the leader was started."""

    begun: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    late_results: int = 0
    wait_s: float = 0.0
    busy_s: dict[str, float] = field(default_factory=dict)


@dataclass
class Leader:
    """The state of a lab. All of it is touched by one thread, that of the event loop."""

    db: sqlite3.Connection
    folder: Path
    """Of what it keeps: runs/ below it."""
    lab: str
    say: Callable[..., None]
    estimate: Callable[[sqlite3.Connection, Any, Place], float] = estimate_s
    silent_s: float = 10.0
    """A worker that says nothing for so long is gone."""
    workers: dict[str, Seen] = field(default_factory=dict)
    strangers: dict[str, str] = field(default_factory=dict)
    """What joined and is no worker of a lab, and why it gets no job."""
    places: dict[str, Place] = field(default_factory=dict)
    away: dict[str, Away] = field(default_factory=dict)
    """Boards of workers that are here, that cannot be reached."""
    left: dict[str, tuple[Place, float]] = field(default_factory=dict)
    """Boards of workers that are gone, and since when (seconds since 1970)."""
    running: dict[str, Run] = field(default_factory=dict)
    queues: dict[str, list[Waiting]] = field(default_factory=dict)
    work_s: dict[str, float] = field(default_factory=dict)
    """What waits for each board, summed up."""
    moved: bool = False
    """Whether boards came or went since jobs were placed."""
    rows: dict[int, Row] = field(default_factory=dict)
    """Of the window."""
    held: Counter[str] = field(default_factory=Counter)
    """Of these, how many ask for the same boards."""
    looked_at: str = ""
    """The boards that were asked for last when jobs were sought on disk."""
    waits_for: dict[int, str] = field(default_factory=dict)
    """Of these, the board in whose queue each is."""
    unplaced: dict[int, str] = field(default_factory=dict)
    """Of these, those that no board here fits, and why."""
    counted: Counted = field(default_factory=Counted)
    trouble: str = ""
    """What keeps it from beginning jobs, such as a full disk."""
    began_s: float = field(default_factory=time.monotonic)
    known_s: dict[tuple[str, str, bool], float] = field(default_factory=dict)
    """How long jobs of a kind are thought to take on a kind of board, real or emulated."""
    stale: set[tuple[str, str, bool]] = field(default_factory=set)
    """Of these, of which there are newer runs."""
    renewed_s: float = 0.0
    """When what waiting jobs are thought to take was renewed last."""
    looked_s: float = field(default_factory=time.monotonic)
    """When it was last looked who is there."""
    avoid: dict[int, str] = field(default_factory=dict)
    """The board on which a job failed last."""
    unwritten: set[int] = field(default_factory=set)
    """Jobs whose results wait for a disk with room."""
    again_s: float = 0.0
    """When writing is tried again, after a trouble."""
    decided_s: deque[float] = field(default_factory=lambda: deque(maxlen=DECISIONS))
    """How long the latest decisions of tier 1 took, each with what it writes."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    client: "Client | None" = None
    futures: "dict[int, Future]" = field(default_factory=dict)
    following: "set[asyncio.Task[Any]]" = field(default_factory=set)

    @property
    def known(self) -> dict[str, Place]:
        """Every board that the lab has, or has had."""
        left = {name: place for name, (place, _) in self.left.items()}
        return {**left, **{name: one.place for name, one in self.away.items()}, **self.places}

    def share(self, wishes: Iterable[str]) -> int:
        """Return how many jobs of each wish are looked at, where these are added."""
        return max(EACH_LEAST, WINDOW // max(1, len(self.held.keys() | {*wishes})))

    def changed(self) -> None:
        """Look at the queue anew, soon."""
        self.wake.set()

    def follow(self, task: "asyncio.Task[Any]") -> None:
        """Hold a task until it is done, and cancel it when the lab ends."""
        self.following.add(task)
        task.add_done_callback(self.following.discard)
