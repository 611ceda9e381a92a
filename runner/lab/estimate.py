"""How long a job will take: as jobs like it took, else by payload over baud."""

import sqlite3
import statistics
from functools import cache

from tinybench.datasets.declaration import load_dataset
from tinybench.errors import TinybenchError

from ..build.board import load_board
from ..build.task import load_task
from ..results.defaults import DEFAULT_BAUD
from ..rules import load_profile
from .job import Job
from .leader import memory
from .policy import Place

BITS_A_BYTE = 10
"""On a serial line, with start and stop."""
CHARACTERS_A_BYTE = 2
"""Inputs are sent as hex digits."""
START_S = 10.0
"""To build the firmware, write it and shake hands; of jobs that were never seen."""
PROCESS_S = 10.0
"""Of a run as a process of this computer, likewise."""
STUDY_S = 600.0
"""Of a study that was never done; its parts share it."""
INSTRUCTIONS = 5_000_000
"""Of an inference on an emulated board, before one was ever run: as kws takes on a Cortex-M4."""
INSTRUCTIONS_A_S = 200_000_000
"""That an emulator runs, about."""


def estimate_s(db: sqlite3.Connection, job: Job, place: Place) -> float:
    """Return the seconds that a job is thought to take on a board.

    The median of the latest runs of its kind on this kind of board; else what is computed, times
    how much longer than computed runs of its task and model took there; else the median of runs of
    its kind on any; else what is computed. Emulated and other boards tell nothing of each other.
    Of a study nothing is computed, and it tells nothing of runs.
    """
    if known := memory.durations_s(db, job.kind, place.kind, emulated=place.emulated):
        return statistics.median(known)
    if job.study is not None:
        known = memory.durations_s(db, job.kind, emulated=place.emulated)
        return statistics.median(known) if known else START_S + STUDY_S / job.parts
    alike = (job.words.get("task"), job.model)
    ratios = [
        run_s / computed_s(one, place)
        for one, run_s in memory.latest(db, place.kind, emulated=place.emulated)
        if one.study is None and (one.words.get("task"), one.model) == alike
    ]
    if ratios:
        return computed_s(job, place) * statistics.median(ratios[: memory.RECENT])
    if known := memory.durations_s(db, job.kind, emulated=place.emulated):
        return statistics.median(known)
    return computed_s(job, place)


def computed_s(job: Job, place: Place) -> float:
    """Return the seconds by payload over baud and the windows of the profile.

    Of an emulated board by instructions: those of the windows, which last so long by its count, and
    some for each input.
    """
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
        _instruction_s(place.kind) if place.emulated else 0.0,
    )


@cache
def _instruction_s(kind: str) -> float:
    """Return the emulated time that an instruction takes; 0 where that is not known."""
    try:
        return load_board(kind, emulate=True).instruction_ns * 1e-9
    except TinybenchError:
        return 0.0


@cache
def _computed_s(
    task: str, profile: str, mode: str, limit: int | None, attached: bool, instruction_s: float
) -> float:
    try:
        asked, judged = load_task(task), load_profile(profile)
        inputs = load_dataset(asked.dataset).count
    except TinybenchError:
        return START_S
    line_s = asked.input_b * CHARACTERS_A_BYTE * BITS_A_BYTE / DEFAULT_BAUD
    sent = judged.windows
    if mode not in ("performance", "energy"):
        sent += min(inputs, judged.accuracy_inputs or inputs, limit or inputs)
    if not attached and not instruction_s:  # what it takes is next to the build
        return START_S + PROCESS_S
    windows_s = 0.0 if mode == "accuracy" else judged.windows * max(1.0, judged.window_min_s)
    if instruction_s:
        return START_S + (windows_s / instruction_s + sent * INSTRUCTIONS) / INSTRUCTIONS_A_S
    return START_S + line_s * sent + windows_s + judged.cool_down_s
