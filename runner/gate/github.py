"""What GitHub Actions reads of a step: annotations, outputs, the summary of the job.

Ref: GitHub Actions, "Workflow commands": a line that begins with two colons is a command, wherever
it is printed; in its text %, CR and LF are escaped, in its properties also colon and comma.
"""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tinybench.errors import UsageError

from .files import SUMMARY_FILE
from .gate import Gated

SUMMARY, OUTPUT, WORKSPACE = "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_WORKSPACE"
MOST = 10
"""Annotations of a kind; GitHub shows no more of a step."""
LONGEST = 4000
"""Characters of an annotation."""
_COMPILER = re.compile(
    r"^\s*(?P<file>[^\s:][^:\n]*):(?P<line>\d+):(?:\d+:)? (?:fatal )?error: (?P<words>.*)", re.M
)


@contextmanager
def commands_stopped(put: Callable[[str], object]) -> Iterator[None]:
    """Keep GitHub from obeying what is printed meanwhile: a board, a file or a compiler says it."""
    token = secrets.token_hex(16)
    put(f"::stop-commands::{token}")
    try:
        yield
    finally:
        put(f"::{token}::")


def annotations(gated: Gated, here: Path) -> list[str]:
    """Return a line for each gate and each rule that failed, at the place that can be changed."""
    file = _from(here, gated.baseline)
    lines: list[str] = []
    failures = [] if gated.comparison is None else gated.comparison.failures
    kind = "warning" if gated.word == "updated" else "error"
    for failure in failures[:MOST]:
        words = f"{failure.task} on {failure.board}: {failure.found}"
        metric = re.split("[<>]", failure.gate)[0].strip()
        line = _line(gated.baseline, failure.task, failure.board, metric)
        lines.append(_command(kind, words, file=file, line=line, title=f"gate {failure.gate}"))
    doubts = [] if gated.comparison is None else gated.comparison.doubts
    for doubt in doubts[:MOST]:
        words = f"{doubt.task} on {doubt.board}: {doubt.found}"
        doubted = kind if gated.strict else "warning"
        lines.append(_command(doubted, words, title=f"gate {doubt.gate}"))
    for broken in gated.outcome.violations[:MOST]:
        words = f"wanted {broken.wanted}, found {broken.found}. {broken.advice}"
        lines.append(_command("error", words, title=f"rule {broken.rule}"))
    if gated.word == "no-baseline":
        lines.append(_command("error", gated.sentence, file=file, title="tinybench: no baseline"))
    if gated.word == "updated":
        lines.append(_command("warning", gated.sentence, file=file, title="tinybench"))
    return lines


def of_error(error: Exception, here: Path) -> list[str]:
    """Return lines for what went wrong; where a compiler names a file of the checkout, at that."""
    lines = []
    for found in list(_COMPILER.finditer(str(error)))[:MOST]:
        path = here / found["file"]
        if path.is_file():
            file = _from(here, path)
            lines.append(_command("error", found["words"], file=file, line=found["line"]))
    return [*lines, _command("error", str(error), title="tinybench")]


def store_outputs(environment: Mapping[str, str], verdict: str, gated: Gated | None) -> None:
    """Append the summary to the job's, and the outputs verdict, summary and folder to the step's.

    Raises UsageError when a file that GitHub names cannot be written.
    """
    summary = None if gated is None else gated.folder / SUMMARY_FILE
    said = {"verdict": verdict}
    if gated is not None:
        said |= {"summary": str(gated.folder / SUMMARY_FILE), "folder": str(gated.folder)}
    end = secrets.token_hex(16)
    texts = {OUTPUT: "".join(f"{name}<<{end}\n{word}\n{end}\n" for name, word in said.items())}
    if summary is not None:
        texts[SUMMARY] = summary.read_text(encoding="utf-8") + "\n"
    for variable, text in texts.items():
        if path := environment.get(variable):
            try:
                with Path(path).open("a", encoding="utf-8", newline="\n") as file:
                    file.write(text)
            except OSError as error:
                raise UsageError(f"{variable} names {path}: {error.strerror or error}") from error


def _command(kind: str, words: str, **properties: str) -> str:
    """Return a workflow command; what it says cannot end it, nor begin another."""
    given = ",".join(
        f"{name}={_escaped(value).replace(':', '%3A').replace(',', '%2C')}"
        for name, value in properties.items()
        if value
    )
    return f"::{kind}{' ' if given else ''}{given}::{_escaped(words[:LONGEST])}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _from(here: Path, path: Path) -> str:
    """Return a path as GitHub names files: from the root of the checkout, with slashes."""
    whole, base = path.resolve(), here.resolve()
    return (whole.relative_to(base) if whole.is_relative_to(base) else path).as_posix()


def _line(baseline: Path, task: str, board: str, metric: str) -> str:
    """Return the number of the line where a baseline has a figure; "" where it has not."""
    at = {"task": "", "board": ""}
    try:
        lines = baseline.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    for number, line in enumerate(lines, start=1):
        if found := re.fullmatch(r'\s*"(task|board)": "(.*)",?', line):
            at[found[1]] = found[2]
        if at == {"task": task, "board": board} and re.match(rf'\s*"{metric}": {{', line):
            return str(number)
    return ""
