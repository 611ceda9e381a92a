"""What changed: compare, gate, baseline."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinybench.errors import UsageError
from tinybench.plural import counted

from ..results.defaults import DIVISIONS
from . import options
from .model import inputs_words, truth_words
from .options import PATH, PORT_OR, OneOf, as_typed, command, into_file, runs_word
from .output import Voice, note, put
from .submission import insist_runs, published
from .tree import Argument, Group, Option

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from ..gate.gate import Gated

GATED, OF_A_MODEL = "what is measured", "of a model alone: its inputs and score"
MAY_CHANGE = "what may change"
_COMPARED = "a run, a folder of runs, a baseline file, or a tree of published results"
_STRICT = (
    "exit 1, too, where the windows are too noisy to see the change that a gate asks about: it is "
    "undecided"
)


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
    Option("--strict", is_flag=True, help=_STRICT),
    Option("--unchanged", is_flag=True, help="show the figures that did not change, too"),
    into_file(),
    formats=("terminal", "markdown", "json"),
    examples=(
        "tinybench compare baseline.json runs --fail-on 'latency>2%' --to markdown",
        "tinybench compare runs/NAME --published-log accuracy/log.txt",
    ),
    exclusive=(
        ("published_log", "fail_on"),
        ("published_log", "strict"),
        ("published_log", "unchanged"),
    ),
)
def compare(
    voice: Voice,
    base: Path,
    head: Path | None,
    published_log: Path | None,
    fail_on: tuple[str, ...],
    strict: bool,
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
    return 1 if found.failures or (strict and found.doubts) else 0


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
    Option("--baseline", type=PATH, metavar="FILE", section=MAY_CHANGE,
           help="what it is held against (default: tinybench-baseline.json)"),
    Option("--fail-on", multiple=True, metavar="CHANGE", section=MAY_CHANGE,
           help="exit 1 on such a change, as of compare; repeat it for several (default: by 1 % "
           "of instructions, or 5 % of measured time; half a point of accuracy; 1 KiB)"),
    Option("--strict", is_flag=True, section=MAY_CHANGE, help=_STRICT),
    Option("--update", is_flag=True, section=MAY_CHANGE,
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
    strict: bool,
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
            strict=strict,
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
    print(f"{counted(count, 'run')} written to {out}")
    return 0


baseline = Group("baseline", help="Keep the figures of runs in a file.").add(write)
