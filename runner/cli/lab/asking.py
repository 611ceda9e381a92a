"""What is asked of a lab: submit, watch, queue, cancel, boards, results."""

import contextlib
import getpass
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinybench.errors import TinybenchError, UsageError
from tinybench.plural import counted

from ..options import PATH, command, duration, into_file, positive
from ..output import Voice, put
from ..tree import Argument, Option
from . import shown, watching
from .serving import folder

if TYPE_CHECKING:
    from ...lab.ask import Lab
    from ...lab.github import Check, State

APART_S = 60.0
"""Of two clocks; more is told."""
LONGEST_S = 7 * 24 * 3600.0
STATES: tuple["State", ...] = ("success", "failure", "error")
"""Of a commit, by the worst status of its jobs."""


def _at() -> list[Option]:
    return [
        Option("--at", metavar="URL", default="http://127.0.0.1:8750",
               help="address of the lab's page (default: http://127.0.0.1:8750)"),
        folder(),
    ]  # fmt: skip


def _longest(text: str) -> float:
    return LONGEST_S if text == "7d" else duration(text)


@command(
    "submit",
    Argument("jobs", type=PATH, metavar="FILE", help="a jobs.toml"),
    *_at(),
    Option("--watch", is_flag=True, help="show how far they are until all have ended"),
    Option(
        "--wait",
        is_flag=False,
        flag_value="7d",
        optional=True,
        type=_longest,
        metavar="TIME",
        help="wait until all have ended, a week at most or so long, such as 2h; exit with the "
        "worst status",
    ),
    Option(
        "--commit",
        is_flag=False,
        flag_value="",
        optional=True,
        metavar="COMMIT",
        help="with --wait or --watch: set the status of this commit on GitHub, such as "
        "octo/firmware@(40 digits); in an action nothing need be said. By GITHUB_TOKEN",
    ),
    Option("--yes", is_flag=True, help="do not ask, however many jobs it stands for"),
    formats=("terminal", "json"),
    examples=("tinybench lab submit jobs.toml --watch", "tinybench lab submit jobs.toml --wait"),
)
def submit(
    voice: Voice,
    jobs: Path,
    at: str,
    lab: Path | None,
    watch: bool,
    wait: float | None,
    commit: str | None,
    yes: bool,
    to: str,
) -> int:
    """Queue the jobs of a jobs.toml."""
    from ...lab import github, jobs_file

    if commit is not None and wait is None and not watch:
        raise UsageError("--commit is of jobs that are waited for: say --wait or --watch")
    told_of = None if commit is None else github.check_of(commit)
    told = jobs_file.read(jobs)
    if told.count > jobs_file.ASKED_FROM and not yes:
        _ask(f"{jobs} stands for {counted(told.count, 'job')}; queue them all")
    reached = _lab(at, lab)
    if told_of is not None:
        github.tell(told_of, "pending", counted(told.count, "job"))
    with _or_error(told_of):
        answer = reached.post("/api/jobs", told, count=told.count, who=myself())
    number = answer["submission"]
    lines = [shown.queued(answer), *answer["notes"]]
    if not watch and wait is None:
        put(voice, to, None, {"terminal": lambda: "\n".join([*lines, ""]), "json": lambda: answer})
        return 0
    for line in lines:
        voice.note(line)
    most_s = LONGEST_S if wait is None else wait
    with _or_error(told_of):
        found = watching.ended(voice, reached, number, most_s, watched=watch)
    status = int(found["worst"])
    if told_of is not None:
        words = "all jobs are valid" if status == 0 else f"the worst status of a job is {status}"
        jobs_said = counted(answer["jobs"], "job")
        github.tell(told_of, STATES[min(status, 2)], f"{jobs_said}: {words}")
    _put_ended(voice, to, number, found, watched=watch, more=answer)
    return status


def _put_ended(
    voice: Voice, to: str, number: int, found: dict[str, Any], *, watched: bool, more: Any
) -> None:
    """Print what became of a submission: of one that was watched the sum alone."""
    said = f"{watching.summed_up(number, found)}\n"
    put(
        voice,
        to,
        None,
        {
            "terminal": lambda: said if watched else shown.outcomes(found["jobs"]),
            "json": lambda: {**more, "jobs_ended": found["jobs"]},
        },
    )


@command(
    "watch",
    Argument("submission", metavar="N", help="number of a submission"),
    *_at(),
    formats=("terminal", "json"),
    examples=("tinybench lab watch 3",),
)
def watch(voice: Voice, submission: str, at: str, lab: Path | None, to: str) -> int:
    """Show how far a submission is until all of it has ended; exit with the worst status."""
    number = positive(submission)
    found = watching.ended(voice, _lab(at, lab), number, LONGEST_S, watched=True)
    _put_ended(voice, to, number, found, watched=True, more={"submission": number})
    return int(found["worst"])


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError(f"{question}? Say so with --yes")
    if input(f"{question}? [no]: ").strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was queued")


@contextlib.contextmanager
def _or_error(check: "Check | None") -> Iterator[None]:
    """Tell GitHub of whatever keeps jobs from their end."""
    from ...lab import github

    try:
        yield
    except (TinybenchError, KeyboardInterrupt) as error:
        if check is not None:
            with contextlib.suppress(TinybenchError):
                github.tell(check, "error", str(error) or "nobody waits for it any more")
        raise


@command(
    "queue",
    *_at(),
    Option("--ended", is_flag=True, help="those that have ended as well"),
    into_file(),
    formats=("terminal", "json"),
    examples=("tinybench lab queue", "tinybench lab queue --ended --json"),
)
def queue(voice: Voice, at: str, lab: Path | None, ended: bool, to: str, out: Path | None) -> int:
    """Show the jobs that run and wait, the next one first: where, when and why each waits."""
    state = None if ended else "held,queued,running"
    found = _lab(at, lab).get("/api/jobs", state=state)
    put(voice, to, out, {"terminal": lambda: shown.jobs(found["jobs"]), "json": lambda: found})
    if not found["jobs"] and to == "terminal":
        voice.note(
            "no job was ever queued here: tinybench lab submit jobs.toml"
            if ended
            else "no job waits or runs; all that ended: tinybench lab queue --ended"
        )
    more = sum(found["counts"].values() if ended else _open(found)) - len(found["jobs"])
    if more > 0 and to == "terminal":
        voice.note(f"... and {more:,} more")
    return 0


def _open(found: dict[str, Any]) -> list[int]:
    return [found["counts"][state] for state in ("held", "queued", "running")]


@command(
    "cancel",
    Argument("ids", nargs=-1, required=True, metavar="JOB...", help="numbers of jobs"),
    *_at(),
    examples=("tinybench lab cancel 17 18",),
)
def cancel(voice: Voice, ids: Sequence[str], at: str, lab: Path | None) -> int:
    """Cancel jobs that wait or run; one that runs is stopped as by Ctrl-C."""
    reached = _lab(at, lab)
    for one in ids:
        number = positive(one)
        was = reached.post(f"/api/jobs/{number}/cancel", {})["was"]
        voice.note(f"job {number} was {was}, and is cancelled")
    return 0


@command(
    "boards",
    *_at(),
    into_file(),
    formats=("terminal", "json"),
    examples=("tinybench lab boards",),
)
def boards(voice: Voice, at: str, lab: Path | None, to: str, out: Path | None) -> int:
    """Show the boards of the lab: the state and the holder of each, and what waits for it."""
    found = _lab(at, lab).get("/api/state")
    put(voice, to, out, {"terminal": lambda: shown.boards(found), "json": lambda: found})
    apart = [
        f"{one['name']}: the clock of its computer is {one['clock_apart_s']:+.0f} s off"
        for one in found["boards"]
        if abs(one["clock_apart_s"]) > APART_S
    ]
    none = [] if found["boards"] else ["no board is here: `tinybench lab worker` brings some"]
    for why in [found["trouble"], *found["refused"], *apart, *none] if to == "terminal" else ():
        if why:
            voice.note(why)
    return 0


@command(
    "results",
    *_at(),
    Option("--task", metavar="TASK", help="only of this task"),
    Option("--board", metavar="BOARD", help="only of this kind of board"),
    Option("--core", metavar="CORE", help="only of this core, such as Cortex-M4F"),
    Option("--submission", type=positive, metavar="N", help="only of this one, as JUnit"),
    Option("--studies", is_flag=True, help="the rows of studies instead"),
    into_file(),
    formats=("terminal", "json", "junit"),
    examples=("tinybench lab results --task kws", "tinybench lab results --to junit -o lab.xml"),
)
def results(
    voice: Voice,
    at: str,
    lab: Path | None,
    submission: int | None,
    studies: bool,
    to: str,
    out: Path | None,
    **said: Any,
) -> int:
    """Show what the lab has measured, the newest first."""
    if studies and (to == "junit" or submission is not None or any(said.values())):
        raise UsageError("--studies stands alone: all studies are listed, the newest first")
    if submission is not None and to != "junit":
        raise UsageError("--submission is of --to junit; `tinybench lab queue --ended` has it too")
    if to == "junit" and any(said.values()):
        raise UsageError("--to junit takes --submission, and neither task, board nor core")
    reached = _lab(at, lab)
    if to == "junit":
        text = reached.text("/api/results.junit", submission=submission)
        put(voice, to, out, {to: lambda: text})
        return 0
    if studies:
        found = reached.get("/api/studies")
        listed = {"terminal": lambda: shown.studies(found["studies"]), "json": lambda: found}
        put(voice, to, out, listed)
        return 0
    found = reached.get("/api/results", **said)
    put(
        voice, to, out, {"terminal": lambda: shown.results(found["results"]), "json": lambda: found}
    )
    if to == "terminal" and not found["results"]:
        asked = ", ".join(f"{name} {value}" for name, value in said.items() if value)
        voice.note(
            f"no result of {asked}, of {counted(found['of'], 'result')} in all"
            if found["of"]
            else "no results yet: tinybench lab submit jobs.toml --watch"
        )
    return 0


def _lab(at: str, lab: Path | None) -> "Lab":
    from ...lab.ask import Lab, lab_folder

    return Lab(at, lab_folder(lab))


def myself() -> str:
    """Return who asks, for others who look at the queue: nobody checks it."""
    with contextlib.suppress(KeyError, OSError):  # a user without a name
        return f"{getpass.getuser()}@{socket.gethostname().partition('.')[0]}"
    return socket.gethostname()
