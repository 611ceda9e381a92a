"""What is done with results: report, history, results, tag, schema."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinybench.errors import UsageError
from tinybench.plural import counted

from .options import (
    PATH,
    REPORTS,
    OneOf,
    command,
    into_file,
    run_word,
    runs_word,
)
from .output import Voice, put, put_pictures
from .submission import AUDITS, insist_runs, published, put_audit
from .tree import Argument, Option

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..compare.store import Summary
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
        "tinybench report runs/NAME --to png -o plots      each plot, and a card that sums up",
    ),
)
def report(voice: Voice, runs: tuple[Path, ...], to: str, out: Path | None) -> int:
    """Write a report on one or more runs, or on a tree of published results."""
    from ..compare.store import run_folders
    from ..rules.judge import judge

    if published(*runs):
        return _report_published(voice, runs, to, out)
    folders = [one for path in runs for one in (run_folders(path) if path.is_dir() else [path])]
    if to in ("html", "svg", "png") and len(folders) > 1:
        return _report_many(voice, runs, to, out)
    outcomes = [judge(folder, thorough=True) for folder in folders]
    put_report(voice, outcomes, to, out)
    return 1 if any(outcome.violations for outcome in outcomes) else 0


def _report_many(voice: Voice, runs: tuple[Path, ...], to: str, out: Path | None) -> int:
    """Write the page that compares runs, or its plots, by the verdicts that `results` shows."""
    from ..report.page.html import compared

    rows = _found(voice, runs)
    if to == "html" or not rows:
        put(voice, to, out, {to: lambda: compared(rows)})
    else:
        _put_pictures(voice, lambda: compared(rows), rows, to, out)
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

    from ..compare.store import summary
    from ..report.formats import PICTURES, text
    from ..report.terminal.text import report as told

    if to in PICTURES:
        rows = [summary(o.result, o.verdict, o.folder) for o in outcomes]
        return _put_pictures(voice, lambda: text(outcomes, "html"), rows, to, out)

    def terminal() -> Below:
        return Below(*(told(o.result, o.verdict, o.folder, rules=rules) for o in outcomes))

    forms = dict.fromkeys(REPORTS, lambda: text(outcomes, to))
    return put(voice, to, out, forms | {"terminal": terminal})


def _put_pictures(
    voice: Voice, page: "Callable[[], str]", runs: "list[Summary]", to: str, out: Path | None
) -> None:
    """Write the plots of a page of runs, or the card that sums them up."""
    from ..report.formats import pictures, summed_up

    of = f"{runs[0].task} on {runs[0].board}" if len(runs) == 1 else f"{len(runs)} runs"

    def every() -> "dict[str, bytes]":
        return pictures(page(), of, runs, to)

    put_pictures(voice, to, out, lambda: summed_up(runs, to), every)


@command(
    "history",
    runs_word(),
    Option("--by", type=OneOf(("commit", "date")), default="date", metavar="WHAT",
           help="commit: runs of one commit are a point, their median; date (default): each run"),
    Option("--metric", multiple=True, metavar="NAME",
           help="such as latency or flash; repeat it (default: those that change figures)"),
    into_file(),
    formats=("terminal", "html", "json", "svg", "png"),
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
    from ..report.formats import PICTURES, pictures
    from ..report.history import told
    from ..report.page.history import as_html

    series = of_runs(_found(voice, runs), by, metric)
    if not series:
        raise UsageError("history: no run has such a figure" + ", or a commit" * (by == "commit"))
    if to in PICTURES:
        put_pictures(voice, to, out, None, lambda: pictures(as_html(series), "history", (), to))
        return 0
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
    Option("--studies", is_flag=True, section="which runs",
           help="the rows of studies below the folder instead, of --task and --board alone"),
    into_file(),
    formats=("terminal", "json", "csv", "parquet"),
    examples=(
        "tinybench results",
        "tinybench results --studies",
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
    studies: bool,
    to: str,
    out: Path | None,
    **wanted: Any,
) -> int:
    """List the runs below a folder, or the rows of its studies."""
    from ..compare.store import find_runs
    from ..compare.where import ordered, parse_where
    from ..report.table import as_csv, as_parquet, listing

    insist_runs(folder)
    if studies:
        more = (
            valid or where or sort or any(wanted[name] for name in ("mode", "dataset", "profile"))
        )
        return _studies(voice, folder, wanted["task"], wanted["board"], to, out, more=bool(more))
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


def _studies(
    voice: Voice,
    folder: Path,
    task: str | None,
    board: str | None,
    to: str,
    out: Path | None,
    *,
    more: bool,
) -> int:
    """List the rows of the studies below a folder; `more`: with filters that are of runs."""
    from ..report.study.listed import as_csv, listing
    from ..study.listed import find_studies

    if more or to == "parquet":
        raise UsageError(
            "--studies goes with --task and --board, as terminal, json or csv; the runs that a "
            "study is made of are listed without it"
        )
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder; give one with studies below it")
    found = find_studies(folder)
    rows = [row for row in found.rows if task in (None, row.of) and board in (None, row.board)]
    for words in found.unreadable:
        voice.note(f"left out: {words}")
    forms = {
        "terminal": lambda: listing(rows) if rows else "",
        "json": lambda: rows,
        "csv": lambda: as_csv(rows),
    }
    put(voice, to, out, forms)
    if to != "json":
        of = counted(found.studies, "study", "studies")
        voice.note(f"{counted(len(rows), 'row')} of {of} below {folder}")
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


@command(
    "schema", into_file(), examples=("tinybench schema", "tinybench schema -o result.schema.json")
)
def schema(voice: Voice, out: Path | None) -> int:
    """Print the JSON Schema of results and reports."""
    from ..report.schema import schema as written

    put(voice, "json", out, {"json": written})
    return 0
