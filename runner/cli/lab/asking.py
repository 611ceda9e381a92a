"""What is asked of a lab: submit, queue, cancel, boards, results."""

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinybench.errors import BenchError, TinybenchError, UsageError

from ..options import PATH, command, duration, into_file, positive
from ..output import Voice, put
from ..tree import Argument, Option
from .serving import folder

if TYPE_CHECKING:
    from rich.table import Table

    from ...lab.ask import Lab
    from ...lab.github import Check, State

LOOK_S = 0.5
"""Between two looks at a submission that is waited for."""
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
        _ask(f"{jobs} stands for {told.count:,} jobs; queue them all")
    reached = _lab(at, lab)
    if told_of is not None:
        github.tell(told_of, "pending", f"{told.count:,} jobs")
    with _or_error(told_of):
        answer = reached.post("/api/jobs", told, count=told.count)
    number = answer["submission"]
    for words in [f"submission {number}: {answer['jobs']:,} jobs queued", *answer["notes"]]:
        voice.note(words)
    rows: list[dict[str, Any]] = []
    status = 0
    if watch or wait is not None:
        most_s = LONGEST_S if wait is None else wait
        with _or_error(told_of):
            rows, status = _ended(voice, reached, number, most_s, shown=watch)
    if told_of is not None:
        words = "all jobs are valid" if status == 0 else f"the worst status of a job is {status}"
        github.tell(told_of, STATES[min(status, 2)], f"{answer['jobs']:,} jobs: {words}")
    put(
        voice,
        to,
        None,
        {
            "terminal": lambda: _jobs(rows) if rows else f"submission {number}\n",
            "json": lambda: {**answer, "jobs_ended": rows},
        },
    )
    return status


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError(f"{question}? Say so with --yes")
    if input(f"{question}? [no]: ").strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was queued")


def _ended(
    voice: Voice, lab: "Lab", number: int, most_s: float, *, shown: bool
) -> tuple[list[dict[str, Any]], int]:
    """Return the jobs of a submission once all have ended, and the worst status of them.

    Of very many the newest are returned. Raises BenchError after `most_s`.
    """
    deadline_s = time.monotonic() + most_s
    said: dict[int, str] = {}
    while time.monotonic() < deadline_s:
        found = lab.get("/api/jobs", submission=number)
        for row in reversed(found["jobs"]) if shown else ():
            words = f"job {row['id']} ({row['title']}): {row['state']}"
            words += f" on {row['place']}" if row["place"] else ""
            words += f": {row['why']}" if row["why"] else ""
            if said.get(row["id"]) != words:
                said[row["id"]] = words
                voice.note(words)
        if found["worst"] is not None:
            return found["jobs"][::-1], found["worst"]
        time.sleep(LOOK_S)
    raise BenchError(
        f"submission {number} did not end within {most_s:.0f} s, and goes on; look at it with: "
        "tinybench lab queue"
    )


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
    """Show the jobs that wait and run, the newest first."""
    state = None if ended else "held,queued,running"
    found = _lab(at, lab).get("/api/jobs", state=state)
    put(voice, to, out, {"terminal": lambda: _jobs(found["jobs"]), "json": lambda: found})
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
    """Show the boards of the lab, what runs on them, and what waits for them."""
    found = _lab(at, lab).get("/api/state")
    put(voice, to, out, {"terminal": lambda: _boards(found), "json": lambda: found})
    apart = [
        f"{one['name']}: the clock of its computer is {one['clock_apart_s']:+.0f} s off"
        for one in found["boards"]
        if abs(one["clock_apart_s"]) > APART_S
    ]
    for why in [found["trouble"], *found["refused"], *apart] if to == "terminal" else ():
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
    into_file(),
    formats=("terminal", "json", "junit"),
    examples=("tinybench lab results --task kws", "tinybench lab results --to junit -o lab.xml"),
)
def results(
    voice: Voice,
    at: str,
    lab: Path | None,
    submission: int | None,
    to: str,
    out: Path | None,
    **said: Any,
) -> int:
    """Show what the lab has measured, the newest first."""
    if submission is not None and to != "junit":
        raise UsageError("--submission is of --to junit; `tinybench lab queue --ended` has it too")
    if to == "junit" and any(said.values()):
        raise UsageError("--to junit takes --submission, and neither task, board nor core")
    reached = _lab(at, lab)
    if to == "junit":
        text = reached.text("/api/results.junit", submission=submission)
        put(voice, to, out, {to: lambda: text})
        return 0
    found = reached.get("/api/results", **said)
    put(voice, to, out, {"terminal": lambda: _results(found["results"]), "json": lambda: found})
    return 0


def _lab(at: str, lab: Path | None) -> "Lab":
    from ...lab.ask import Lab, lab_folder

    return Lab(at, lab_folder(lab))


def _table(columns: Sequence[str]) -> "Table":
    from rich.table import Table

    rows = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        rows.add_column(column, overflow="fold")
    return rows


def _row(rows: "Table", *cells: object) -> None:
    from rich.text import Text

    from tinybench.printable import one_line

    rows.add_row(*(Text(one_line("-" if cell in (None, "") else str(cell))) for cell in cells))


def _jobs(found: Sequence[dict[str, Any]]) -> "Table":
    rows = _table(("job", "what", "wants", "priority", "state", "board", "ran", "status", "why"))
    for one in found:
        ran = None if one["run_s"] is None else f"{one['run_s']:.1f} s"
        _row(rows, one["id"], one["title"], one["wants"], one["priority"], one["state"],
             one["place"], ran, one["status"], one["why"])  # fmt: skip
    return rows


def _boards(found: dict[str, Any]) -> "Table":
    rows = _table(("board", "kind", "core", "tags", "state", "runs", "how far", "wait", "work"))
    for one in found["boards"]:
        runs = one["runs"] or {}
        far = f"{runs['done']} of {runs['total']}" if runs.get("total") else runs.get("note")
        _row(rows, one["name"], one["kind"], one["core"], ", ".join(one["tags"]), one["state"],
             f"{runs['job']}: {runs['title']}" if runs else None, far, one["waiting"],
             f"{one['waiting_s']:.0f} s")  # fmt: skip
    return rows


def _results(found: Sequence[dict[str, Any]]) -> "Table":
    rows = _table(("job", "task", "board", "core", "profile", "valid", "top-1", "AUC",
                   "instructions", "latency"))  # fmt: skip
    for one in found:
        latency = one["latency_s"]
        kind = "emulated" if one["emulated"] else "measured"
        _row(rows, one["job"], one["task"], one["board"], one["core"], one["profile"],
             "valid" if one["valid"] else "not valid",
             None if one["top1"] is None else f"{one['top1']:.3f}",
             None if one["auc"] is None else f"{one['auc']:.3f}",
             one["instructions_per_inference"],
             None if latency is None else f"{latency * 1e3:.3f} ms {kind}")  # fmt: skip
    return rows
