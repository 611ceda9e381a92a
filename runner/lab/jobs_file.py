"""jobs.toml: a few lines that stand for many jobs; read, counted, and only then made."""

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from tinybench.declare import Declaration, load, nearest
from tinybench.errors import DeclarationError, UsageError
from tinybench.files import read_bytes

from ..results.defaults import seconds
from .job import MODEL_MOST_B, Job, Part, Said, Text, insist
from .policy import PRIORITY_MOST, Want

AXIS_MOST, SERIES_MOST, MODELS_MOST = 1000, 1000, 10_000
ASKED_FROM = 1000
"""So many jobs at once are asked about before they are queued."""
JOBS_MOST = 1_000_000
CHECKED_MOST = 2000
"""Of jobs that differ in words, how many are each held against what a run takes."""
Many = Text | Annotated[list[Text], Meta(min_length=1, max_length=AXIS_MOST)]


class Series(Declaration, frozen=True, kw_only=True):
    """Jobs of one name: every combination of what it lists."""

    name: Text
    task: Many | None = None
    """A run has one; a study may have none."""
    study: Many | None = None
    """In place of a run: noise, classic, compress, sparsity, quantisation or sweep."""
    parts: Part = 1
    """That a study is dealt out into, each a job."""
    part: Part | None = None
    """Of these the only one that is done, such as one that failed."""
    csv: Many | None = None
    """Files of rows that a study learns from, from the folder of jobs.toml."""
    board: Many | None = None
    """Kinds of board, or boards of the lab; each is a job."""
    core: Many | None = None
    tags: Annotated[list[Text], Meta(max_length=16)] = []
    """A board has them all."""
    model: Many | None = None
    """Files, from the folder of jobs.toml."""
    mode: Many | None = None
    scenario: Many | None = None
    profile: Many | None = None
    division: Many | None = None
    engine: Many | None = None
    clock: Many | None = None
    """Such as "80MHz", of the boards that are named: their firmware is built for it."""
    emulate: bool = False
    with_: dict[Text, Said] = msgspec.field(name="with", default={})
    """Further words of a run, such as limit = 20; of a study its options."""
    repeat: Annotated[int, Meta(ge=1, le=JOBS_MOST)] = 1
    priority: Annotated[int, Meta(ge=-PRIORITY_MOST, le=PRIORITY_MOST)] = 0
    deadline: Text | None = None
    """Such as "2h": to be done so long after it was submitted."""
    quiet: bool | None = None
    """Nothing beside it in its board's quiet group; by default where a monitor is named."""
    needs: list[Text] = []
    """Names of series that are done before."""


class JobsFile(Declaration, frozen=True, kw_only=True):
    """What a jobs.toml says."""

    jobs: Annotated[list[Series], Meta(min_length=1, max_length=SERIES_MOST)]


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent to a leader: jobs as they are, needs between their series, bytes of files."""

    series: Annotated[list[Series], Meta(min_length=1, max_length=SERIES_MOST)]
    needs: Annotated[
        dict[Text, Annotated[list[Text], Meta(max_length=SERIES_MOST)]],
        Meta(max_length=SERIES_MOST),
    ]
    models: Annotated[dict[Text, tuple[str, bytes]], Meta(max_length=MODELS_MOST)]
    """And rows of one's own. By the path in jobs.toml: SHA-256 and bytes."""

    @property
    def count(self) -> int:
        """How many jobs it stands for."""
        return sum(count(one) for one in self.series)


def read(path: Path) -> Submission:
    """Read a jobs.toml and the models it names; nothing is made of it yet.

    Raises DeclarationError for what is wrong on paper: an unknown key, a need of no series, a
    circle of needs, more than JOBS_MOST jobs; UsageError for a word that no run takes.
    """
    told = load(path, JobsFile)
    needs = {one.name: list(one.needs) for one in told.jobs if one.needs}
    try:
        insist_needs([one.name for one in told.jobs], needs)
    except UsageError as error:
        raise DeclarationError(f"{path}: {error}") from None
    models: dict[str, tuple[str, bytes]] = {}
    for one in told.jobs:
        for name in models_of(one):
            if name not in models:
                models[name] = sent(path.parent / name, rows=name in _many(one.csv))
        try:
            insist_time(one)
        except UsageError as error:
            raise DeclarationError(f"{path}: job '{one.name}': {error}") from error
    found = Submission(series=told.jobs, needs=needs, models=models)
    if found.count > JOBS_MOST:
        raise DeclarationError(
            f"{path}: it stands for {found.count:,} jobs, and a lab takes {JOBS_MOST:,} at once: "
            "split it"
        )
    for job in to_check(found, checked_models(found)):
        try:
            insist(job)
        except UsageError as error:
            raise UsageError(f"{path}: job '{job.series}': {error}") from error
    return found


def insist_needs(names: list[str], needs: dict[str, list[str]]) -> None:
    """Raise UsageError for two series of one name, a need of none of them, a circle of needs."""
    if (twice := next((name for name in names if names.count(name) > 1), None)) is not None:
        raise UsageError(f"two jobs are named '{twice}': give each its own name")
    if (stray := next((name for name in needs if name not in names), None)) is not None:
        raise UsageError(f"needs of '{stray}', which is no job: {nearest(stray, names)}")
    for name, wanted in needs.items():
        for other in wanted:
            if other not in names:
                raise UsageError(
                    f"job '{name}' needs '{other}', which is none of them: {nearest(other, names)}"
                )
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        circle = " needs ".join(f"'{name}'" for name in reversed(error.args[1]))
        raise UsageError(f"{circle}: none of them could ever begin; take one need away") from None


def checked_models(submission: Submission) -> dict[str, str]:
    """Return {name: SHA-256} of the models of a submission.

    Raises UsageError where one is missing, or is not what is said of it.
    """
    for name, (sha256, data) in submission.models.items():
        if hashlib.sha256(data).hexdigest() != sha256 or len(data) > MODEL_MOST_B:
            raise UsageError(f"file '{name}': its bytes are not those of its SHA-256")
    for one in submission.series:
        for name in models_of(one):
            if name not in submission.models:
                raise UsageError(f"job '{one.name}': file '{name}' was not sent with it")
    return {name: sha256 for name, (sha256, _) in submission.models.items()}


def to_check(submission: Submission, models: dict[str, str]) -> Iterator[Job]:
    """Yield jobs that stand for all that differ in their words, CHECKED_MOST at most."""
    return itertools.islice(_different(submission.series, models), CHECKED_MOST)


def wants(submission: Submission) -> Iterator[tuple[str, Want]]:
    """Yield which boards the jobs of a submission ask for, each once, with its series.

    CHECKED_MOST of each series at most: of more boards by cores the first stand for all.
    """
    for one in submission.series:
        plain = replace(one, repeat=1, model=None, csv=None, clock=None, parts=1, part=None)
        plain = replace(plain, task=_many(one.task)[:1] or None)
        plain = replace(plain, scenario=None, profile=None, division=None, engine=None)
        first = itertools.islice(jobs(plain, {}), CHECKED_MOST)
        for want in dict.fromkeys(job.want for job in first):
            yield one.name, want


def models_of(series: Series) -> list[str]:
    """Return the files that a series names: of models, and of rows."""
    return [*_many(series.model), *_many(series.csv)]


def insist_time(one: Series) -> None:
    """Raise UsageError for a deadline that is none."""
    if one.deadline is None:
        return
    try:
        told_s = seconds(one.deadline)
    except UsageError as error:
        raise UsageError(f"deadline: {error}") from error
    if told_s <= 0:
        raise UsageError("a deadline is later than now")


def sent(path: Path, *, rows: bool = False) -> tuple[str, bytes]:
    """Return what is sent of a model, or of rows: SHA-256 and bytes. Raises UsageError."""
    try:
        data = read_bytes(path, MODEL_MOST_B)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not rows and data[4:8] != b"TFL3":
        raise UsageError(f"{path}: no .tflite: it does not say TFL3 at its fifth byte")
    if rows and not data:
        raise UsageError(f"{path}: no rows in it")
    return hashlib.sha256(data).hexdigest(), data


def count(series: Series) -> int:
    """Return how many jobs a series stands for."""
    found = series.repeat * len(_parts(series))
    for values in _axes(series).values():
        found *= len(values)
    return found


def jobs(series: Series, models: dict[str, str]) -> Iterator[Job]:
    """Yield every job of a series, all of them once before any is repeated.

    `models`: SHA-256 by the name in the series.
    """
    quiet = series.quiet if series.quiet is not None else "monitor" in series.with_
    deadline_s = None if series.deadline is None else seconds(series.deadline)
    axes = _axes(series)
    for _ in range(series.repeat):
        for chosen, part in itertools.product(itertools.product(*axes.values()), _parts(series)):
            said: dict[str, Any] = dict(zip(axes, chosen, strict=True))
            board, core, study = (said.pop(name, None) for name in ("board", "core", "study"))
            model, csv = said.pop("model", None), said.pop("csv", None)
            words = {**series.with_, **said}
            if series.emulate:
                words["emulate"] = True
            yield Job(
                series=series.name,
                words=words,
                study=study,
                part=part,
                parts=series.parts,
                board=board,
                core=core,
                tags=series.tags,
                model=None if model is None else models[model],
                model_name=None if model is None else Path(model).name[:100] or None,
                csv=None if csv is None else models[csv],
                csv_name=None if csv is None else Path(csv).name[:100] or None,
                priority=series.priority,
                deadline_s=deadline_s,
                quiet=quiet,
            )


def _different(series: list[Series], models: dict[str, str]) -> Iterator[Job]:
    """Yield jobs that differ in their words; those of a board, a model or a repeat are as good.

    With a clock each board counts, for it may not be able to run at it.
    """
    for one in series:
        boards = _many(one.board) if one.clock else _many(one.board)[:1]
        plain = replace(one, repeat=1, board=boards or None, core=None, part=one.part or one.parts)
        if one.study is None:
            plain = replace(plain, model=None)
        yield from jobs(plain, models)


def _axes(series: Series) -> dict[str, list[str]]:
    """Return what is listed, the boards last: neighbours in the queue are on different boards."""
    axes = ("study", "task", "model", "csv", "mode", "scenario", "profile", "division", "engine",
            "clock", "core", "board")  # fmt: skip
    return {name: values for name in axes if (values := _many(getattr(series, name)))}


def _parts(series: Series) -> Sequence[int]:
    """Return which parts of each study are jobs."""
    return range(1, series.parts + 1) if series.part is None else [series.part]


def _many(value: str | list[str] | None) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else value
