"""A submission that was made, or why it was not, as a person reads it in a terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tinybench.plural import counted
from tinybench.printable import one_line

from ...rules import Violation
from ...submission.tree import Submission


def report(made: Submission) -> RenderableType:
    """Return what was written, with the rules that are broken all the same; or the refusal."""
    if made.refused:
        rules = counted(len(made.refused), "rule")
        head = f"not submitted: {rules} broken; nothing was written"
        return Group(Text(head, "bold red"), _table(made.refused))
    tasks = ", ".join(made.tasks)
    parts: list[RenderableType] = [
        Text(
            one_line(
                f"{made.division} division, {made.submitter}, {made.system}: {tasks}; "
                f"{counted(len(made.files), 'file')} in {made.folder}"
            ),
            overflow="fold",
        )
    ]
    if made.rehearsal:
        parts.append(Text("a rehearsal: every file says that it is no result", "bold yellow"))
    if made.marked:
        parts += [Text("broken all the same, as its notes say:", "yellow"), _table(made.marked)]
    return Group(*parts)


def _table(broken: Sequence[Violation]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("rule", "wanted", "found", "what to change"):
        table.add_column(name, overflow="fold")
    for one in broken:
        cells = (one.rule, one.wanted, one.found, one.advice)
        table.add_row(*(Text(one_line(cell)) for cell in cells))
    return table
