"""Handing results in: submit."""

import argparse
from pathlib import Path

from .options import Commands
from .output import LISTING_WIDTH, note, print_json, print_table


def add(commands: Commands) -> None:
    """Add the command."""
    submit = commands.add_parser("submit", help="make the tree of an MLPerf Tiny submission")
    submit.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run, or such a folder")
    submit.add_argument("--submitter", required=True, metavar="NAME", help="becomes a folder")
    submit.add_argument(
        "--system",
        type=Path,
        required=True,
        metavar="FILE",
        help="a .toml or .json file that describes the system; its name becomes a folder",
    )
    # By names of their own: the run's options are called the same.
    submit.add_argument(
        "--division",
        choices=("closed", "open"),
        default="closed",
        dest="submit_division",
        help="closed (default): nothing that breaks a rule; open: broken rules are named in it",
    )
    submit.add_argument("--open", action="store_true", help="as --division open")
    submit.add_argument(
        "--rehearsal",
        action="store_true",
        help="with --open: also emulated boards and other inputs, marked as no result everywhere",
    )
    submit.add_argument(
        "-o", "--out", dest="submit_out", type=Path, required=True, metavar="DIR", help="new folder"
    )
    submit.add_argument("--json", action="store_true", help="print one JSON document")
    submit.set_defaults(do=_submit)


def _submit(arguments: argparse.Namespace) -> int:
    from ..submission.tree import submit

    made = submit(
        arguments.runs,
        submitter=arguments.submitter,
        system=arguments.system,
        division="open" if arguments.open else arguments.submit_division,
        out=arguments.submit_out,
        rehearsal=arguments.rehearsal,
    )
    if arguments.json:
        print_json(made)
    else:
        from ..report.terminal.submission import report

        print_table(report(made), LISTING_WIDTH)
    if not made.refused:
        note(f"look at it as others will: tinybench audit {made.folder}")
    return 1 if made.refused else 0
