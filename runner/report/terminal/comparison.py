"""What differs between two sets of runs, the verdict first: for a terminal, and as Markdown."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tinybench.plural import counted
from tinybench.printable import all_printable

from ...compare.change import Comparison
from ...compare.distribution import words
from ...compare.gate import Difference
from ..markdown import escaped, rows

HEADER = ("task", "board", "metric", "old", "new", "difference", "", "more than noise")
SCALES = {"share": (100.0, "%"), "s": (1e3, "ms"), "J": (1e6, "uJ"), "B": (1.0, "B")}
"""What a figure is multiplied by to be shown, and the unit it then has."""


def report(found: Comparison, *, every: bool = False) -> RenderableType:
    """Return the verdict in a line, the metrics that changed, old and new, and the failed gates.

    `every`: those that did not change, too.
    """
    found = all_printable(found)
    lines = found.differences if every else changed(found)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in HEADER:
        right = name in ("old", "new", "difference", "")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for line in lines:
        table.add_row(*map(Text, _cells(line)))
    parts: list[RenderableType] = [Text(verdict(found), "bold red" if found.failures else "bold")]
    parts += [table] if lines else []
    parts += [Text(line) for line in ([] if every else _unchanged(found))]
    parts += [Text(line) for line in (*map(words, found.distributions), *found.notes)]
    parts += [Text(line, "bold red") for line in _failures(found)]
    parts += [Text(line, "yellow") for line in _doubts(found)]
    return Group(*parts)


def as_markdown(found: Comparison, *, every: bool = False) -> str:
    """Return the same as Markdown, for the summary of a CI job; what did not change is folded."""
    found = all_printable(found)
    more = changed(found)
    same = [line for line in found.differences if line not in more]
    if every:
        more, same = found.differences, []
    parts = [f"**{escaped(verdict(found))}**\n"]
    parts += [f"* **{escaped(line)}**" for line in (*_failures(found), *_doubts(found))]
    parts += [f"\n{rows(HEADER, map(_cells, more))}"] if more else []
    if same:
        count = f"{counted(len(same), 'figure')} did not change"
        table = rows(HEADER, map(_cells, same))
        parts.append(f"\n<details><summary>{count}</summary>\n\n{table}\n</details>\n")
    parts += [f"* {escaped(line)}" for line in (*map(words, found.distributions), *found.notes)]
    return "\n".join(parts) + "\n"


def verdict(found: Comparison) -> str:
    """Return what came of it in a line, such as "gates passed: 3 of 3; 2 of 9 figures changed"."""
    failed = {failure.gate for failure in found.failures}
    known = [line for line in found.differences if line.difference is not None]
    moved = [line for line in known if line.difference and line.real is not False]
    moves = f"{len(moved)} of {counted(len(known), 'figure')} changed"
    if lost := len(found.differences) - len(known):
        moves += f", {lost} on one side only"
    gates = dict.fromkeys(found.gates)
    if not gates:
        return moves
    doubted = {doubt.gate for doubt in found.doubts}
    passed = f"gates passed: {len(gates) - len(failed | doubted)} of {len(gates)}"
    if doubted:
        passed += f", {len(doubted)} undecided, in windows too noisy to judge by"
    return f"{'FAILED, ' if failed else ''}{passed}; {moves}"


def changed(found: Comparison) -> list[Difference]:
    """Return the figures that are not the same on both sides, by noise or more."""
    return [line for line in found.differences if line.difference != 0]


def _unchanged(found: Comparison) -> list[str]:
    """Return which figures are the same on both sides, a line a task and board."""
    names: dict[tuple[str, str], list[str]] = {}
    for line in found.differences:
        if line.difference == 0:
            names.setdefault((line.task, line.board), []).append(line.metric)
    return [
        f"unchanged, {task} on {board}: {', '.join(metrics)}"
        for (task, board), metrics in names.items()
    ]


def _doubts(found: Comparison) -> list[str]:
    return [f"gate {one.gate}: {one.task} on {one.board}: {one.found}" for one in found.doubts]


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
