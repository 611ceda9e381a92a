"""What an audit found, as a person reads it in a terminal."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tinybench.printable import all_printable

from ...audit.result import Audit, Run, grade_of
from ..audit import COUNTED, ROLLED, broken, of_systems, rolled, sentence, tallied, word

DETAILED_RUNS = 60
"""Of larger trees the terminal shows the systems and counts the broken rules."""
STYLES = {"figure": "bold red", "rule": "red", "paperwork": "yellow", "sound": "green"}


def report(found: Audit) -> RenderableType:
    """Return the verdict, the systems, then the runs and the broken rules."""
    found = all_printable(found)
    parts: list[RenderableType] = [Text(), verdict(found), Text(of_systems(found)), Text()]
    parts.append(_systems(found))
    detailed = len(found.runs) <= DETAILED_RUNS
    if detailed:
        parts += [Text(), _runs(found.runs)]
    if broken(found):
        parts += [Text(), _violations(found) if detailed else _table(COUNTED, tallied(found))]
    if not detailed:
        parts.append(Text("each run: --submitter, --system or --task, --to json or --to html"))
    notes = {note: None for run in found.runs for note in run.notes} if detailed else {}
    for note in (*notes, *found.notes):
        parts.append(Text(f"note: {note}"))
    return Group(*parts)


def verdict(found: Audit) -> Text:
    """Return the outcome in one line: green, yellow where not all can be computed, or red."""
    unproved = found.not_recomputable or found.as_printed
    good = "bold yellow" if unproved else "bold green"
    return Text(sentence(found), good if found.valid else "bold red")


def _systems(found: Audit) -> Table:
    table = _table(ROLLED, ())
    for row in found.systems:
        cells = [Text(text) for text in rolled(row)]
        cells[ROLLED.index("verdict")].stylize(STYLES[row.grade])
        table.add_row(*cells)
    return table


def _runs(runs: list[Run]) -> Table:
    names = ("run", "task", "mode", "figure", "published", "recomputed", "", "broken rules")
    lines: list[tuple[str, ...]] = []
    for run in runs:
        rules = Counter(violation.rule for violation in run.violations)
        said = ", ".join(f"{rule} x{n}" if n > 1 else rule for rule, n in rules.items())
        system = run.path.rpartition("/")[0] or run.path
        head = (system, run.task, run.mode)
        if not run.figures:
            lines.append((*head, "no figure", "", "", "", said))
        for at, figure in enumerate(run.figures):
            unit = f" {figure.unit}" if figure.unit else ""
            value = figure.recomputed or "-"
            if figure.corrected not in (None, figure.recomputed):
                value += f" ({figure.corrected} {figure.correction})"
            cells = (figure.name, figure.published + unit, value, word(figure))
            lines.append((*(head if at == 0 else ("", "", "")), *cells, said if at == 0 else ""))
    return _table(names, lines)


def _violations(found: Audit) -> Table:
    lines = [(path, v.rule, grade_of(v.rule), v.wanted, v.found) for path, v in broken(found)]
    return _table(("run", "rule", "weighs as", "wanted", "found"), lines)


def _table(names: Sequence[str], lines: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold")
    for line in lines:
        table.add_row(*map(Text, line))
    return table
