"""What stands on this desk: what is attached, and the bench file that names it."""

import argparse
import sys
from pathlib import Path

from tinybench.errors import UsageError

from .options import Commands
from .output import LISTING_WIDTH, note, print_json, print_table


def add(commands: Commands) -> None:
    """Add the commands."""
    bench = commands.add_parser("bench", help="show the bench file, which names what is attached")
    bench.add_argument("--json", action="store_true", help="print one JSON document")
    bench.set_defaults(do=_bench)
    subcommands = bench.add_subparsers(title="commands", metavar="COMMAND")
    init = subcommands.add_parser("init", help="write a bench file by asking")
    init.add_argument(
        "--out",
        dest="bench_out",
        type=Path,
        default=Path("bench.toml"),
        metavar="FILE",
        help="default: bench.toml in this folder",
    )
    init.add_argument("--user", action="store_true", help="write the user's own bench file")
    init.add_argument("--yes", action="store_true", help="take every proposed answer")
    init.set_defaults(do=_init)


def show_attached(*, as_json: bool) -> int:
    """Print what is attached; `tinybench boards --attached`."""
    from ..desk.attached import look
    from ..report.terminal.attached import table

    found = look()
    if as_json:
        print_json(found)
        return 0
    print_table(table(found), LISTING_WIDTH)
    for why in found.unseen:
        note(why)
    return 0


def _bench(arguments: argparse.Namespace) -> int:
    from tinybench.printable import printable

    from ..desk.bench import find_bench, load_bench

    path = find_bench()
    if path is None:
        raise UsageError(
            "there is no bench.toml here or above; write one with: tinybench bench init"
        )
    bench = load_bench(path)
    if arguments.json:
        print_json({"file": str(path.absolute()), **_filled(bench)})
        return 0
    print(path.absolute())
    print(printable(path.read_text(encoding="utf-8")), end="")
    return 0


def _filled(bench: object) -> dict[str, object]:
    import msgspec

    return msgspec.to_builtins(bench)


def _init(arguments: argparse.Namespace) -> int:
    from ..desk.attached import look
    from ..desk.bench import load_bench, user_bench
    from ..desk.bench_file import compose, store

    path: Path = user_bench() if arguments.user else arguments.bench_out
    if not arguments.yes and not sys.stdin.isatty():
        raise UsageError(
            "`tinybench bench init` asks, but its input is no terminal; --yes takes every proposed "
            "answer"
        )
    if path.exists() and (arguments.yes or _ask(f"{path} exists; replace it", "no") != "yes"):
        raise UsageError(f"{path} exists and was left as it is; name another file with --out")
    text = compose(look(), (lambda _, guess: guess) if arguments.yes else _ask)
    store(path, text)
    load_bench(path)
    note(f"written to {path}; show it with: tinybench bench")
    return 0


def _ask(question: str, guess: str) -> str:
    from tinybench.printable import printable

    try:
        return input(printable(f"{question} [{guess}]: ")).strip() or guess
    except EOFError:
        raise UsageError("the answers ended; nothing was written") from None
