"""What jobs would be before they are submitted: how many, how long, and what is wrong with which
field of a form."""

import itertools
from typing import Any

import msgspec

from tinybench.declare import named
from tinybench.errors import UsageError
from tinybench.expected import in_words

from ...build import task as tasks
from ...results.defaults import DIVISIONS, MODES, SCENARIOS
from ...rules import names as profiles
from ...study.asking.options import STUDIES
from .. import jobs_file
from ..job import AXES, RUN_WORDS, insist, insist_clock
from ..jobs_file import Series, Submission
from ..leader import wishes
from ..leader.placing import left_s, thought_of
from ..leader.state import Leader
from ..policy import fits, place

PLANNED_MOST = 500
"""Jobs of a submission that are placed to say how long it takes; the others take as long."""
CHECKED_MOST = 100
"""Of a form, so many combinations are checked while it is typed; all are when it is sent."""
FIELDS_MOST, FAULTS_MOST = 100, 20
"""Of a form; each fault is sought field by field."""
NO_MODEL = "0" * 64


def choices(leader: Leader) -> dict[str, list[str]]:
    """Return what the fields of the form may be, of the package and of the boards here."""
    here = list(leader.places.values())
    return {
        "task": sorted(tasks.names()),
        "study": list(STUDIES),
        "board": sorted({one.kind for one in here} | {one.name for one in here}),
        "other_board": sorted(
            {one.kind for one in leader.known.values()} - {one.kind for one in here}
        ),
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
    here, known_s = list(leader.places.values()), dict[tuple[str, str, bool], float]()
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
        key = thought_of(job, board)
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
    more = said.get("with", {})
    if not isinstance(more, dict) or len(said) + len(more) > FIELDS_MOST:
        return {"with": f"it is words of a run, at most {FIELDS_MOST} with all other fields"}
    left = {k: v for k, v in said.items() if k != "with"}
    left |= {f"with.{k}": v for k, v in more.items()}
    found: dict[str, str] = {}
    for check in (_wrong, _nowhere):
        while (refusal := check(leader, left)) is not None and len(found) < FAULTS_MOST:
            others = [name for name in left if name not in ("name", "task", "study")]
            what = "study" if "study" in left else "task"
            blamed = next(
                (
                    name
                    for name in reversed(others)
                    if check(leader, {k: v for k, v in left.items() if k != name}) != refusal
                ),
                what,
            )
            found[blamed] = refusal
            if blamed == what:
                return found
            del left[blamed]
    return found


def series_of(said: dict[str, Any]) -> Series:
    """Return a series of plain data. Raises UsageError for what is none."""
    try:
        return msgspec.convert(said, Series)
    except msgspec.ValidationError as error:
        key, text = in_words(error, Series, said)
        raise UsageError(f"{key}: {text}" if key else text) from None


def _wrong(leader: Leader, fields: dict[str, Any]) -> str | None:
    """Return why no lab would take a series with these fields; None where one would."""
    try:
        series = _whole(fields)
        models = dict.fromkeys(jobs_file.models_of(series), NO_MODEL)
        _insist_jobs(leader, alone(series), models, CHECKED_MOST)
    except UsageError as error:
        return str(error)
    return None


def _nowhere(leader: Leader, fields: dict[str, Any]) -> str | None:
    """Return why no board of this lab ever fitted such a series; None where one did."""
    try:
        wishes.insist(jobs_file.wants(alone(_whole(fields))), list(leader.known.values()))
    except UsageError as error:
        return str(error)
    return None


def _whole(fields: dict[str, Any]) -> Series:
    plain = {k: v for k, v in fields.items() if not k.startswith("with.")}
    more = {k.removeprefix("with."): v for k, v in fields.items() if k.startswith("with.")}
    return series_of({**plain, "with": more})


def alone(series: Series) -> Submission:
    """Return a submission of one series."""
    return Submission(series=[series], needs={}, models={})


def insist_all(leader: Leader, submission: Submission, models: dict[str, str]) -> None:
    """Raise UsageError for what no run takes, and for what no board of the lab ever fitted."""
    _insist_jobs(leader, submission, models)
    wishes.insist(jobs_file.wants(submission), list(leader.known.values()))


def _insist_jobs(
    leader: Leader, submission: Submission, models: dict[str, str], most: int | None = None
) -> None:
    """`most`: of more combinations so many stand for all; None: as many as a lab checks."""
    for series in submission.series:
        jobs_file.insist_time(series)
    places = list(leader.known.values())
    for job in itertools.islice(jobs_file.to_check(submission, models), most):
        insist(job)
        for one in places:
            if job.board is not None and "clock" in job.words and fits(job.want, one):
                insist_clock(job, one.kind)
