"""What is done with results: report, score, results, compare, baseline, schema."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinybench.errors import UsageError
from tinybench.files import DOCUMENT_MOST_B, read_bytes

from .options import PATH, REPORTS, command, into_file, runs_word
from .output import Voice, put
from .submission import AUDITS, insist_runs, published, put_audit
from .tree import Argument, Group, Option

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..rules.judge import Outcome

FILTERS = ("task", "board", "mode", "dataset", "profile")
"""Columns by which runs are listed."""


@command(
    "report",
    runs_word(),
    into_file(),
    formats=REPORTS,
    examples=(
        "tinybench report runs/NAME",
        "tinybench report runs --to html -o report.html",
        "tinybench report runs --to junit -o report.xml",
    ),
)
def report(voice: Voice, runs: tuple[Path, ...], to: str, out: Path | None) -> int:
    """Write a report on one or more runs, or on a tree of published results."""
    from ..compare.store import run_folders
    from ..rules.judge import judge

    if published(*runs):
        return _report_published(voice, runs, to, out)
    outcomes = [
        judge(folder, thorough=True)
        for path in runs
        for folder in (run_folders(path) if path.is_dir() else [path])
    ]
    put_report(voice, outcomes, to, out)
    return 1 if any(outcome.violations for outcome in outcomes) else 0


def _report_published(voice: Voice, runs: tuple[Path, ...], to: str, out: Path | None) -> int:
    """Report on a tree of published results, which is audited."""
    from ..audit.audit import audit

    tree, *more = runs
    if more:
        raise UsageError("report: published results are reported on one tree at a time, alone")
    if to not in AUDITS:
        raise UsageError(f"--to {to} is for runs; of published results: {', '.join(AUDITS)}")
    found = audit(tree, track=voice.track)
    put_audit(voice, found, to, out)
    return 0 if found.valid else 1


def put_report(
    voice: Voice, outcomes: "list[Outcome]", to: str, out: Path | None, *, rules: bool = False
) -> None:
    """Print a report on runs or write it into a file; `rules`: with every rule, kept or broken."""
    from rich.console import Group as Below

    from ..report.formats import write
    from ..report.terminal.text import report as told

    def terminal() -> Below:
        return Below(*(told(o.result, o.verdict, o.folder, rules=rules) for o in outcomes))

    if to == "png" and out is None and sys.stdout.isatty():
        raise UsageError("--to png is a picture, and no text for a terminal: name a file with -o")
    forms = dict.fromkeys(REPORTS, lambda: write(outcomes, to))
    put(voice, to, out, forms | {"terminal": terminal})


@command(
    "score",
    Argument(
        "heard",
        type=PATH,
        metavar="HEARD",
        help="what a board heard of a stream (listen --json), the results.json of a published "
        "streaming run, or a JSON list of detections in ms, the first of which marks the beginning",
    ),
    Option(
        "--words",
        type=PATH,
        metavar="FILE",
        help="when the words are: the list beside a recording (prepare sww), or the public "
        "sww_long_test.json; a results.json has them itself",
    ),
    into_file(),
    formats=("terminal", "json"),
    examples=(
        "tinybench score heard.json --words short.json",
        "tinybench score results.json --json",
    ),
)
def score(voice: Voice, heard: Path, words: Path | None, to: str, out: Path | None) -> int:
    """Score the detections of a wake word."""
    from tinybench.datasets.wake.official import windows_of

    from ..streaming.curve import det_curve
    from ..streaming.heard import read_heard
    from ..streaming.summary import summarise
    from ..streaming.verdict import judge

    found = read_heard(_document(heard), str(heard))
    windows_s, length_s = found.windows_s, found.length_s
    if words is not None:
        said = windows_of(_document(words), str(words))
        windows_s, length_s = tuple(said.detection_windows), said.length_sec
    if not windows_s:
        raise UsageError(f"{heard}: it does not say when the words are: give the list with --words")
    judged = judge(
        found.detections_ms, windows_s, length_s=length_s, period_s=found.period_s,
        drifts=found.drifts,
    )  # fmt: skip
    curve = () if found.activations is None else det_curve(found.activations, windows_s)
    summary = summarise(judged, windows_s, curve)

    def terminal() -> "RenderableType":
        from ..report.score import told

        return told(summary)

    put(voice, to, out, {"terminal": terminal, "json": lambda: summary})
    return 0 if summary.valid else 1


def _document(path: Path) -> bytes:
    try:
        return read_bytes(path, DOCUMENT_MOST_B)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error


@command(
    "results",
    Argument(
        "folder",
        type=PATH,
        default=Path("runs"),
        metavar="[FOLDER]",
        help="where the runs are (default: runs)",
    ),
    *(
        Option(f"--{name}", metavar=name.upper(), section="which runs", help=f"only of this {name}")
        for name in FILTERS
    ),
    Option("--valid", is_flag=True, section="which runs", help="only those that keep every rule"),
    into_file(),
    formats=("terminal", "json", "csv"),
    examples=("tinybench results", "tinybench results runs --task kws --valid --to csv"),
)
def results(
    voice: Voice, folder: Path, valid: bool, to: str, out: Path | None, **wanted: Any
) -> int:
    """List the runs below a folder."""
    from ..compare.store import find_runs
    from ..report.table import as_csv, listing

    insist_runs(folder)
    found = find_runs(folder)
    runs = [
        run
        for run in found.runs
        if all(value in (None, getattr(run, name)) for name, value in wanted.items())
        and (run.valid or not valid)
    ]
    for words in found.unreadable:
        voice.note(f"left out: {words}")
    forms = {
        "terminal": lambda: listing(runs) if runs else "",
        "json": lambda: runs,
        "csv": lambda: as_csv(runs),
    }
    put(voice, to, out, forms)
    if to != "json":
        voice.note(f"{len(runs)} of {len(found.runs)} runs below {folder}")
    return 0


_COMPARED = "a run, a folder of runs, a baseline file, or a tree of published results"


@command(
    "compare",
    Argument("base", type=PATH, metavar="BASE", help=_COMPARED),
    Argument(
        "head",
        type=PATH,
        required=False,
        metavar="[HEAD]",
        help=f"{_COMPARED}, to compare with BASE",
    ),
    Option(
        "--published-log",
        type=PATH,
        metavar="FILE",
        help="instead of HEAD: the log.txt or results.json of a published accuracy mode, whose "
        "answers are compared input by input",
    ),
    Option(
        "--fail-on",
        multiple=True,
        metavar="CHANGE",
        help="exit 1 on such a change: 'latency>2%', 'accuracy<-0.5pt', 'flash>1KiB'; repeat it "
        "for several",
    ),
    into_file(),
    formats=("terminal", "markdown", "json"),
    examples=(
        "tinybench compare baseline.json runs --fail-on 'latency>2%' --to markdown",
        "tinybench compare runs/NAME --published-log accuracy/log.txt",
    ),
    exclusive=(("published_log", "fail_on"),),
)
def compare(
    voice: Voice,
    base: Path,
    head: Path | None,
    published_log: Path | None,
    fail_on: tuple[str, ...],
    to: str,
    out: Path | None,
) -> int:
    """Compare runs, and fail on a regression; or a run with a published log."""
    if published_log is not None and head is None:
        return _compare_log(voice, base, published_log, to, out)
    if head is None or published_log is not None:
        given = "both are given" if head is not None else "neither is given"
        raise UsageError(
            f"compare needs HEAD, what BASE is compared with, or --published-log FILE; {given}"
        )
    from ..compare.change import compare as of_runs
    from ..compare.published.against import compare as of_published
    from ..report.terminal.comparison import as_markdown
    from ..report.terminal.comparison import report as told

    compared = of_published if published(base, head) else of_runs
    found = compared(base, head, list(fail_on))
    forms = {
        "terminal": lambda: told(found),
        "markdown": lambda: as_markdown(found),
        "json": lambda: found,
    }
    put(voice, to, out, forms)
    return 1 if found.failures else 0


def _compare_log(voice: Voice, run: Path, log: Path, to: str, out: Path | None) -> int:
    from tinybench.printable import one_line

    from ..compare.published.log import beside, words
    from ..results.result import read_result
    from ..rules import insist_intact

    insist_runs(run)
    if to == "markdown":
        raise UsageError("--to markdown is for runs that are compared, not for --published-log")
    result = read_result(run)
    if run.is_dir():
        insist_intact(result, run)
    found = beside(result, log)
    forms = {
        "terminal": lambda: "".join(f"{one_line(line)}\n" for line in words(found)),
        "json": lambda: found,
    }
    put(voice, to, out, forms)
    return 0 if found.same else 1


@command(
    "write",
    runs_word(),
    Option("-o", "--out", type=PATH, required=True, metavar="FILE", section="output",
           help="the baseline file"),
    examples=("tinybench baseline write runs -o baseline.json",),
)  # fmt: skip
def write(voice: Voice, runs: tuple[Path, ...], out: Path) -> int:  # noqa: ARG001
    """Write a file to compare later runs with."""
    from ..compare.change import write_baseline

    insist_runs(*runs)
    count = write_baseline(list(runs), out)
    print(f"{count} run{'s' if count != 1 else ''} written to {out}")
    return 0


baseline = Group("baseline", help="Keep the figures of runs in a file.").add(write)


@command(
    "schema", into_file(), examples=("tinybench schema", "tinybench schema -o result.schema.json")
)
def schema(voice: Voice, out: Path | None) -> int:
    """Print the JSON Schema of results and reports."""
    from ..report.schema import schema as written

    put(voice, "json", out, {"json": written})
    return 0
