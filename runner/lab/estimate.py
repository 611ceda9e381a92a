"""How long a job will take: as jobs like it took, else by payload over baud."""

import sqlite3
import statistics
from functools import cache

from tinybench.datasets.declaration import load_dataset
from tinybench.errors import TinybenchError

from ..build.task import load_task
from ..results.defaults import DEFAULT_BAUD
from ..rules import load_profile
from . import store
from .job import Job
from .policy import Place

BITS_A_BYTE = 10
"""On a serial line, with start and stop."""
CHARACTERS_A_BYTE = 2
"""Inputs are sent as hex digits."""
START_S = 10.0
"""To build the firmware, write it and shake hands; of jobs that were never seen."""
PROCESS_S = 10.0
"""Of a run on an emulated board, or a process, likewise."""


def estimate_s(db: sqlite3.Connection, job: Job, place: Place) -> float:
    """Return the seconds that a job is thought to take on a board.

    The median of the latest runs of its kind on this kind of board; on any; else computed.
    """
    for board in (place.kind, None):
        known = store.durations_s(db, job.kind, board)
        if known:
            return statistics.median(known)
    return computed_s(job, place)


def computed_s(job: Job, place: Place) -> float:
    """Return the seconds by payload over baud and the windows of the profile."""
    said = job.words
    task, profile = str(said.get("task", "")), str(said.get("profile", "mlperf-tiny"))
    limit = said.get("limit")
    mode = said.get("mode", "all") if "scenario" not in said else "scenario"
    return _computed_s(
        task,
        profile,
        str(mode),
        limit if isinstance(limit, int) else None,
        place.attached,
    )


@cache
def _computed_s(task: str, profile: str, mode: str, limit: int | None, attached: bool) -> float:
    try:
        asked, judged = load_task(task), load_profile(profile)
        inputs = load_dataset(asked.dataset).count
    except TinybenchError:
        return START_S
    line_s = asked.input_b * CHARACTERS_A_BYTE * BITS_A_BYTE / DEFAULT_BAUD
    sent = judged.windows
    if mode not in ("performance", "energy"):
        sent += min(inputs, judged.accuracy_inputs or inputs, limit or inputs)
    if not attached:  # what it takes is next to the build of its firmware
        return START_S + PROCESS_S
    windows_s = 0.0 if mode == "accuracy" else judged.windows * max(1.0, judged.window_min_s)
    return START_S + line_s * sent + windows_s + judged.cool_down_s
