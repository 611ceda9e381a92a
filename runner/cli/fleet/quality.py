"""Time to quality of learning runs that differ by their seed."""

from pathlib import Path

from tinybench.errors import UsageError

from ..options import PATH, command
from ..output import Voice, write
from ..tree import Argument, Option
from .show import put_or_draw


@command(
    "quality",
    Argument("runs", type=PATH, nargs=-1, required=True, metavar="RUN...",
             help="folders with learning runs (learning.json) in them or below"),
    Option("--reference", type=PATH, metavar="DIR",
           help="runs of a reference: those that converge too fast for it are invalid"),
    Option("--mllog", type=PATH, metavar="DIR", section="output",
           help="write the lines of MLPerf Training's log of each run into this folder"),
    Option("-o", "--out", type=PATH, metavar="FILE", section="output",
           help="write it into a file (of svg and png: plots into a folder)"),
    formats=("terminal", "json", "csv", "markdown", "svg", "png"),
    examples=(
        "tinybench quality mine/runs                          olympic means of a fleet's runs",
        "tinybench quality mine/runs --reference theirs/runs",
        "tinybench quality mine/runs --to png -o plots",
    ),
)  # fmt: skip
def quality(
    voice: Voice, runs: tuple[Path, ...], reference: Path | None, mllog: Path | None, to: str,
    out: Path | None,
) -> int:  # fmt: skip
    """Judge the time to quality of runs that differ by their seed, as MLPerf Training does.

    The fastest and the slowest are left out; one run that did not reach the quality may be the
    slowest, two make it invalid. Exit status 1 where one is invalid.
    """
    from ...learning.course import find_courses
    from ...learning.mllog import log_names, mllog_lines
    from ...learning.quality import judged
    from ...report.fleet import quality as report

    courses = [course for _, course in find_courses(runs)]
    theirs = [course for _, course in find_courses([reference])] if reference else []
    found = judged(courses, theirs)
    if mllog is not None:
        if mllog.exists() and any(mllog.iterdir()):
            raise UsageError(f"--mllog {mllog}: the folder is not empty; name a new one")
        for name, course in zip(log_names(courses), courses, strict=True):
            write(mllog / name, ("\n".join(mllog_lines(course)) + "\n").encode())
        voice.note(f"{len(courses)} logs are in {mllog}")
    put_or_draw(voice, to, out, report, found, lambda: report.pictures(courses))
    return 0 if all(one.valid for one in found) else 1
