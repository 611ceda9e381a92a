"""What jobs would be before they are submitted: how many, how long, and what is wrong with which
field of a form."""

import itertools
from collections.abc import Iterable
from typing import Any

import msgspec

from tinybench.declare import named
from tinybench.errors import UsageError

from ...build import board as boards
from ...build import task as tasks
from ...results.defaults import DIVISIONS, MODES, SCENARIOS
from ...rules import names as profiles
from .. import jobs_file
from ..job import AXES, RUN_WORDS, Job, insist, insist_clock
from ..jobs_file import Series, Submission
from ..leader.placing import left_s
from ..leader.state import Leader
from ..policy import fits, place

PLANNED_MOST = 500
"""Jobs of a submission that are placed to say how long it takes; the others take as long."""
CHECKED_MOST = 100
"""Of a form, so many combinations are checked while it is typed; all are when it is sent."""
NO_MODEL = "0" * 64


def choices(leader: Leader) -> dict[str, list[str]]:
    """Return what the fields of the form may be, of the package and of the boards here."""
    here = list(leader.places.values())
    return {
        "task": sorted(tasks.names()),
        "board": sorted({one.kind for one in here} | {one.name for one in here}),
        "other_board": sorted({*boards.names()} - {one.kind for one in here}),
        "core": sorted({one.core for one in here}),
        "tags": sorted({tag for one in here for tag in one.tags}),
        "mode": list(MODES),
        "scenario": list(SCENARIOS),
        "profile": sorted(profiles()),
        "division": list(DIVISIONS),
        "engine": list(named("firmware", "engines")),
        "with": sorted({*RUN_WORDS} - {*AXES}),
    }


def estimated(leader: Leader, submission: Submission, models: dict[str, str]) -> dict[str, Any]:
    """Return how many jobs these are, how long all take together, and until all may be done.

    They are placed as tier 1 would, behind what waits: `work_s`, `done_s`, on so many `boards`;
    `nowhere`: how many no board here fits.
    """
    queued_s = leader.work_s.copy()
    for name in leader.running:
        queued_s[name] = queued_s.get(name, 0.0) + left_s(leader, name)
    here, known_s = list(leader.places.values()), dict[tuple[str, str], float]()
    work_s, nowhere, placed = 0.0, 0, dict[str, float]()
    few = itertools.islice(
        (job for one in submission.series for job in jobs_file.jobs(one, models)), PLANNED_MOST
    )
    looked = 0
    for job in few:
        looked += 1
        board = place(job.want, here, queued_s)
        if board is None:
            nowhere += 1
            continue
        key = job.kind, board.kind
        if key not in known_s:
            known_s[key] = leader.estimate(leader.db, job, board)
        work_s += known_s[key]
        queued_s[board.name] = queued_s.get(board.name, 0.0) + known_s[key]
        placed[board.name] = queued_s[board.name]
    count = submission.count
    times = count / max(1, looked)
    return {
        "jobs": count,
        "work_s": round(work_s * times, 1),
        "done_s": round(max(placed.values(), default=0.0) * times, 1),
        "boards": len(placed),
        "nowhere": round(nowhere * times),
    }


def faults(leader: Leader, said: dict[str, Any]) -> dict[str, str]:
    """Return {field: what is wrong with it} of a series as a form has it; {} where it is right.

    A field is to blame without which the refusal is gone, the last such one; then the rest is
    looked at without it. Keys of `with` are fields of their own, such as "with.limit".
    """
    left = {k: v for k, v in said.items() if k != "with"}
    left |= {f"with.{k}": v for k, v in said.get("with", {}).items()}
    found: dict[str, str] = {}
    while (refusal := _refusal(leader, left)) is not None and len(found) < len(said) + 30:
        others = [name for name in left if name not in ("name", "task")]
        blamed = next(
            (
                name
                for name in reversed(others)
                if _refusal(leader, {k: v for k, v in left.items() if k != name}) != refusal
            ),
            "task",
        )
        found[blamed] = refusal
        if blamed == "task":
            break
        del left[blamed]
    return found


def series_of(said: dict[str, Any]) -> Series:
    """Return a series of plain data. Raises UsageError for what is none."""
    try:
        return msgspec.convert(said, Series)
    except msgspec.ValidationError as error:
        wanted = str(error).partition(" - at ")[0].replace("`", "")
        raise UsageError(f"{wanted[0].lower()}{wanted[1:]}") from None


def _refusal(leader: Leader, fields: dict[str, Any]) -> str | None:
    """Return why a lab would not take a series with these fields; None where it would."""
    plain = {k: v for k, v in fields.items() if not k.startswith("with.")}
    more = {k.removeprefix("with."): v for k, v in fields.items() if k.startswith("with.")}
    try:
        series = series_of({**plain, "with": more})
        jobs_file.insist_time(series)
        models = dict.fromkeys(jobs_file.models_of(series), NO_MODEL)
        few = jobs_file.to_check(Submission(series=[series], needs={}, models={}), models)
        insist_all(leader, [series], itertools.islice(few, CHECKED_MOST))
    except UsageError as error:
        return str(error)
    return None


def insist_all(leader: Leader, series: Iterable[Series], jobs: Iterable[Job]) -> None:
    """Raise UsageError for a job of these that no board could run, or a board that is none."""
    for job in jobs:
        insist(job)
        insist_board(leader, job)
    for one in series:
        for name in jobs_file.boards_of(one):
            insist_board(leader, Job(series=one.name, words={}, board=name))


def insist_board(leader: Leader, job: Job) -> None:
    """Raise UsageError for a board that is none of the package's, nor one of this lab."""
    name = job.board
    own = {one.name.rpartition("/")[2] for one in leader.places.values()}
    if name is not None and name not in {*boards.names(), *leader.places, *own}:
        known = [*boards.names(), *sorted(own), *leader.places]
        raise UsageError(f"job '{job.series}': {boards.no_board(name, known)}")
    for one in leader.places.values():
        if name is not None and "clock" in job.words and fits(job.want, one):
            insist_clock(job, one.kind)
