"""What a lab says of itself: its boards, its queue, its results; plain data."""

import time
from collections.abc import Iterator
from typing import Any

from .. import store
from ..leader.reasons import why
from ..leader.state import Leader, Run
from ..store import Row

QUEUE_MOST = 200
"""Jobs of the queue that are told; how many there are is told besides."""


def state(leader: Leader) -> dict[str, Any]:
    """Return what is now: boards, what runs on them, the queue in the order of its boards."""
    counts = store.counts(leader.db)
    return {
        "trouble": leader.trouble,
        "boards": list(_boards(leader)),
        "refused": [
            f"{seen.worker.name}: {seen.refused}"
            for seen in leader.workers.values()
            if seen.refused
        ],
        "counts": counts,
        "queue": list(_queue(leader)),
    }


def _boards(leader: Leader) -> Iterator[dict[str, Any]]:
    apart = {
        place.name: seen.apart_s
        for seen in leader.workers.values()
        if not seen.refused
        for place in seen.worker.places
    }
    away = {name: one.place for name, one in leader.away.items()}
    for name, place in sorted({**leader.places, **away}.items()):
        run = leader.running.get(name)
        waits = leader.queues.get(name, [])
        yield {
            "name": name,
            "kind": place.kind,
            "core": place.core,
            "tags": sorted(place.tags),
            "quiet": place.quiet,
            "emulated": place.emulated,
            "state": "busy" if run else "absent" if name in away else "free",
            "why": leader.away[name].why if name in away else None,
            "runs": None if run is None else running(run),
            "waiting": len(waits),
            "waiting_s": round(sum(one.estimate_s for one in waits), 1),
            "clock_apart_s": round(apart.get(name, 0.0), 1),
        }


def running(run: Run) -> dict[str, Any]:
    """Return what runs on a board."""
    told = run.told
    return {
        "job": run.row.id,
        "title": run.row.job.title,
        "attempt": run.attempt,
        "since_s": round(time.monotonic() - run.since_s, 1),
        "estimate_s": round(run.estimate_s, 1),
        "note": told and told.note,
        "done": told and told.done,
        "total": told and told.total,
        "latency_s": told and told.latency_s,
        "power_w": told and told.power_w,
        "modelled": told and told.modelled,
    }


def _queue(leader: Leader) -> Iterator[dict[str, Any]]:
    left = QUEUE_MOST
    for name, queue in sorted(leader.queues.items()):
        for one in sorted(queue, key=lambda one: one.rank)[:left]:
            left -= 1
            row = leader.rows.get(one.job)
            if row is not None:
                told = job(row, why(leader, row))
                yield {**told, "waits_for": name, "estimate_s": round(one.estimate_s, 1)}
    for number in sorted(leader.unplaced)[:left]:
        row = leader.rows.get(number)
        if row is not None:
            yield {**job(row, why(leader, row)), "waits_for": None, "wants": row.job.want.words}


def job(row: Row, waits: str | None = None) -> dict[str, Any]:
    """Return a job and what became of it; `waits`: why it waits, where it does."""
    return {
        "id": row.id,
        "submission": row.submission,
        "series": row.job.series,
        "title": row.job.title,
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
