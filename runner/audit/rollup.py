"""Roll an audit up: one row a system and submission; and of what is asked for only."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from tinybench.errors import UsageError

from ..rules import Violation
from .result import GRADES, Audit, Grade, Run, System, grade_of, worst

WHOLE = ("round", "division", "mode")
"""What is given whole; of the other names a part is enough, in any case."""
FILTERS = ("round", "division", "submitter", "system", "task", "mode")
SORTS: dict[str, Callable[[System], Any]] = {
    "verdict": lambda row: (GRADES.index(row.grade), *_name(row)),
    "name": lambda row: _name(row),
    "round": lambda row: (row.round, *_name(row)),
    "broken": lambda row: (-sum(row.broken.values()), *_name(row)),
}
"""Orders of the rows."""

Key = tuple[str, str, str, str]


def whole(
    path: str, runs: Sequence[Run], violations: Sequence[Violation], notes: Sequence[str]
) -> Audit:
    """Return runs, and what is wrong with their tree, as an audit."""
    outcomes = Counter(figure.outcome for run in runs for figure in run.figures)
    rules = [v.rule for run in runs for v in run.violations] + [v.rule for v in violations]
    return Audit(
        path=path,
        runs=list(runs),
        violations=list(violations),
        notes=list(notes),
        reproduced=outcomes["reproduced"],
        as_printed=outcomes["as printed"],
        differing=outcomes["differs"],
        not_recomputable=outcomes["cannot be computed"],
        systems=rows(runs),
        grades={rule: grade_of(rule) for rule in dict.fromkeys(rules)},
        valid=not violations and all(run.sound for run in runs),
    )


def rows(runs: Sequence[Run], sort: str = "verdict") -> list[System]:
    """Return one row a system and submission."""
    groups: dict[Key, list[Run]] = {}
    for run in runs:
        groups.setdefault(_key(run), []).append(run)
    return sorted((_row(key, group) for key, group in groups.items()), key=SORTS[sort])


def select(
    found: Audit, wanted: Mapping[str, str | None], verdict: str | None = None,
    rule: str | None = None, sort: str = "verdict",
) -> Audit:  # fmt: skip
    """Return an audit of the runs that are wanted only; the rules were judged over all of them.

    `wanted`: by FILTERS. `verdict`: only systems of this grade; `rule`: only runs that break it.
    Raises UsageError when nothing is left.
    """
    asked = {name: value for name, value in wanted.items() if value is not None}
    if not asked and verdict is None and rule is None:
        return msgspec.structs.replace(found, systems=rows(found.runs, sort))
    runs = [run for run in found.runs if all(_is(run, n, value) for n, value in asked.items())]
    if not runs:
        raise UsageError(_none_left(found, asked))
    if verdict is not None:
        kept = {
            (row.round, row.division, row.submitter, row.system)
            for row in rows(runs)
            if row.grade == verdict
        }
        runs = [run for run in runs if _key(run) in kept]
    if rule is not None:
        runs = [run for run in runs if any(one.rule == rule for one in run.violations)]
    part = whole(found.path, runs, (), found.notes)
    return msgspec.structs.replace(part, systems=rows(runs, sort))


def _is(run: Run, name: str, value: str) -> bool:
    found, value = getattr(run, name).lower(), value.lower().removeprefix("v")
    return found == value if name in WHOLE else value in found


def _none_left(found: Audit, asked: Mapping[str, str]) -> str:
    said = " ".join(f"--{name} {value}" for name, value in asked.items())
    name = next(iter(asked))
    known = sorted({getattr(run, name) for run in found.runs} - {""})
    more = f" and {len(known) - 8} more" if len(known) > 8 else ""
    return f"{said}: there is no such run; {name}s here: {', '.join(known[:8]) or 'none'}{more}"


def _key(run: Run) -> Key:
    """Return what a run is a part of; by its folder where the path does not say it."""
    if run.submitter:
        return run.round, run.division, run.submitter, run.system
    return run.round, run.division, "", run.path.rpartition("/")[0] or run.path


def _name(row: System) -> tuple[str, ...]:
    return row.submitter.lower(), row.system.lower(), row.round, row.division


def _row(key: Key, runs: Sequence[Run]) -> System:
    outcomes = Counter(figure.outcome for run in runs for figure in run.figures)
    broken = [(run, violation) for run in runs for violation in run.violations]
    broken.sort(key=lambda one: (GRADES.index(grade_of(one[1].rule)), one[1].rule != "figure"))
    counts: Counter[Grade] = Counter(grade_of(violation.rule) for _, violation in broken)
    gravest = ""
    if broken:
        run, violation = broken[0]
        gravest = f"{run.task} {run.mode}: {violation.rule}: {violation.found}".strip()
    return System(
        round=key[0],
        division=key[1],
        submitter=key[2],
        system=key[3],
        tasks=list(dict.fromkeys(run.task for run in runs)),
        runs=len(runs),
        grade=worst(grade_of(violation.rule) for _, violation in broken),
        reproduced=outcomes["reproduced"],
        as_printed=outcomes["as printed"],
        differing=outcomes["differs"],
        not_recomputable=outcomes["cannot be computed"],
        broken={name: counts[name] for name in GRADES if counts[name]},
        corrected=[
            f"{run.task} {one.name} {one.corrected} {one.unit}".rstrip()
            + f", published {one.published}"
            for run in runs
            for one in run.figures
            if one.corrected is not None
        ],
        worst=gravest,
    )
