"""Waiting for the jobs of a submission: what runs is shown, and each end is told once."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tinybench.errors import BenchError
from tinybench.plural import counted

from ...lab.page.words import span
from ..output import Voice
from . import shown

if TYPE_CHECKING:
    from rich.console import Group

    from ...lab.ask import Lab

LOOK_S = 0.5
"""Between two looks."""
LINE_S = 10.0
"""Without a terminal, one line of a running job at most this often."""
BAR = 16
"""Columns of a bar."""
OPEN = ("held", "queued", "running")
Told = dict[str, Any]


def ended(voice: Voice, lab: "Lab", number: int, most_s: float, *, watched: bool) -> Told:
    """Return what `/api/jobs` says of a submission once all of its jobs have ended.

    Of very many the newest are told. Raises BenchError after `most_s`; an interrupt leaves the jobs
    as they are, and says so.
    """
    deadline_s = time.monotonic() + most_s
    found: Told = {"jobs": [], "counts": {}}
    watch = _Watch(voice)
    try:
        with _area(voice) if watched else contextlib.nullcontext(None) as draw:
            while time.monotonic() < deadline_s:
                found = lab.get("/api/jobs", submission=number, results="yes")
                if watched:
                    watch.look(found, draw)
                if found["worst"] is not None:
                    found["jobs"].reverse()
                    return found
                time.sleep(LOOK_S)
    except KeyboardInterrupt:
        left = [str(one["id"]) for one in reversed(found["jobs"]) if one["state"] in OPEN]
        voice.note(
            f"submission {number} goes on without you. See it again: tinybench lab watch {number}; "
            f"end it: tinybench lab cancel {' '.join(left[:20])}{' ...' * (len(left) > 20)}"
        )
        raise
    raise BenchError(
        f"submission {number} did not end within {span(most_s)}, and goes on; see it again with: "
        f"tinybench lab watch {number}"
    )


def summed_up(number: int, found: Told) -> str:
    """Return what became of a submission, in a sentence."""
    counts = {state: n for state, n in found["counts"].items() if n}
    said = ", ".join(f"{n:,} {state}" for state, n in counts.items())
    studies = all(one.get("study") for one in found["jobs"])
    broken = "a board answers otherwise" if studies else "a rule is broken"
    good = "all are done" if studies else "all are valid"
    worst = {0: good, 1: broken, 2: "one could not be run as asked"}
    why = worst.get(found["worst"], "the bench failed, or a job was cancelled")
    return f"submission {number} has ended: {said}; {why}"


class _Watch:
    """What was said of which job so far."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._said: dict[int, str] = {}
        self._said_s: dict[int, float] = {}

    def look(self, found: Told, draw: "Callable[[Group], None] | None") -> None:
        """Say what is new, and show what runs."""
        for one in reversed(found["jobs"]):
            if one["state"] not in OPEN:
                self._once(one, _end(one))
            elif one["runs"]:
                self._once(one, f"runs on {one['place']}, {shown.left(one['runs'])}")
                if draw is None:
                    self._now_and_then(one)
            elif one["why"]:
                self._once(one, f"waits: {one['why']}")
        if draw is not None:
            draw(_drawn(found))

    def _once(self, one: Told, words: str) -> None:
        """Say words of a state of a job, when it is new; what runs before it changes often."""
        state = f"{one['state']} {one['attempt']} {one['waits_for'] or one['why']}"
        if self._said.get(one["id"]) != state:
            self._said[one["id"]] = state
            self._said_s[one["id"]] = time.monotonic()
            self._voice.note(f"job {one['id']} ({one['title']}) {words}")

    def _now_and_then(self, one: Told) -> None:
        if time.monotonic() - self._said_s[one["id"]] >= LINE_S:
            self._said_s[one["id"]] = time.monotonic()
            self._voice.note(f"job {one['id']} ({one['title']}): {shown.why(one)}")


def _end(one: Told) -> str:
    ran = "" if one["run_s"] is None else f" after {span(one['run_s'])}"
    said = f"is {one['state']}{ran}"
    result = one.get("result")
    if result:
        return f"{said}: {shown.verdict(result)}; {shown.figures(result)}".rstrip("; ")
    if one.get("rows"):
        return f"{said}: {shown.rows_of(one)}"
    return f"{said}: {one['why']}" if one["why"] and one["why"] != one["state"] else said


@contextlib.contextmanager
def _area(voice: Voice) -> "Iterator[Callable[[Group], None] | None]":
    """Yield what draws below the lines of a terminal; None where there is none."""
    from ...report.terminal.progress import redraws

    if voice.quiet or not redraws(sys.stderr):
        yield None
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    with Live(console=console, transient=True, auto_refresh=False, redirect_stdout=False) as live:
        yield lambda what: live.update(what, refresh=True)


def _drawn(found: Told) -> "Group":
    """Return the jobs that run, with bars, and what is left in all."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    from tinybench.printable import one_line

    rows = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(5):
        rows.add_column(no_wrap=True)
    for one in found["jobs"]:
        if not one["runs"]:
            continue
        runs = one["runs"]
        bar = ProgressBar(total=runs["total"] or 1, completed=runs["done"] or 0, width=BAR)
        words = (f"job {one['id']}", one["title"], one["place"])
        rows.add_row(*(Text(one_line(word)) for word in words), bar,
                     Text(one_line(shown.why(one) or "")))  # fmt: skip
    return Group(rows, Text(in_all(found["jobs"], found["counts"])))


def in_all(jobs: Sequence[Told], counts: dict[str, int]) -> str:
    """Return how many jobs have ended, and about how long the others take."""
    total, left = sum(counts.values()), sum(counts[state] for state in OPEN)
    last_s = [one["starts_s"] + one["estimate_s"] for one in jobs if one["turn"]]
    last_s += [one["runs"]["left_s"] or 0.0 for one in jobs if one["runs"]]
    about = f", about {span(max(last_s))} left" if last_s else ""
    return f"{total - left:,} of {counted(total, 'job')} ended{about}"
