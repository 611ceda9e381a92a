"""What stands on this desk: what is attached, and the bench file that names it."""

import sys
from pathlib import Path
from typing import Any

from tinybench.errors import UsageError

from .options import PATH, command, into_file
from .output import Voice, put
from .tree import Group, Option


def put_attached(voice: Voice, to: str, out: Path | None) -> int:
    """Show what is attached; `tinybench boards --attached`."""
    from ..desk.attached import look
    from ..report.terminal.attached import table

    found = look()
    put(voice, to, out, {"terminal": lambda: table(found), "json": lambda: found})
    for why in found.unseen if to == "terminal" else ():
        voice.note(why)
    return 0


@command(
    "show",
    into_file(),
    formats=("terminal", "json"),
    examples=("tinybench bench", "tinybench bench --json"),
)
def show(voice: Voice, to: str, out: Path | None) -> int:
    """Show the bench file, which names what is attached."""
    from tinybench.printable import printable

    from ..desk.bench import find_bench, load_bench

    path = find_bench()
    if path is None:
        raise UsageError(
            "there is no bench.toml here or above; write one with: tinybench bench init"
        )
    known = load_bench(path)

    def terminal() -> str:
        return f"{path.absolute()}\n{printable(path.read_text(encoding='utf-8'))}"

    def filled() -> dict[str, Any]:
        import msgspec

        return {"file": str(path.absolute()), **msgspec.to_builtins(known)}

    put(voice, to, out, {"terminal": terminal, "json": filled})
    return 0


@command(
    "init",
    Option(
        "-o",
        "--out",
        type=PATH,
        metavar="FILE",
        help="default: bench.toml in this folder",
    ),
    Option("--user", is_flag=True, help="write the user's own bench file"),
    Option("--yes", is_flag=True, help="take every proposed answer"),
    examples=("tinybench bench init", "tinybench bench init --user --yes"),
    exclusive=(("user", "out"),),
)
def init(voice: Voice, out: Path | None, user: bool, yes: bool) -> int:
    """Write a bench file by asking."""
    from ..desk.attached import look
    from ..desk.bench import load_bench, user_bench
    from ..desk.bench_file import compose, store

    path: Path = user_bench() if user else out or Path("bench.toml")
    if not yes and not sys.stdin.isatty():
        raise UsageError(
            "`tinybench bench init` asks, but its input is no terminal; --yes takes every proposed "
            "answer"
        )
    if path.exists() and (yes or _ask(f"{path} exists; replace it", "no") != "yes"):
        raise UsageError(f"{path} exists and was left as it is; name another file with --out")
    text = compose(look(), (lambda _, guess: guess) if yes else _ask)
    store(path, text)
    load_bench(path)
    voice.note(f"written to {path}; show it with: tinybench bench")
    return 0


def _ask(question: str, guess: str) -> str:
    from tinybench.printable import printable

    try:
        return input(printable(f"{question} [{guess}]: ")).strip() or guess
    except EOFError:
        raise UsageError("the answers ended; nothing was written") from None


bench = Group(
    "bench", default="show", help="Show the bench file, which names what is attached, or write one."
).add(show, init)
