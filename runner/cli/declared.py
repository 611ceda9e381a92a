"""What there is, and what is missing: boards, tasks, fetch, prepare, doctor."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tinybench.errors import UsageError

from ..results.words import DEFAULT_BOARD
from .desk import show_attached
from .options import Commands
from .output import print_json

if TYPE_CHECKING:
    from ..desk.doctor import Finding


def add(commands: Commands) -> None:
    """Add the commands."""
    boards = commands.add_parser("boards", help="list the boards")
    boards.add_argument(
        "--attached", action="store_true", help="list what is plugged into this computer"
    )
    boards.add_argument("--json", action="store_true", help="print one JSON document")
    boards.set_defaults(do=_boards)

    tasks = commands.add_parser("tasks", help="list the tasks")
    tasks.add_argument("--json", action="store_true", help="print one JSON document")
    tasks.set_defaults(do=_tasks)

    fetch = commands.add_parser("fetch", help="get the official inputs and model of a task")
    fetch.add_argument(
        "task",
        nargs="?",
        metavar="TASK",
        help="such as kws; or published, for the published results",
    )
    fetch.add_argument(
        "--list",
        action="store_true",
        dest="only_list",
        help="fetch nothing: print SHA-256 and address of each file, for a mirror made by hand",
    )
    fetch.add_argument(
        "--from",
        dest="fetch_source",
        type=Path,
        nargs="+",
        default=[],
        metavar="PATH",
        help="of published results: a table (.csv), or clones of mlcommons/tiny_results_v...",
    )
    fetch.set_defaults(do=_fetch)

    import_ = commands.add_parser(
        "import", help="take official inputs from an EEMBC folder into the cache, by their bytes"
    )
    import_.add_argument("import_folder", type=Path, metavar="DIR", help="with any of the sets")
    import_.set_defaults(do=_import)

    prepare = commands.add_parser("prepare", help="make official inputs from the public originals")
    prepare.add_argument("task", metavar="TASK", help="kws, vww, ic, ic02 or ad")
    prepare.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="FOLDER",
        help="with one-second clips (kws), COCO's val2017.zip or its photographs (vww), CIFAR-10's "
        "binary archive (ic, ic02), dev_data_ToyCar.zip or its wavs (ad); without --from, the "
        "command says where they are published, and their checksums",
    )
    prepare.add_argument(
        "-o", "--out", type=Path, metavar="DIR", help="dataset folder (default: the cache)"
    )
    prepare.set_defaults(do=_prepare)

    doctor = commands.add_parser("doctor", help="say what is installed and what is missing")
    doctor.add_argument("--json", action="store_true", help="print one JSON document")
    doctor.add_argument(
        "--udev",
        action="store_true",
        help="say who may open the ports, whether ModemManager disturbs them, and the udev rules",
    )
    doctor.add_argument("--rules", action="store_true", help="with --udev: print the rules alone")
    doctor.set_defaults(do=_doctor)


def _boards(arguments: argparse.Namespace) -> int:
    if arguments.attached:
        return show_attached(as_json=arguments.json)
    from tinybench.declare import load

    from ..build.board import Board, names

    boards = [load(path, Board) for path in names().values()]
    if arguments.json:
        print_json(boards)
        return 0
    width = max(len(board.name) for board in boards)
    for board in boards:
        note = " (default)" if board.name == DEFAULT_BOARD else ""
        if board.attached is not None:
            note = " (on a --port" + ", or --emulate" * (board.emulator is not None) + ")"
        print(f"{board.name:<{width}} {board.core:<12} {board.description}{note}")
    return 0


def _tasks(arguments: argparse.Namespace) -> int:
    from ..build.task import METRICS, load_task, names

    tasks = [load_task(name) for name in names()]
    if arguments.json:
        print_json(tasks)
        return 0
    for task in tasks:
        print(
            f"{task.name:<6} {task.model_id:<8} {task.title}: {task.input_b} bytes an input, "
            f"closed division from {METRICS[task.metric]} {task.rules.closed_threshold:.0%}"
            + (f", submitted together with {task.together_with}" if task.together_with else "")
        )
    return 0


def _fetch(arguments: argparse.Namespace) -> int:
    if arguments.only_list:
        from ..build.official import addresses

        print("\n".join(addresses(arguments.task)))
        return 0
    if arguments.task is None:
        raise UsageError("fetch: say what: a task such as kws, or published; or --list")
    if arguments.task == "published":
        from ..compare.published.table import fetch

        table = fetch(arguments.fetch_source)
        print(f"{len(table.entries)} published results from {table.source} are in the cache")
        return 0
    if arguments.fetch_source:
        raise UsageError("--from is for tinybench fetch published; for inputs: tinybench prepare")
    from ..build.inputs import fetch_official
    from ..build.official import fetched
    from ..build.task import load_task
    from ..report.terminal.progress import track_for

    task = load_task(arguments.task)
    print(fetched(task, fetch_official(task, track_for(sys.stderr))))
    return 0


def _import(arguments: argparse.Namespace) -> int:
    from ..build.official import import_folder, imported_words
    from ..report.terminal.progress import track_for

    found = import_folder(arguments.import_folder, track_for(sys.stderr))
    print("\n".join(imported_words(found)))
    return 0 if any(one.whole for one in found) else 1


def _prepare(arguments: argparse.Namespace) -> int:
    from ..build.inputs import prepare_official
    from ..build.official import prepared
    from ..build.task import load_task
    from ..report.terminal.progress import track_for

    task = load_task(arguments.task)
    progress = track_for(sys.stderr)
    folder, made, total = prepare_official(task, arguments.source, arguments.out, progress)
    print(f"{made} of {total} inputs of {task.name} made in {folder}")
    print(prepared(task, folder))
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    if arguments.rules or arguments.udev:
        from ..desk.udev import commands, examine, rules

        if arguments.rules:
            print(rules(), end="")
            return 0
        status = _show_findings(examine(), as_json=arguments.json)
        if not arguments.json:
            print(f"\n{rules()}\nto install these rules, type:\n\n{commands()}")
        return status
    from ..desk.doctor import examine

    return _show_findings(examine(), as_json=arguments.json)


def _show_findings(findings: "list[Finding]", *, as_json: bool) -> int:
    missing = [finding for finding in findings if finding.required and not finding.found]
    if as_json:
        print_json(findings)
        return 2 if missing else 0
    for finding in findings:
        if finding.found:
            print(f"ok       {finding.name:<18} {finding.found}")
        else:
            word = "MISSING" if finding.required else "absent"
            print(f"{word:<8} {finding.name:<18} for {finding.needed_for}; {finding.remedy}")
    return 2 if missing else 0
