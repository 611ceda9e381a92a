"""Handing results in, and looking at what others handed in: submit, audit, score."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinybench.errors import UsageError

from .options import PATH, OneOf, command, into_file, runs_word
from .output import Voice, document, put
from .tree import Argument, Option

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..audit.result import Audit

AUDITS = ("terminal", "html", "markdown", "csv", "json")
"""Formats of an audit: CSV has one line a system, JSON everything."""
FILTERS = ("round", "division", "submitter", "system", "task", "mode")
VERDICTS = ("figure", "rule", "paperwork", "sound")
SORTS = ("verdict", "name", "round", "broken")


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

    found = read_heard(document(heard), str(heard))
    windows_s, length_s = found.windows_s, found.length_s
    if words is not None:
        said = windows_of(document(words), str(words))
        windows_s, length_s = tuple(said.detection_windows), said.length_sec
    if not windows_s:
        raise UsageError(f"{heard}: it does not say when the words are: give the list with --words")
    judged = judge(
        found.detections_ms, windows_s, length_s=length_s, period_s=found.period_s,
        drifts=found.drifts,
    )  # fmt: skip
    curve = ()
    if found.activations is not None:
        curve = det_curve(found.activations, windows_s, frame_ms=found.frame_ms)
    summary = summarise(judged, windows_s, curve)

    def terminal() -> "RenderableType":
        from ..report.score import told

        return told(summary)

    put(voice, to, out, {"terminal": terminal, "json": lambda: summary})
    return 0 if summary.valid else 1


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

    insist_runs(*runs)
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


def published(*paths: Path) -> bool:
    """Return whether one of the paths is a tree of published results, and no run or runs."""
    from ..audit.tree import looks_published

    return any(path.is_dir() and looks_published(path) for path in paths)


def insist_runs(*paths: Path) -> None:
    """Raise UsageError for a tree of published results, where runs of this program are wanted."""
    for path in paths:
        if published(path):
            raise UsageError(
                f"{path}: published results, and no runs of tinybench; look at them with: "
                f"tinybench audit {path}"
            )


@command(
    "audit",
    Argument("tree", type=PATH, metavar="PATH", help="a tree of published results"),
    Option(
        "--labels",
        type=PATH,
        metavar="DIR",
        help="an EEMBC dataset folder with label files (default: the official ones, fetched)",
    ),
    *(
        Option(f"--{name}", metavar=name.upper(), section="which runs", help=f"only of this {name}")
        for name in FILTERS
    ),
    Option(
        "--verdict",
        type=OneOf(VERDICTS),
        metavar="VERDICT",
        section="which runs",
        help=f"only systems with this one: {', '.join(VERDICTS)}",
    ),
    Option("--rule", metavar="RULE", section="which runs", help="only runs that break this rule"),
    Option(
        "--sort",
        type=OneOf(SORTS),
        default="verdict",
        metavar="ORDER",
        section="output",
        help=f"systems in the order of their {', '.join(SORTS)} (default: verdict)",
    ),
    into_file(),
    formats=AUDITS,
    examples=(
        "tinybench audit tiny_results_v1.3",
        "tinybench audit TREE --submitter acme --verdict figure",
        "tinybench audit TREE --to html -o audit.html",
    ),
)
def audit(
    voice: Voice,
    tree: Path,
    labels: Path | None,
    verdict: str | None,
    rule: str | None,
    sort: str,
    to: str,
    out: Path | None,
    **wanted: Any,
) -> int:
    """Check published MLPerf Tiny results."""
    from ..audit.audit import audit as audited
    from ..audit.rollup import select

    found = select(audited(tree, labels, track=voice.track), wanted, verdict, rule, sort)
    put_audit(voice, found, to, out)
    return 0 if found.valid else 1


def put_audit(voice: Voice, found: "Audit", to: str, out: Path | None) -> None:
    """Print an audit in one of AUDITS, or write it into a file."""
    from ..report.audit import as_csv, as_markdown
    from ..report.page.audit_html import html
    from ..report.terminal.audit import report as told

    forms: Mapping[str, Any] = {
        "terminal": lambda: told(found),
        "html": lambda: html(found),
        "markdown": lambda: as_markdown(found),
        "csv": lambda: as_csv(found),
        "json": lambda: found,
    }
    put(voice, to, out, forms)
