"""What an audit found, as a person reads it in a terminal."""

from collections import Counter

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ...audit.result import Audit, Figure, Run
from ...rules import Violation

COUNTED = ("rule", "runs", "times", "such as")
DETAILED_RUNS = 60
"""Of larger trees the terminal counts the broken rules; JSON and HTML have all of them."""


def report(found: Audit) -> RenderableType:
    """Return a table of the runs, the broken rules and the verdict."""
    parts: list[RenderableType] = [Text(), _runs(found.runs)]
    broken = _broken(found)
    if broken:
        detailed = len(found.runs) <= DETAILED_RUNS
        parts += [Text(), _violations(broken) if detailed else _counted(found)]
    for note in found.notes:
        parts.append(Text(f"note: {note}"))
    return Group(*parts, Text(), verdict(found))


def sentence(found: Audit) -> str:
    """Return the outcome in one line."""
    count = sum(len(run.violations) for run in found.runs) + len(found.violations)
    words = [f"{found.reproduced} figures reproduced"]
    if found.differing:
        words.append(f"{found.differing} differ")
    if found.not_recomputable:
        words.append(f"{found.not_recomputable} cannot be computed again")
    runs = len(found.runs)
    words.append(
        f"{count} broken rule{'' if count == 1 else 's'} in {runs} run{'' if runs == 1 else 's'}"
    )
    return ", ".join(words)


def verdict(found: Audit) -> Text:
    """Return the outcome in one line: green, yellow where not all can be computed, or red."""
    good = "bold yellow" if found.not_recomputable else "bold green"
    return Text(sentence(found), good if found.valid else "bold red")


def word(figure: Figure) -> str:
    """Return how a figure compares with what was published."""
    return {True: "reproduced", False: "DIFFERS", None: "cannot be computed"}[figure.reproduced]


def _runs(runs: list[Run]) -> Table:
    table = _table("run", "task", "mode", "figure", "published", "recomputed", "", "broken rules")
    for run in runs:
        rules = Counter(violation.rule for violation in run.violations)
        said = ", ".join(f"{rule} x{n}" if n > 1 else rule for rule, n in rules.items())
        figures = run.figures or [None]
        for at, figure in enumerate(figures):
            system = run.path.rpartition("/")[0] or run.path
            head = [system, run.task, run.mode] if at == 0 else ["", "", ""]
            cells = ["no figure", "", "", ""]
            if figure is not None:
                unit = f" {figure.unit}" if figure.unit else ""
                cells = [
                    figure.name,
                    figure.published + unit,
                    figure.recomputed or "-",
                    word(figure),
                ]
            table.add_row(*(Text(cell) for cell in (*head, *cells, said if at == 0 else "")))
    return table


def _violations(broken: list[tuple[str, Violation]]) -> Table:
    table = _table("run", "rule", "wanted", "found")
    for path, violation in broken:
        row = (path, violation.rule, violation.wanted, violation.found)
        table.add_row(*(Text(cell) for cell in row))
    return table


def counted(found: Audit) -> list[tuple[str, str, str, str]]:
    """Return each broken rule with its runs, how often, and its first case; the commonest first."""
    first: dict[str, tuple[str, Violation]] = {}
    runs: dict[str, set[str]] = {}
    times: Counter[str] = Counter()
    for path, violation in _broken(found):
        first.setdefault(violation.rule, (path, violation))
        runs.setdefault(violation.rule, set()).add(path)
        times[violation.rule] += 1
    return [
        (rule, str(len(runs[rule])), str(count), f"{first[rule][0]}: {first[rule][1].found}")
        for rule, count in times.most_common()
    ]


def _broken(found: Audit) -> list[tuple[str, Violation]]:
    broken = [(run.path, violation) for run in found.runs for violation in run.violations]
    return broken + [(".", violation) for violation in found.violations]


def _counted(found: Audit) -> Table:
    table = _table(*COUNTED)
    for row in counted(found):
        table.add_row(*(Text(cell) for cell in row))
    return table


def _table(*names: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold")
    return table
