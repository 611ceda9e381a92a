"""Runs as Markdown, for the summary of a CI job."""

import html
import re
from collections.abc import Iterable, Sequence

from tinybench.printable import all_printable, printable

from ..compare.store import Summary
from ..results.result import Result
from ..rules import Verdict
from .table import accuracy, estimated_ms, instructions, microjoules, milliseconds, validity
from .terminal.published import placed, words
from .terminal.text import caveats

_MARKS = re.compile(r"([\\`*_\[\]|~#!])")


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, in a line or in the cell of a table."""
    one_line = " ".join(printable(text).split())
    return _MARKS.sub(r"\\\1", html.escape(one_line, quote=False))


def rows(header: Sequence[str], cells: Iterable[Sequence[str]]) -> str:
    """Return a table; all cells are escaped."""
    lines = [header, *cells]
    text = ["| " + " | ".join(map(escaped, line)) + " |" for line in lines]
    return "\n".join([text[0], "|" + " --- |" * len(header), *text[1:]]) + "\n"


def as_markdown(runs: Sequence[tuple[Result, Verdict, Summary]]) -> str:
    """Return a table of the runs, then what each of them is not and which rules it breaks."""
    header = ("task", "board", "verdict", "accuracy", "ms", "uJ/inference", "instructions", "flash")
    parts = ["## tinybench\n"]
    parts.append(rows(header, (_cells(summary) for _, _, summary in runs)))
    for result, verdict, summary in runs:
        said = [*caveats(all_printable(result), verdict), *words(placed(result))]
        violations = verdict.violations
        parts.append(f"### {escaped(f'{result.task} on {result.board}')}\n")
        parts.append("".join(f"* {escaped(sentence)}\n" for sentence in said))
        if violations:
            broken = [(v.rule, v.wanted, v.found, v.advice) for v in violations]
            parts.append(rows(("rule", "wanted", "found", "what to change"), broken))
        parts.append(f"run folder: {escaped(summary.run)}\n")
    return "\n".join(parts)


def _cells(run: Summary) -> tuple[str, ...]:
    flash_b, count = run.flash_b, instructions(run)
    return (
        run.task,
        run.board,
        validity(run),
        accuracy(run),
        milliseconds(run) + _between(run),
        microjoules(run),
        count if count == "-" else f"{count} (emulated)",
        "-" if flash_b is None else f"{flash_b:,} B",
    )


def _between(run: Summary) -> str:
    """Return the bounds of an estimated latency; nothing where there are none."""
    estimate = estimated_ms(run)
    return "" if estimate is None else f" ({estimate[0]} to {estimate[2]})"
