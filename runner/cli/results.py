"""What is done with results: report, results, compare, baseline, schema, audit."""

import argparse
import sys
from pathlib import Path

from tinybench.errors import UsageError

from .options import Commands, command_missing
from .output import LISTING_WIDTH, REPORT_WIDTH, note, print_json, print_table, write

FILTERS = ("task", "board", "mode", "dataset", "profile")
"""Columns by which runs are listed."""


def add(commands: Commands) -> None:
    """Add the commands."""
    report = commands.add_parser("report", help="write a report on one or more runs")
    report.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="folder of a run, or with runs below it"
    )
    report.add_argument(
        "--to",
        choices=("terminal", "html", "markdown", "csv", "json", "junit"),
        default="terminal",
        metavar="FORMAT",
        help="terminal (default), html, markdown, csv, json or junit",
    )
    report.add_argument(
        "-o", "--out", dest="report_out", type=Path, metavar="FILE", help="default: standard output"
    )
    report.set_defaults(do=_report)

    # By names of their own: the run's options are called the same.
    results = commands.add_parser("results", help="list the runs below a folder")
    results.add_argument("folder", nargs="?", type=Path, default=Path("runs"), metavar="FOLDER")
    for name in FILTERS:
        results.add_argument(f"--{name}", dest=f"only_{name}", metavar=name.upper())
    results.add_argument("--valid", action="store_true", help="only runs that keep every rule")
    results.add_argument("--json", action="store_true", help="print one JSON document")
    results.set_defaults(do=_results)

    compare = commands.add_parser("compare", help="compare runs, and fail on a regression")
    what = "a run, a folder of runs, or a baseline file"
    compare.add_argument("base", type=Path, metavar="BASE", help=what)
    compare.add_argument("head", nargs="?", type=Path, metavar="HEAD", help=what)
    compare.add_argument(
        "--published-log",
        type=Path,
        metavar="FILE",
        help="instead of HEAD: the log.txt or results.json of a published accuracy mode, whose "
        "answers are compared input by input",
    )
    compare.add_argument(
        "--fail-on",
        action="append",
        default=[],
        metavar="CHANGE",
        help="exit 1 on such a change: 'latency>2%%', 'accuracy<-0.5pt', 'flash>1KiB'; repeat it",
    )
    shown = compare.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="print one JSON document")
    shown.add_argument("--markdown", action="store_true", help="print Markdown, for a CI job")
    compare.set_defaults(do=_compare)

    baseline = commands.add_parser("baseline", help="keep the figures of runs in a file")
    baseline.set_defaults(do=command_missing(baseline))
    subcommands = baseline.add_subparsers(title="commands", metavar="COMMAND")
    write = subcommands.add_parser("write", help="write a file to compare later runs with")
    write.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run, or a folder")
    write.add_argument("-o", "--out", dest="report_out", type=Path, required=True, metavar="FILE")
    write.set_defaults(do=_baseline_write)

    schema = commands.add_parser("schema", help="print the JSON Schema of results and reports")
    schema.set_defaults(do=_schema)

    audit = commands.add_parser("audit", help="check published MLPerf Tiny results")
    audit.add_argument("tree", type=Path, metavar="PATH", help="a tree of published results")
    audit.add_argument("--json", action="store_true", help="print one JSON document")
    audit.add_argument("--html", type=Path, metavar="FILE", help="write a report as one HTML file")
    audit.add_argument(
        "--labels",
        type=Path,
        metavar="DIR",
        help="an EEMBC dataset folder with label files (default: the official ones, fetched)",
    )
    audit.set_defaults(do=_audit)


def _report(arguments: argparse.Namespace) -> int:
    from ..compare.store import run_folders
    from ..report.formats import write
    from ..rules.judge import judge

    outcomes = [
        judge(folder, thorough=True)
        for path in arguments.runs
        for folder in (run_folders(path) if path.is_dir() else [path])
    ]
    if arguments.to != "terminal":
        text = write(outcomes, arguments.to)
    else:
        from rich.console import Console

        from ..report.terminal.text import report

        wide = sys.stdout.isatty() and arguments.report_out is None
        console = Console(highlight=False, width=None if wide else REPORT_WIDTH)
        with console.capture() as capture:
            for outcome in outcomes:
                console.print(report(outcome.result, outcome.verdict, outcome.folder))
        text = capture.get()
    if arguments.report_out is None:
        sys.stdout.write(text)
    else:
        from ..report.formats import store

        store(arguments.report_out, text)
        note(f"written to {arguments.report_out}")
    return 1 if any(outcome.violations for outcome in outcomes) else 0


def _results(arguments: argparse.Namespace) -> int:
    from ..compare.store import find_runs

    found = find_runs(arguments.folder)
    wanted = {name: getattr(arguments, f"only_{name}") for name in FILTERS}
    runs = [
        run
        for run in found.runs
        if all(value in (None, getattr(run, name)) for name, value in wanted.items())
        and (run.valid or not arguments.valid)
    ]
    for words in found.unreadable:
        note(f"left out: {words}")
    if arguments.json:
        print_json(runs)
        return 0
    if runs:
        from ..report.table import listing

        sys.stdout.write(listing(runs))
    note(f"{len(runs)} of {len(found.runs)} runs below {arguments.folder}")
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    if (arguments.head is None) == (arguments.published_log is None):
        raise UsageError("compare: give HEAD or --published-log FILE, and not both")
    if arguments.published_log is not None:
        return _compare_log(arguments)
    from ..compare.change import compare

    found = compare(arguments.base, arguments.head, arguments.fail_on)
    if arguments.json:
        print_json(found)
    elif arguments.markdown:
        from ..report.terminal.comparison import as_markdown

        print(as_markdown(found), end="")
    else:
        from ..report.terminal.comparison import report

        print_table(report(found), LISTING_WIDTH)
    return 1 if found.failures else 0


def _compare_log(arguments: argparse.Namespace) -> int:
    from ..compare.published.log import beside, words
    from ..results.result import read_result
    from ..rules import insist_intact

    result = read_result(arguments.base)
    if arguments.base.is_dir():
        insist_intact(result, arguments.base)
    found = beside(result, arguments.published_log)
    if arguments.json:
        print_json(found)
    else:
        print("\n".join(words(found)))
    return 0 if found.same else 1


def _baseline_write(arguments: argparse.Namespace) -> int:
    from ..compare.change import write_baseline

    count = write_baseline(arguments.runs, arguments.report_out)
    print(f"{count} run{'s' if count != 1 else ''} written to {arguments.report_out}")
    return 0


def _schema(_: argparse.Namespace) -> int:
    from ..report.schema import schema

    print_json(schema())
    return 0


def _audit(arguments: argparse.Namespace) -> int:
    from ..audit.audit import audit
    from ..report.terminal.progress import track_for

    found = audit(arguments.tree, arguments.labels, track=track_for(sys.stderr))
    if arguments.html is not None:
        from ..report.page.audit_html import html

        write(arguments.html, html(found).encode())
    if arguments.json:
        print_json(found)
    else:
        from ..report.terminal.audit import report

        print_table(report(found), 2 * REPORT_WIDTH)
    return 0 if found.valid else 1
