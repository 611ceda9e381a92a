"""What a lab says of itself: its boards, its queue, its results, and its metrics; plain data."""

import statistics
import time
from collections.abc import Iterator
from typing import Any

from .. import store
from ..leader.state import Leader, Run
from ..store import Row

QUEUE_MOST = 200
"""Jobs of the queue that are told; how many there are is told besides."""
RATE_OVER = 1e-9


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
    for name, place in sorted(leader.places.items()):
        run = leader.running.get(name)
        waits = leader.queues.get(name, [])
        yield {
            "name": name,
            "kind": place.kind,
            "core": place.core,
            "tags": sorted(place.tags),
            "quiet": place.quiet,
            "emulated": place.emulated,
            "state": "busy" if run else "free",
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
                yield {**job(row), "waits_for": name, "estimate_s": round(one.estimate_s, 1)}
    for number in sorted(leader.unplaced)[:left]:
        row = leader.rows.get(number)
        if row is not None:
            yield {**job(row), "waits_for": None, "wants": row.job.want.words}


def job(row: Row) -> dict[str, Any]:
    """Return a job and what became of it."""
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
        "why": row.why,
    }


def metrics(leader: Leader) -> str:
    """Return the metrics of a lab. Ref: Prometheus text format 0.0.4."""
    counts = store.counts(leader.db)
    counted = leader.counted
    now_s = time.monotonic()
    busy = dict(counted.busy_s)
    for name, run in leader.running.items():
        busy[name] = busy.get(name, 0.0) + now_s - run.since_s
    up_s = max(RATE_OVER, now_s - leader.began_s)
    lines = [
        *_metric("jobs", "gauge", "Jobs by state.", {f'state="{k}"': v for k, v in counts.items()}),
        *_metric("queue_length", "gauge", "Jobs that wait.", {"": counts[store.QUEUED]}),
        *_metric("boards", "gauge", "Boards of the lab.", {"": len(leader.places)}),
        *_metric("boards_busy", "gauge", "Boards that run a job.", {"": len(leader.running)}),
        *_metric("jobs_begun_total", "counter", "Attempts since the start.", {"": counted.begun}),
        *_metric(
            "jobs_ended_total", "counter", "Jobs that ended since the start.",
            {f'state="{k}"': v for k, v in sorted(counted.ended.items())} or {'state="done"': 0},
        ),
        *_metric("jobs_lost_total", "counter", "Attempts whose worker was lost.",
                 {"": counted.lost}),
        *_metric("late_results_total", "counter", "Results of attempts that did not count.",
                 {"": counted.late_results}),
        *_metric("wait_seconds_sum", "counter", "From submission to start, summed.",
                 {"": counted.wait_s}),
        *_metric(
            "board_use_ratio", "gauge", "Share of the time since the start that a board ran.",
            {f'board="{_label(name)}"': busy.get(name, 0.0) / up_s for name in leader.places},
        ),
        *_metric("decision_seconds", "gauge", "Placing a job, the median of the latest.",
                 {"": statistics.median(leader.decided_s or [0.0])}),
        *_metric("trouble", "gauge", "1 where nothing begins, such as for a full disk.",
                 {"": int(bool(leader.trouble))}),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _metric(name: str, kind: str, help_: str, values: dict[str, float]) -> list[str]:
    full = f"tinybench_lab_{name}"
    rows = [f"{full}{{{labels}}} {v:g}" if labels else f"{full} {v:g}"
            for labels, v in values.items()]  # fmt: skip
    return [f"# HELP {full} {help_}", f"# TYPE {full} {kind}", *rows]


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
