"""What a lab says of itself: its boards, its queue, its results; plain data."""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from .. import store
from ..leader.reasons import absence, absent, why
from ..leader.state import Leader, Run
from ..policy import Place
from ..store import Row
from . import waits
from .words import verdict

QUEUE_MOST = 200
"""Jobs of the queue that are told; how many there are is told besides."""


def state(leader: Leader) -> dict[str, Any]:
    """Return what is now: boards, what runs on them, the queue in the order of its boards."""
    turn_of = waits.turns(leader)
    return {
        "trouble": leader.trouble,
        "boards": list(_boards(leader, turn_of)),
        "refused": [
            f"{seen.worker.name}: {seen.refused}"
            for seen in leader.workers.values()
            if seen.refused
        ]
        + [f"{address}: {said}" for address, said in leader.strangers.items()],
        "counts": store.counts(leader.db),
        "queue": _queue(leader, turn_of),
    }


def _boards(leader: Leader, turn_of: dict[int, waits.Turn]) -> Iterator[dict[str, Any]]:
    seen = {
        place.name: one
        for one in leader.workers.values()
        if not one.refused
        for place in one.worker.places
    }
    still, queues = waits.still(leader), dict[str, list[waits.Turn]]()
    for turn in turn_of.values():
        queues.setdefault(turn.board, []).append(turn)
    for name, place in sorted({**absent(leader), **leader.places}.items()):
        # What ran on a board that was pulled out holds it no more, whenever its run notices.
        run = leader.running.get(name) if name in leader.places else None
        its_worker = seen.get(name)
        queue = queues.get(name, [])
        silent_s = its_worker.silent_s if its_worker else 0.0
        condition, blamed = "busy" if run else "free", None
        if name not in leader.places:
            condition, blamed = "absent", absence(leader, name)
        elif silent_s > leader.silent_s / 2:
            condition = "silent"
            blamed = f"nothing is heard of its worker for {silent_s:.0f} s"
        elif name in still:
            condition, blamed = "quiet", f"kept still: {still[name]}"
        yield {
            **_place(place),
            "state": condition,
            "why": blamed,
            "runs": None if run is None else {**running(run), "who": _who(leader, run.row)},
            "waiting": len(queue),
            "waiting_s": round(sum(one.estimate_s for one in queue), 1),
            "clock_apart_s": round(its_worker.apart_s if its_worker else 0.0, 1),
        }


def _place(place: Place) -> dict[str, Any]:
    return {
        "name": place.name,
        "kind": place.kind,
        "core": place.core,
        "tags": sorted(place.tags),
        "quiet": place.quiet,
        "emulated": place.emulated,
        "monitors": sorted(place.monitors),
        "on_demand": place.on_demand,
        "stands_in": place.stands_in,
    }


def _who(leader: Leader, row: Row) -> str:
    return store.submitted(leader.db, row.submission)[0]


def running(run: Run) -> dict[str, Any]:
    """Return what runs on a board."""
    told = run.told
    since_s = time.monotonic() - run.since_s
    return {
        "job": run.row.id,
        "title": run.row.job.title,
        "attempt": run.attempt,
        "since": round(time.time() - since_s, 1),
        "since_s": round(since_s, 1),
        "estimate_s": round(run.estimate_s, 1),
        "left_s": _left_s(run, since_s),
        "note": told and told.doing,
        "done": told and told.done,
        "total": told and told.total,
        "latency_s": told and told.latency_s,
        "power_w": told and told.power_w,
        "modelled": told and told.modelled,
    }


def _left_s(run: Run, since_s: float) -> float | None:
    """Return how long it may still run: by the estimate, or once that is over by what is done.

    None: it takes longer than was thought, and has done nothing that could be counted.
    """
    left_s, told = run.estimate_s - since_s, run.told
    if left_s >= 1.0:
        return round(left_s, 1)
    if told and told.done and told.total:
        return round(since_s * max(0, told.total - told.done) / told.done, 1)
    return None


def _queue(leader: Leader, turn_of: dict[int, waits.Turn]) -> list[dict[str, Any]]:
    first = [job for job in turn_of if job in leader.rows][:QUEUE_MOST]
    first += sorted(one for one in leader.unplaced if one in leader.rows)[: QUEUE_MOST - len(first)]
    held = store.rows(leader.db, states=[store.HELD], most=max(0, QUEUE_MOST - len(first)))
    return jobs(leader, [*(leader.rows[job] for job in first), *reversed(held)], turn_of)


def jobs(
    leader: Leader, rows: Iterable[Row], turn_of: dict[int, waits.Turn] | None = None
) -> list[dict[str, Any]]:
    """Return jobs, each with who submitted it, and where, when and why it waits."""
    turn_of = waits.turns(leader) if turn_of is None else turn_of
    found, people = [], dict[int, str]()
    runs = {run.row.id: run for run in leader.running.values()}
    for row in rows:
        if row.submission not in people:
            people[row.submission] = _who(leader, row)
        turn = turn_of.get(row.id) if row.state == store.QUEUED else None
        found.append(
            {
                **job(row, why(leader, row)),
                "who": people[row.submission],
                "runs": running(runs[row.id]) if row.id in runs else None,
                "waits_for": turn and turn.board,
                "turn": turn and turn.number,
                "starts_s": turn and round(turn.starts_s, 1),
                "estimate_s": round(turn.estimate_s, 1) if turn else row.estimate,
            }
        )
    return found


def job(row: Row, waits: str | None = None) -> dict[str, Any]:
    """Return a job and what became of it; `waits`: why it waits, where it does."""
    return {
        "id": row.id,
        "submission": row.submission,
        "series": row.job.series,
        "title": row.job.title,
        "study": row.job.study,
        "part": row.job.part,
        "verdict": verdict(row.status, row.job.study) if row.state == store.DONE else None,
        "task": row.job.words.get("task"),
        "wants": row.job.want.words,
        "priority": row.job.priority,
        "state": row.state,
        "attempt": row.attempt,
        "place": row.place,
        "board": row.board,
        "submitted": row.at,
        "started": row.started,
        "ended": row.ended,
        "run_s": row.run_s,
        "status": row.status,
        "why": waits or row.why,
        "deadline": None if row.job.deadline_s is None else row.at + row.job.deadline_s,
        "promised": row.promised,
    }
