"""Handing results in: submit."""

from pathlib import Path

from .options import PATH, OneOf, command, runs_word
from .output import Voice, put
from .tree import Option


@command(
    "submit",
    runs_word(),
    Option("--submitter", required=True, metavar="NAME", help="becomes a folder"),
    Option(
        "--system",
        type=PATH,
        required=True,
        metavar="FILE",
        help="a .toml or .json file that describes the system; its name becomes a folder",
    ),
    Option(
        "--division",
        type=OneOf(("closed", "open")),
        metavar="DIVISION",
        help="closed (default): nothing that breaks a rule; open: broken rules are named in it",
    ),
    Option("--open", "open_division", is_flag=True, help="the same as --division open"),
    Option(
        "--rehearsal",
        is_flag=True,
        help="with --open: also emulated boards and other inputs, marked as no result everywhere",
    ),
    Option(
        "-o", "--out", type=PATH, required=True, metavar="DIR", section="output", help="new folder"
    ),
    formats=("terminal", "json"),
    examples=("tinybench submit runs --submitter acme --system acme.toml -o submission",),
    exclusive=(("division", "open_division"),),
)
def submit(
    voice: Voice,
    runs: tuple[Path, ...],
    division: str | None,
    open_division: bool,
    to: str,
    out: Path,
    **said: object,
) -> int:
    """Make the tree of an MLPerf Tiny submission."""
    from ..report.terminal.submission import report
    from ..submission.tree import submit as submitted

    made = submitted(
        list(runs),
        submitter=str(said["submitter"]),
        system=Path(str(said["system"])),
        division="open" if open_division else division or "closed",
        out=out,
        rehearsal=bool(said["rehearsal"]),
    )
    put(voice, to, None, {"terminal": lambda: report(made), "json": lambda: made})
    if not made.refused:
        voice.note(f"look at it as others will: tinybench audit {made.folder}")
    return 1 if made.refused else 0
