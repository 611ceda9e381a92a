"""What an audit found, as words, rows, CSV and Markdown."""

import csv
import io
from collections import Counter

from tinybench.plural import counted
from tinybench.printable import all_printable

from ..audit.result import GRADES, WORDS, Audit, Figure, System, grade_of
from ..rules import Violation
from .markdown import escaped, rows
from .table import cell

ROLLED = ("submitter", "system", "round", "tasks", "verdict", "figures", "broken rules",
          "corrected, or the gravest")  # fmt: skip
COUNTED = ("rule", "weighs as", "runs", "times", "such as")
CSV = ("round", "division", "submitter", "system", "tasks", "runs", "verdict", "reproduced",
       "as_printed", "differing", "not_recomputable", "broken_figure", "broken_rule",
       "broken_paperwork", "corrected", "worst")  # fmt: skip
COUNTS = {
    "figure": "with a wrong figure",
    "rule": "that break a rule",
    "paperwork": "with faults of paperwork only",
    "sound": "sound",
}
CORRECTED_MAX = 3
"""Corrected figures of a system that a cell shows."""


def sentence(found: Audit) -> str:
    """Return the outcome in one line."""
    count = sum(len(run.violations) for run in found.runs) + len(found.violations)
    words = [f"{counted(found.reproduced, 'figure')} reproduced"]
    if found.as_printed:
        words.append(f"{found.as_printed} as printed")
    if found.differing:
        words.append(f"{found.differing} differ")
    if found.not_recomputable:
        words.append(f"{found.not_recomputable} cannot be computed again")
    words.append(f"{counted(count, 'broken rule')} in {counted(len(found.runs), 'run')}")
    return ", ".join(words)


def of_systems(found: Audit) -> str:
    """Return how many systems have which verdict, in one line."""
    counts = Counter(row.grade for row in found.systems)
    said = ", ".join(f"{counts[name]} {COUNTS[name]}" for name in GRADES if counts[name])
    return counted(len(found.systems), "system") + (f": {said}" if said else "")


def word(figure: Figure) -> str:
    """Return how a figure compares with what was published."""
    return "DIFFERS" if figure.outcome == "differs" else figure.outcome


def rolled(row: System) -> tuple[str, ...]:
    """Return a system as the cells under ROLLED."""
    outcomes = (
        (row.reproduced, "reproduced"),
        (row.as_printed, "as printed"),
        (row.differing, "DIFFER"),
        (row.not_recomputable, "not computable"),
    )
    more = len(row.corrected) - CORRECTED_MAX
    said = row.corrected[:CORRECTED_MAX] + ([f"{more} more"] if more > 0 else [])
    return (
        row.submitter,
        row.system,
        row.round,
        " ".join(row.tasks),
        WORDS[row.grade],
        ", ".join(f"{count} {what}" for count, what in outcomes if count),
        ", ".join(f"{row.broken[name]} {name}" for name in GRADES if name in row.broken),
        "; ".join(said) or row.worst,
    )


def tallied(found: Audit) -> list[tuple[str, ...]]:
    """Return each broken rule with its runs, how often, and its first case; the gravest first."""
    first: dict[str, tuple[str, Violation]] = {}
    runs: dict[str, set[str]] = {}
    times: Counter[str] = Counter()
    for path, violation in broken(found):
        first.setdefault(violation.rule, (path, violation))
        runs.setdefault(violation.rule, set()).add(path)
        times[violation.rule] += 1
    order = sorted(times, key=lambda rule: (GRADES.index(grade_of(rule)), -times[rule], rule))
    return [
        (
            rule,
            grade_of(rule),
            str(len(runs[rule])),
            str(times[rule]),
            f"{first[rule][0]}: {first[rule][1].found}",
        )
        for rule in order
    ]


def broken(found: Audit) -> list[tuple[str, Violation]]:
    """Return every broken rule with the run that breaks it; the tree's own are at "."."""
    of_runs = [(run.path, violation) for run in found.runs for violation in run.violations]
    return of_runs + [(".", violation) for violation in found.violations]


def as_csv(found: Audit) -> str:
    """Return one line a system under a header; what a spreadsheet takes for a formula is quoted."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV)
    for row in map(all_printable, found.systems):
        values = (
            row.round, row.division, row.submitter, row.system, row.tasks, row.runs, row.grade,
            row.reproduced, row.as_printed, row.differing, row.not_recomputable,
            *(row.broken.get(name, 0) for name in GRADES[:3]), "; ".join(row.corrected), row.worst,
        )  # fmt: skip
        writer.writerow(map(cell, values))
    return text.getvalue()


def as_markdown(found: Audit) -> str:
    """Return the summary, the systems and the broken rules, for the summary of a CI job."""
    found = all_printable(found)
    parts = [f"## Audit of {escaped(found.path)}\n", f"{escaped(sentence(found))}\n"]
    parts += [f"{escaped(of_systems(found))}\n", rows(ROLLED, map(rolled, found.systems))]
    if found.violations or any(run.violations for run in found.runs):
        parts.append(rows(COUNTED, tallied(found)))
    parts += [f"* {escaped(note)}\n" for note in found.notes]
    return "\n".join(parts)
