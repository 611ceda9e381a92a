"""What is done with results: report, history, results, compare, baseline, schema."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinybench.errors import UsageError

from ..results.defaults import DIVISIONS
from . import options
from .model import inputs_words, truth_words
from .options import (
    PATH,
    PORT_OR,
    REPORTS,
    OneOf,
    as_typed,
    command,
    into_file,
    run_word,
    runs_word,
)
from .output import Voice, note, put
from .submission import AUDITS, insist_runs, published, put_audit
from .tree import Argument, Group, Option

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from ..compare.store import Summary
    from ..gate.gate import Gated
    from ..rules.judge import Outcome

GATED, OF_A_MODEL = "what is measured", "of a model alone: its inputs and score"
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
    folders = [one for path in runs for one in (run_folders(path) if path.is_dir() else [path])]
    if to == "html" and len(folders) > 1:
        return _report_many(voice, runs, out)
    outcomes = [judge(folder, thorough=True) for folder in folders]
    put_report(voice, outcomes, to, out)
    return 1 if any(outcome.violations for outcome in outcomes) else 0


def _report_many(voice: Voice, runs: tuple[Path, ...], out: Path | None) -> int:
    """Write the page that compares runs, by the verdicts that `results` shows."""
    from ..report.page.html import compared

    rows = _found(voice, runs)
    put(voice, "html", out, {"html": lambda: compared(rows)})
    return 0 if rows and all(run.valid for run in rows) else 1


def _found(voice: Voice, runs: tuple[Path, ...]) -> "list[Summary]":
    """Return the runs below folders, by the verdicts that are remembered; say what is left out."""
    from ..compare.store import find_runs

    found = [find_runs(path if path.is_dir() else path.parent) for path in runs]
    for words in (words for one in found for words in one.unreadable):
        voice.note(f"left out: {words}")
    return [run for one in found for run in one.runs]


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
    "history",
    runs_word(),
    Option("--by", type=OneOf(("commit", "date")), default="date", metavar="WHAT",
           help="commit: runs of one commit are a point, their median; date (default): each run"),
    Option("--metric", multiple=True, metavar="NAME",
           help="such as latency or flash; repeat it (default: those that change figures)"),
    into_file(),
    formats=("terminal", "html", "json"),
    examples=(
        "tinybench history runs",
        "tinybench history runs --by commit --metric latency --to html -o history.html",
    ),
)  # fmt: skip
def history(
    voice: Voice,
    runs: tuple[Path, ...],
    by: Any,
    metric: tuple[str, ...],
    to: str,
    out: Path | None,
) -> int:
    """Show how figures went over time: noise, trend, and where they changed."""
    from ..compare.history import history as of_runs
    from ..report.history import told
    from ..report.page.history import as_html

    series = of_runs(_found(voice, runs), by, metric)
    if not series:
        raise UsageError("history: no run has such a figure" + ", or a commit" * (by == "commit"))
    forms = {
        "terminal": lambda: told(series),
        "html": lambda: as_html(series),
        "json": lambda: series,
    }
    put(voice, to, out, forms)
    return 0


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
    Option("--where", metavar="CONDITION", section="which runs",
           help="columns and tags compared, such as \"task = kws and board like nucleo%\""),
    Option("--sort", metavar="COLUMN", section="which runs",
           help="by a column or a tag, such as latency or 'latency desc' (default: the oldest "
           "first)"),
    into_file(),
    formats=("terminal", "json", "csv", "parquet"),
    examples=(
        "tinybench results",
        "tinybench results runs --task kws --valid --to csv",
        "tinybench results --where 'latency < 120 ms and rig = 3' --sort latency",
    ),
)  # fmt: skip
def results(
    voice: Voice,
    folder: Path,
    valid: bool,
    where: str | None,
    sort: str | None,
    to: str,
    out: Path | None,
    **wanted: Any,
) -> int:
    """List the runs below a folder."""
    from ..compare.store import find_runs
    from ..compare.where import ordered, parse_where
    from ..report.table import as_csv, as_parquet, listing

    insist_runs(folder)
    found = find_runs(folder)
    runs = [
        run
        for run in found.runs
        if all(value in (None, getattr(run, name)) for name, value in wanted.items())
        and (run.valid or not valid)
    ]
    if where is not None:
        runs = list(filter(parse_where(where, found.runs), runs))
    if sort is not None:
        runs = ordered(runs, sort)
    for words in found.unreadable:
        voice.note(f"left out: {words}")
    forms = {
        "terminal": lambda: listing(runs) if runs else "",
        "json": lambda: runs,
        "csv": lambda: as_csv(runs),
        "parquet": lambda: as_parquet(runs),
    }
    put(voice, to, out, forms)
    if to != "json":
        voice.note(f"{len(runs)} of {len(found.runs)} runs below {folder}")
    return 0


@command(
    "tag",
    run_word(),
    Argument("tags", nargs=-1, metavar="[NAME=WORDS...]",
             help="such as commit=1a2b3c or rig=3; rig= takes it away; without any they are shown"),
    examples=("tinybench tag runs/NAME commit=1a2b3c rig=3", "tinybench tag runs/NAME"),
)  # fmt: skip
def tag(voice: Voice, run: Path, tags: tuple[str, ...]) -> int:  # noqa: ARG001
    """Keep words of your own with a run."""
    from tinybench.printable import one_line

    from ..compare.store import COLUMNS
    from ..compare.tags import parse_tags
    from ..compare.tags import tag as tagged

    for name, value in tagged(run, parse_tags(tags, COLUMNS)).items():
        print(one_line(f"{name}={value}"))
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
    Option("--unchanged", is_flag=True, help="show the figures that did not change, too"),
    into_file(),
    formats=("terminal", "markdown", "json"),
    examples=(
        "tinybench compare baseline.json runs --fail-on 'latency>2%' --to markdown",
        "tinybench compare runs/NAME --published-log accuracy/log.txt",
    ),
    exclusive=(("published_log", "fail_on"), ("published_log", "unchanged")),
)
def compare(
    voice: Voice,
    base: Path,
    head: Path | None,
    published_log: Path | None,
    fail_on: tuple[str, ...],
    unchanged: bool,
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
        "terminal": lambda: told(found, every=unchanged),
        "markdown": lambda: as_markdown(found, every=unchanged),
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
    "gate",
    options.task("the task that is measured", section=GATED),
    options.model(section=GATED),
    options.board(PORT_OR, section=GATED),
    options.emulate(section=GATED),
    options.port(section=GATED),
    options.wait(section=GATED),
    Option("--engine", metavar="NAME|DIR", section=GATED,
           help="the engine that is measured: its folder, or tflm, tflm-cmsis-nn, cmsis-nn"),
    options.engine_source(section=GATED),
    Option("--profile", metavar="PROFILE", section=GATED,
           help="of a task: how much is measured, and what judges it (default: mlperf-tiny)"),
    Option("--division", type=OneOf(DIVISIONS), metavar="DIVISION", section=GATED,
           help="of a task: closed, or open (default with --model or --engine)"),
    options.data(section=GATED),
    *inputs_words(OF_A_MODEL),
    *truth_words(OF_A_MODEL),
    Option("--baseline", type=PATH, metavar="FILE", section="what may change",
           help="what it is held against (default: tinybench-baseline.json)"),
    Option("--fail-on", multiple=True, metavar="CHANGE", section="what may change",
           help="exit 1 on such a change, as of compare; repeat it for several (default: by 1 % "
           "of instructions, or 5 % of measured time; half a point of accuracy; 1 KiB)"),
    Option("--update", is_flag=True, section="what may change",
           help="the change is meant: write the baseline"),
    Option("-o", "--out", type=PATH, metavar="DIR", section="output",
           help="new folder for the run, summary.md, report.html, JUnit (default: runs/...-gate)"),
    formats=("terminal", "markdown", "json", "github"),
    examples=(
        "tinybench gate --task kws --update            the first time, and when a change is meant",
        "tinybench gate --task kws                     in CI",
        "tinybench gate --model my.tflite --fail-on 'instructions>0'",
        "tinybench gate --task kws --engine firmware --to github",
    ),
)  # fmt: skip
def gate(
    voice: Voice,
    baseline: Path | None,
    fail_on: tuple[str, ...],
    update: bool,
    to: str,
    out: Path | None,
    **said: Any,
) -> int:
    """Measure, compare with a baseline, and fail on a regression: all of CI in one word.

    Without a baseline the exit status is 2, and what it would be is in the output folder. The
    format github says it as GitHub Actions reads it: annotations, outputs, the job's summary.
    """
    from ..gate.files import headline, store, summary
    from ..gate.gate import BASELINE_FILE
    from ..gate.gate import gate as gated
    from ..report.terminal.comparison import report as told

    given = {
        word: None if value in ("", ()) or value is False else value
        for word, value in as_typed(said).items()
    }

    def done() -> int:
        found = gated(
            given,
            baseline=baseline or BASELINE_FILE,
            gates=fail_on,
            update=update,
            out=out,
            track=voice.track,
            say=voice.note,
        )
        store(found)
        outcomes.append(found)
        changes = [] if found.comparison is None else [told(found.comparison)]
        document = {"verdict": found.word, "sentence": found.sentence, "folder": str(found.folder),
                    "baseline": str(found.baseline), "comparison": found.comparison}  # fmt: skip

        def terminal() -> "RenderableType":
            from rich.console import Group as Below
            from rich.text import Text

            from tinybench.printable import one_line

            from ..report.terminal.text import report as of_run

            one = found.outcome
            rest = [of_run(one.result, one.verdict, one.folder), Text(""), *changes]
            where = Text(f"gate folder: {found.folder}")
            words = one_line(f"{headline(found)}\n{found.sentence}".replace("\n", "; "))
            return Below(*rest, Text(words, "bold"), where)

        put(voice, "terminal" if to == "github" else to, None, {
            "terminal": terminal,
            "markdown": lambda: summary(found),
            "json": lambda: document,
        })  # fmt: skip
        return found.status

    outcomes: list[Gated] = []
    return _to_github(done, outcomes) if to == "github" else done()


def _to_github(done: "Callable[[], int]", outcomes: "list[Gated]") -> int:
    """Do a gate as a step of GitHub Actions; what it prints is obeyed nowhere."""
    from tinybench.errors import TinybenchError

    from ..gate.github import annotations, commands_stopped, of_error, store_outputs

    def say(line: str) -> None:
        print(line, flush=True)

    here = Path(os.environ.get("GITHUB_WORKSPACE") or ".")
    try:
        with commands_stopped(say):
            try:
                status = done()
            except TinybenchError as error:
                note(f"tinybench: {error}")
                raise
    except TinybenchError as error:
        lines, status = of_error(error, here), error.exit_status
    else:
        lines = annotations(outcomes[0], here)
    for line in lines:
        say(line)
    found = outcomes[0] if outcomes else None
    store_outputs(os.environ, "error" if found is None else found.word, found)
    return status


@command(
    "write",
    runs_word(),
    Option("-o", "--out", type=PATH, required=True, metavar="FILE", section="output",
           help="the baseline file"),
    examples=("tinybench baseline write runs -o baseline.json",),
)  # fmt: skip
def write(voice: Voice, runs: tuple[Path, ...], out: Path) -> int:  # noqa: ARG001
    """Write a file to compare later runs with."""
    from ..compare.baseline import write_baseline

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
