"""Tier 1 at work: jobs from the queue on disk find their boards; anew where there are others."""

import time
from dataclasses import replace

import msgspec

from .. import store
from ..job import Job
from ..policy import Place, Waiting, Want, fair_start_s, place, with_deadline
from ..store import Row
from .reasons import without_board
from .state import ROWS_MOST, Leader

RENEW_S = 1.0
WISHES_A_STEP = 200
"""What jobs on disk ask for: of so many wishes jobs are sought in a step, of others in the next."""


def refill(leader: Leader) -> None:
    """Take jobs that wait on disk, and place them.

    Each wish for boards has its own share of the window: however many jobs wait for some boards,
    they stand before none that may run on others.
    """
    wishes = store.wishes(leader.db, leader.looked_at, WISHES_A_STEP)
    leader.looked_at = wishes[-1] if len(wishes) == WISHES_A_STEP else ""
    running = {run.row.id for run in leader.running.values()}
    most = leader.share(wishes)
    new: list[Row] = []
    for wish in wishes:
        if leader.held[wish] >= most or len(leader.rows) + len(new) >= ROWS_MOST:
            continue
        new += [
            row
            for job in store.waiting(leader.db, wish, most)
            if job not in leader.rows and job not in running
            if (row := store.row(leader.db, job)) is not None
        ]
    place_all(leader, sorted(new, key=lambda row: (-row.job.priority, row.id)))


def place_anew(leader: Leader) -> None:
    """Let every job that waits find its board again: there are others."""
    for name in leader.queues:
        drop(leader, name)
    rows, leader.rows = leader.rows, {}
    leader.held.clear()
    leader.unplaced.clear()
    leader.waits_for.clear()
    place_all(leader, list(rows.values()))


def forget(leader: Leader, job: int) -> None:
    """Take a job out of the queue in memory; what is on disk says whether it waits."""
    row = leader.rows.pop(job, None)
    if row is not None:
        leader.held[row.wish] -= 1
        if not leader.held[row.wish]:
            del leader.held[row.wish]
    leader.unplaced.pop(job, None)
    name = leader.waits_for.pop(job, None)
    if name is not None:
        leader.queues[name] = [one for one in leader.queues[name] if one.job != job]
        leader.work_s[name] = sum(one.estimate_s for one in leader.queues[name])


def drop(leader: Leader, name: str) -> None:
    """Let nothing wait for a board any more."""
    for one in leader.queues.get(name, []):
        leader.waits_for.pop(one.job, None)
    leader.queues[name], leader.work_s[name] = [], 0.0


def thought_s(leader: Leader, row: Row, board: Place) -> float:
    """Return how long a job is thought to take on a board."""
    key = thought_of(row.job, board)
    if key not in leader.known_s:
        leader.known_s[key] = leader.estimate(leader.db, row.job, board)
    return leader.known_s[key]


def thought_of(job: Job, board: Place) -> tuple[str, str, bool]:
    """Return what decides how long a job takes: jobs and boards that have it in common."""
    return job.kind, board.kind, board.emulated


def renew(leader: Leader) -> None:
    """Think anew how long waiting jobs take, where there are newer runs; what is promised stands.

    At most each RENEW_S: it looks at every job that waits.
    """
    now_s = time.monotonic()
    if not leader.stale or now_s - leader.renewed_s < RENEW_S:
        return
    kinds = {kind for kind, _, _ in leader.stale}
    boards = {key[1:] for key in leader.stale}
    leader.renewed_s = now_s
    leader.stale.clear()
    for key in [one for one in leader.known_s if one[0] in kinds or one[1:] in boards]:
        del leader.known_s[key]
    for name, queue in leader.queues.items():
        if queue:
            place = leader.places[name]
            thought = [thought_s(leader, leader.rows[one.job], place) for one in queue]
            leader.queues[name] = [
                replace(one, estimate_s=took_s) for one, took_s in zip(queue, thought, strict=True)
            ]
            leader.work_s[name] = sum(thought)


def left_s(leader: Leader, name: str) -> float:
    """Return how long what runs on a board will still take."""
    run = leader.running.get(name)
    if run is None:
        return 0.0
    return max(0.0, run.estimate_s - (time.monotonic() - run.since_s))


def place_all(leader: Leader, rows: list[Row]) -> None:
    """Place jobs one after the other; the work of each board is summed up once, and kept up."""
    if not rows:
        return
    start_s = time.perf_counter()
    places = list(leader.places.values())
    queued_s = leader.work_s.copy()
    for name in leader.running:
        queued_s[name] = queued_s.get(name, 0.0) + left_s(leader, name)
    reasons: dict[Want, str] = {}
    for row in rows:
        leader.rows[row.id] = row
        leader.held[row.wish] += 1
        want = row.job.want
        board = None if want in reasons else _board_of(leader, row, places, queued_s)
        if board is None:
            if want not in reasons:
                reasons[want] = without_board(leader, want)
            leader.unplaced[row.id] = reasons[want]
        else:
            leader.unplaced.pop(row.id, None)
            before_s = queued_s.get(board.name, 0.0)
            queued_s[board.name] = before_s + _queue(leader, row, board, before_s)
    leader.decided_s.append((time.perf_counter() - start_s) / len(rows))


def _board_of(
    leader: Leader, row: Row, places: list[Place], queued_s: dict[str, float]
) -> Place | None:
    """Return the fitting board with the least work; not that on which the job failed, if it can."""
    want, avoided = row.job.want, leader.avoid.get(row.id)
    if avoided is not None:
        others = [one for one in places if one.name != avoided]
        if (board := place(want, others, queued_s)) is not None:
            return board
    return place(want, places, queued_s)


def _queue(leader: Leader, row: Row, board: Place, queued_s: float) -> float:
    """Let a job wait for a board; return how long it is thought to take there."""
    took_s = thought_s(leader, row, board)
    start_by_s = row.start_by
    if start_by_s is None:
        start_by_s = fair_start_s(row.at, queued_s, took_s)
    told = row.job
    job = Waiting(row.id, took_s, row.at, start_by_s, told.priority, told.quiet, told.want)
    queue = leader.queues[board.name]
    promised = None
    if told.deadline_s is not None and row.start_by is None:
        free_s = time.time() + left_s(leader, board.name)
        kept = with_deadline(job, row.at + told.deadline_s, queue, free_s)
        promised = kept is not None
        if not promised:
            leader.say("deadline cannot be promised", job=row.id, place=board.name)
        job = kept or job
    if row.start_by is None:
        store.promise(leader.db, row.id, job.start_by_s, promised)
        leader.rows[row.id] = msgspec.structs.replace(
            row, start_by=job.start_by_s, promised=promised
        )
    queue.append(job)
    leader.waits_for[row.id] = board.name
    leader.work_s[board.name] = leader.work_s.get(board.name, 0.0) + took_s
    return took_s
