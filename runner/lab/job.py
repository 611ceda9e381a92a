"""A job of the lab: plain data that says which run or study is wanted, on which board, and no more.

Nothing in it is code, and nothing in it names a file: a task, a profile or an engine is one of the
package's, a model, or rows of one's own, are the SHA-256 of bytes that were sent with it. Who runs
it checks it again.
"""

from typing import Annotated, Any, cast

import msgspec

from tinybench.declare import nearest
from tinybench.errors import UsageError
from tinybench.expected import like

from ..build import board as boards
from ..build import task as tasks
from ..build.clock.at import at_clock
from ..results.defaults import seconds
from ..results.request import MODELLED, Request, is_recipe
from ..results.words import Words, request_of
from ..rules import names as profiles
from ..study.asking.on_paper import Paper, insist_on_paper
from ..study.asking.options import OF_MODEL, OF_ROWS, OF_RUN, OF_TASK, PARTS_MOST, insist_options
from .policy import PRIORITY_MOST, Want

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Word = (
    Annotated[str, msgspec.Meta(max_length=1000)]
    | Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
    | Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)]
    | bool
)
Said = (
    Word
    | Annotated[list[Annotated[str, msgspec.Meta(max_length=1000)]], msgspec.Meta(max_length=16)]
)
"""A list: of a study, what is said several times."""
Part = Annotated[int, msgspec.Meta(ge=1, le=PARTS_MOST)]
Sha256 = Annotated[str, like(r"^[0-9a-f]{64}\Z", "a SHA-256 of 64 digits of 0-9 and a-f")]
RUN_WORDS = (*OF_RUN, "shards", "monitor", "ambient", "supply", "emulate")
"""Of the words of a run, those that mean the same on every computer, and reach nothing on it."""
AXES = ("task", "mode", "scenario", "profile", "division", "engine", "clock", "emulate")
"""Those that have a key of their own in jobs.toml, one or several; the others stand in `with`."""
MODEL_MOST_B = 16 << 20
JOB_MOST_S = 24 * 3600.0
"""No job runs longer."""
STUDY_KIND = "study="
"""How the kind of a job that is a study begins, and that of no run."""


class Job(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be run once."""

    series: Text
    """What its jobs.toml calls it."""
    words: dict[Text, Said]
    """Of a run: those of RUN_WORDS; of a study: its task, and its options."""
    study: Text | None = None
    """Which study; None: it is a run."""
    part: Part = 1
    parts: Part = 1
    """It is this part of so many of its study."""
    board: Text | None = None
    core: Text | None = None
    tags: Annotated[list[Text], msgspec.Meta(max_length=16)] = []
    model: Sha256 | None = None
    """SHA-256 of a .tflite; None: the task's own."""
    model_name: Text | None = None
    csv: Sha256 | None = None
    """SHA-256 of rows that a study learns from."""
    csv_name: Text | None = None
    priority: Annotated[int, msgspec.Meta(ge=-PRIORITY_MOST, le=PRIORITY_MOST)] = 0
    deadline_s: Annotated[float, msgspec.Meta(gt=0, le=366 * 86400)] | None = None
    """From when it is submitted until it is to be done."""
    quiet: bool = False

    @property
    def want(self) -> Want:
        """Which boards will do."""
        said = self.words
        emulate = said.get("emulate") is True
        energy = said.get("mode") == "energy" or (
            "monitor" in said and (self.study is not None or said.get("mode", "all") == "all")
        )
        monitor = said.get("monitor")
        return Want(
            self.board,
            self.core,
            frozenset(self.tags),
            emulate=emulate,
            energy=energy,
            monitor=str(monitor) if energy and monitor is not None else None,
            as_asked=self.study is not None and self.board is not None and not emulate,
        )

    @property
    def kind(self) -> str:
        """What decides how long it takes, besides the board: jobs of one kind take as long."""
        words = " ".join(f"{name}={self.words[name]}" for name in sorted(self.words))
        words = f"{words} model={(self.model or '')[:16]}"
        if self.study is None:
            return words
        return f"{STUDY_KIND}{self.study} of={self.parts} {words} csv={(self.csv or '')[:16]}"

    @property
    def sent(self) -> str | None:
        """SHA-256 of the bytes that were sent with it, if any were."""
        return self.model or self.csv

    @property
    def title(self) -> str:
        """What it is, for a person: the task, and what else was said."""
        said = [str(self.words["task"])] if "task" in self.words else []
        if self.study is not None:
            said = [self.study, *said]
            said += [f"part {self.part} of {self.parts}"] * (self.parts > 1)
            said += [self.csv_name or ""] * (self.csv is not None)
        more = ("scenario", "mode", "profile", "engine", "clock")
        said += [str(self.words[name]) for name in more if name in self.words]
        if self.model is not None:
            said.append(self.model_name or self.model[:12])
        return " ".join(said)


def request(job: Job, board: str, **more: Any) -> Request:
    """Return the run that a job asks for, on a board; `more` are words of who runs it.

    Raises UsageError for a word that is none of a job's, or means nothing.
    """
    if "task" not in job.words:
        raise UsageError(f"a run is of a task: name it by task; {nearest('', tasks.names())}")
    for word, value in job.words.items():
        if word not in RUN_WORDS:
            raise UsageError(f"a job takes no '{word}': {nearest(word, RUN_WORDS)}")
        if isinstance(value, list):
            raise UsageError(f"a run takes one {word}, and no list")
        if isinstance(value, str) and (value.endswith(".toml") or "/" in value or "\\" in value):
            raise UsageError(
                f"{word} '{value}' is a file, which other computers do not have: name one of the "
                "package"
            )
    asked = request_of(**cast(Words, {**job.words, **more, "board": board}))
    if asked.task not in tasks.names():
        raise UsageError(f"there is no task '{asked.task}': {nearest(asked.task, tasks.names())}")
    if asked.profile not in profiles():
        raise UsageError(
            f"there is no profile '{asked.profile}': {nearest(asked.profile, profiles())}"
        )
    if asked.engine is not None and not is_recipe(asked.engine):
        raise UsageError(f"engine '{asked.engine}' is none that is built here: tflm or cmsis-nn")
    return asked


def insist(job: Job) -> None:
    """Raise UsageError for a job that no board could ever run."""
    if job.study is not None:
        insist_study(job)
        return
    if job.parts > 1 or job.csv is not None:
        raise UsageError("parts and csv are of a study: name one, such as study = 'noise'")
    asked = request(job, job.board if job.board in boards.names() else "mps2-an386")
    if asked.mode == "all" and asked.monitor not in (None, MODELLED):
        raise UsageError(
            "energy is measured with a build of its own: say mode = 'energy' beside the monitor"
        )
    if asked.clock_hz is not None and job.board is None:
        raise UsageError("a clock is that of a board: name the board, or several")
    if job.board in boards.names():
        insist_clock(job, job.board)


def insist_clock(job: Job, kind: str) -> None:
    """Raise UsageError for a job with a clock that this kind of board cannot run at."""
    asked = request(job, kind)
    if asked.clock_hz is not None:
        at_clock(kind, asked.clock_hz)


def _insist_of(job: Job, study: str, task: object) -> None:
    """Raise UsageError where it is not said, or said twice, what a study is of."""
    if job.model is not None and (study not in OF_MODEL or task is None):
        raise UsageError(f"study {study} takes no model" + " without a task" * (study in OF_MODEL))
    if job.csv is not None and (study not in OF_ROWS or task is not None):
        words = "a task or a csv, one of both" if study in OF_ROWS else "no csv"
        raise UsageError(f"study {study} takes {words}")
    if study == "classic" and task is None and job.csv is None:
        raise UsageError("study classic learns from something: name a task, or rows by csv")
    if job.csv is None and not {"target", "regression", "embed"}.isdisjoint(job.words):
        raise UsageError(
            "target, regression and embed are of a csv: a task says itself what to tell"
        )
    if job.words.get("tables") and (task is not None or job.csv is not None):
        raise UsageError("tables are of events that are made here: leave out the task and the csv")


def insist_study(job: Job) -> None:
    """Raise UsageError for a study that no board could ever do, as far as is known without one."""
    study = job.study or ""
    own = ("task", "emulate")
    said = {name: job.words[name] for name in job.words if name not in own}
    insist_options(study, said)
    task = job.words.get("task")
    if task is not None and task not in tasks.names():
        raise UsageError(f"there is no task '{task}': {nearest(str(task), tasks.names())}")
    if study == "noise" and task is not None and tasks.load_task(str(task)).streams:
        raise UsageError(
            f"a lab does noise on its boards, and task {task} is a stream, whose noise is studied "
            f"on one computer: tinybench study noise --task {task}"
        )
    by = job.words.get("by", [])
    varied = [one.partition("=")[0].strip() for one in (by if isinstance(by, list) else [str(by)])]
    if task is None and study in OF_TASK and "task" not in varied:
        raise UsageError(f"study {study} is of a task: name it by task, such as kws")
    if study == "sweep" and not varied:
        raise UsageError("study sweep varies something: with = { by = ['kernels=plain,dsp'] }")
    _insist_of(job, study, task)
    if job.parts > 1 and not {"budget", "runs"}.isdisjoint(job.words):
        raise UsageError(
            "parts are all of a sweep, dealt out evenly: with budget or runs the next combination "
            "depends on what is known; leave one of both out"
        )
    if "budget" in job.words and seconds(str(job.words["budget"])) > JOB_MOST_S:
        raise UsageError(
            f"budget {job.words['budget']}: a job of a lab runs {JOB_MOST_S / 3600:.0f} h at most"
        )
    if not 1 <= job.part <= job.parts:
        raise UsageError(f"part {job.part} of {job.parts}: there is none")
    if job.parts > 1 and job.board is None:
        raise UsageError(
            "parts of a study are gathered into one, and so are done on boards of one kind: name "
            "it by board"
        )
    insist_on_paper(
        study,
        Paper(
            said,
            task=None if task is None else str(task),
            board=job.board if job.board in boards.names() else None,
            emulate=job.want.emulate,
            model=job.model is not None,
            csv=job.csv is not None,
        ),
    )
