"""The metrics of a lab, as Prometheus reads them. Ref: text-based exposition format 0.0.4."""

import statistics
import time
from collections.abc import Mapping

from .. import store
from ..leader.reasons import absent
from ..leader.state import Leader

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def metrics(leader: Leader) -> str:
    """Return the metrics of a lab; a counter begins at 0 with the leader."""
    counts = store.counts(leader.db)
    counted = leader.counted
    busy = dict(counted.busy_s)
    now_s = time.monotonic()
    for name, run in leader.running.items():
        busy[name] = busy.get(name, 0.0) + now_s - run.since_s
    up_s = max(1e-9, now_s - leader.began_s)
    waits = {"_sum": counted.wait_s, "_count": counted.begun}
    boards = {f'board="{_label(name)}"': busy.get(name, 0.0) for name in leader.places}
    ended = {f'state="{one}"': counted.ended.get(one, 0) for one in store.ENDED}
    lines = [
        *_metric("jobs", "gauge", "Jobs by state.", {f'state="{k}"': v for k, v in counts.items()}),
        *_metric("queue_length", "gauge", "Jobs that wait.", {"": counts[store.QUEUED]}),
        *_metric("boards", "gauge", "Boards that can be reached.", {"": len(leader.places)}),
        *_metric("boards_absent", "gauge", "Boards that cannot be reached.",
                 {"": len(absent(leader))}),
        *_metric("boards_busy", "gauge", "Boards that run a job.",
                 {"": len(leader.running.keys() & leader.places.keys())}),
        *_metric("workers", "gauge", "Workers that are here.", {"": len(leader.workers)}),
        *_metric("jobs_begun_total", "counter", "Attempts that were begun.", {"": counted.begun}),
        *_metric("jobs_ended_total", "counter", "Jobs that ended, by how.", ended),
        *_metric("jobs_lost_total", "counter", "Attempts whose worker was lost.",
                 {"": counted.lost}),
        *_metric("late_results_total", "counter", "Results of attempts that did not count.",
                 {"": counted.late_results}),
        *_metric("wait_seconds", "summary", "From submission to the start of each attempt.", waits),
        *_metric("board_busy_seconds_total", "counter", "Time that a board ran jobs.", boards),
        *_metric("board_use_ratio", "gauge", "Share of the leader's time that a board ran jobs.",
                 {name: run_s / up_s for name, run_s in boards.items()}),
        *_metric("decision_seconds", "gauge", "Placing a job, the median of the latest.",
                 {"": statistics.median(leader.decided_s or [0.0])}),
        *_metric("trouble", "gauge", "1 where nothing begins, such as for a full disk.",
                 {"": int(bool(leader.trouble))}),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _metric(name: str, kind: str, help_: str, values: Mapping[str, float]) -> list[str]:
    """Return the lines of a metric; `values` by its labels, or by the ending of its name."""
    full = f"tinybench_lab_{name}"
    rows = [
        f"{full}{key if key.startswith('_') or not key else f'{{{key}}}'} {value:.12g}"
        for key, value in values.items()
    ]
    return [f"# HELP {full} {help_}", f"# TYPE {full} {kind}", *rows]


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
