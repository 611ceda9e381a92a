"""What differs between two sets of runs: for a terminal, and as Markdown."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tinybench.printable import all_printable

from ...compare.change import Comparison
from ...compare.distribution import words
from ...compare.gate import Difference
from ..markdown import escaped, rows

HEADER = ("task", "board", "metric", "old", "new", "difference", "", "more than noise")
SCALES = {"share": (100.0, "%"), "s": (1e3, "ms"), "J": (1e6, "uJ"), "B": (1.0, "B")}
"""What a figure is multiplied by to be shown, and the unit it then has."""


def report(found: Comparison) -> RenderableType:
    """Return every metric, old and new, then the gates that failed."""
    found = all_printable(found)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in HEADER:
        right = name in ("old", "new", "difference", "")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for line in found.differences:
        table.add_row(*map(Text, _cells(line)))
    parts: list[RenderableType] = [table]
    parts += [Text(line) for line in (*map(words, found.distributions), *found.notes)]
    parts += [Text(words, "bold red") for words in _failures(found)]
    return Group(*parts)


def as_markdown(found: Comparison) -> str:
    """Return the same as Markdown, for the summary of a CI job."""
    found = all_printable(found)
    lines = [rows(HEADER, map(_cells, found.differences))]
    lines += [f"* {escaped(line)}" for line in (*map(words, found.distributions), *found.notes)]
    lines += [f"* **{escaped(words)}**" for words in _failures(found)]
    return "\n".join(lines) + "\n"


def _failures(found: Comparison) -> list[str]:
    return [
        f"FAILED {failure.gate}: {failure.task} on {failure.board}: {failure.found}"
        for failure in found.failures
    ]


def _cells(line: Difference) -> tuple[str, ...]:
    name = f"{line.metric} ({line.label})" if line.label else line.metric
    word = {True: "yes", False: "no", None: "?"}[line.real]
    relative = "" if line.relative is None else f"{line.relative:+.3%}"
    return (
        line.task,
        line.board,
        name,
        _figure(line.old, line.unit),
        _figure(line.new, line.unit),
        _figure(line.difference, line.unit, sign="+"),
        relative,
        f"{word}, {line.why}",
    )


def _figure(value: float | None, unit: str, sign: str = "") -> str:
    if value is None:
        return "-"
    scale, name = SCALES.get(unit, (1.0, "" if unit == "1" else unit))
    if sign and unit == "share":
        name = "pt"
    shown = value * scale
    whole = unit in ("1", "B") and shown == int(shown)
    digits = f"{shown:{sign},.0f}" if whole else f"{shown:{sign},.6g}"
    return f"{digits} {name}".rstrip()
