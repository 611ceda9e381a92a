"""Any option by any other: combinations chosen one by one, and run."""

import itertools
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from tinybench.errors import (
    AbsentError,
    BuildError,
    DeclarationError,
    ModelError,
    RunFolderError,
    ToolMissingError,
    UsageError,
)
from tinybench.plural import counted
from tinybench.scratch import scratch

from ...compare.store import Summary, summary
from ...compare.tags import NAME, tag
from ..kept import keep_part, kept_part, open_study, store_study
from ..parts import Part, Pieces, Share, share
from ..runs import done
from ..shards import boards_of, on_each
from ..work import Work
from .asked import Asked
from .design import choose, combinations
from .factors import Factor, insist_levels, request_for
from .findings import Figure, Row, SweepStudy, fields_of, figures_of, summed

CELLS_FOLDER = "combinations"
ALL = "all are measured"
"""Why a run is done that no budget can leave out."""
HOPELESS = 16
"""Combinations that were refused, and none measured, after which no other one is tried."""
REFUSED = (ModelError, BuildError, DeclarationError, UsageError)
"""What says that a combination cannot be, such as one that does not fit."""
OF_HERE = (ToolMissingError, AbsentError)
"""... on this computer, as it is: said, and tried again the next time."""


@dataclass(frozen=True)
class Budget:
    """When a sweep ends."""

    seconds: float | None = None
    runs: int | None = None

    @property
    def ends(self) -> bool:
        """Return whether it may end before all combinations are measured."""
        return self.seconds is not None or self.runs is not None

    def allows(self, rows: Sequence[Row], count: int, at_a_time: int) -> bool:
        """Return whether `count` more runs, which take as long as the others did, are within.

        `at_a_time`: boards that the study began with; one that is out leaves its time to the rest.
        """
        if self.runs is not None and len(rows) + count > self.runs:
            return False
        if self.seconds is None or not rows:
            return True
        took_s = [row.took_s for row in rows]
        return sum(took_s) + count * statistics.fmean(took_s) <= self.seconds * at_a_time


def pieces(asked: Asked) -> Pieces:
    """Return what the folder of a study keeps: a run of a combination each."""
    factors = _factors(asked)
    points = combinations([len(one.levels) for one in factors])

    def fits(name: str, row: Row) -> bool:
        n, repeat = map(int, name.split("-"))
        return repeat < asked.repeats and n < len(points) and _is(row, n, repeat, factors, points)

    return Pieces(r"[0-9]{4}-[0-9]{1,3}", Row, ("{}",), CELLS_FOLDER, fits)


def run_sweep(
    asked: Asked,
    work: Work,
    budget: Budget,
) -> SweepStudy:
    """Measure combinations until all are, or the budget ends; what is done is not done again.

    Raises UsageError where no combination can be,
    RunFolderError, and what a bench fails by.
    """
    factors = _factors(asked)
    points = combinations([len(one.levels) for one in factors])
    _insist_boards(factors, work)
    with open_study(work.folder, asked):
        rows = kept_rows(work.folder, points, asked)
        if rows:
            work.say(f"{work.folder}: {counted(len(rows), 'run')} there already")
        boards, tried = boards_of(work), set[tuple[int, int]]()
        at_a_time = len(work.boards) or work.shards
        dealt = at_a_time > 1 and not budget.ends
        while wanted := (
            _all(asked, points, rows, tried)
            if dealt
            else _next(asked, points, rows, boards.left or work.shards, tried)
        ):
            if len(rows) >= HOPELESS and all(row.refused for row in rows):
                break
            while wanted and not budget.allows(rows, len(wanted), at_a_time):
                wanted.pop()
            if not wanted:
                work.say("the budget ends here; ask for the same with a larger one to go on")
                break
            tried |= {(n, repeat) for n, repeat, _ in wanted}
            rows += on_each(
                work,
                lambda one, there: _measured(factors, points, one, there, chosen=budget.ends),
                wanted,
                boards,
            )
            if work.boards and not boards.left:
                break
        boards.insist()
    if all(row.refused for row in rows):
        why = rows[0].refused if rows else "the budget allows no run"
        raise UsageError(f"no combination of {len(points)} was measured; the first: {why}")
    if not fields_of(asked, rows):
        raise UsageError(
            f"--objectives {','.join(asked.objectives)}: no such figure that all {len(rows)} runs "
            "have, and by one metric: measured and emulated boards have no time or energy in "
            "common, tasks often no score: ask for flash,ram as well"
        )
    found = summed(asked, points, sorted(rows, key=lambda row: (row.combination, row.repeat)))
    store_study(work.folder, found)
    return found


def share_sweep(
    asked: Asked,
    work: Work,
    part: Part,
) -> Share:
    """Measure the combinations of a part, as `run_sweep` does all, in their own order."""
    factors = _factors(asked)
    points = combinations([len(one.levels) for one in factors])
    mine = share(range(len(points)), part)
    _insist_boards(factors, work)
    with open_study(work.folder, asked, str(part)):
        for repeat in range(asked.repeats):  # all once before any is repeated
            rows = kept_rows(work.folder, points, asked)
            on_each(
                work,
                lambda one, there: _measured(factors, points, one, there, chosen=False),
                _round(mine, repeat, _there(rows), rows),
            )
        rows = [row for row in kept_rows(work.folder, points, asked) if row.combination in mine]
    done = {"combinations": len(mine), "runs": len(rows)}
    return Share(study=asked.study, part=str(part), done=done, same=True)


def _insist_boards(factors: Sequence[Factor], work: Work) -> None:
    """Raise UsageError, which names it, where one of several boards is not there for all levels."""
    for name in work.boards:
        try:
            with scratch() as tried:
                insist_levels(factors, {**work.words, "board": name}, tried)
        except UsageError as error:
            raise UsageError(f"board {name}: {error}") from error


def _factors(asked: Asked) -> list[Factor]:
    return [Factor(name, tuple(levels)) for name, levels in asked.factors.items()]


def kept_rows(folder: Path, points: Sequence[tuple[int, ...]], asked: Asked) -> list[Row]:
    """Return the runs that a folder has, in their order. Raises RunFolderError."""
    found, factors = list[Row](), _factors(asked)
    for n, repeat in itertools.product(range(len(points)), range(asked.repeats)):
        path = folder / CELLS_FOLDER / f"{_name(n, repeat)}.json"
        row = kept_part(path, Row)
        if row is None:
            continue
        if not _is(row, n, repeat, factors, points):
            raise RunFolderError(f"{path}: of another combination; give -o a new folder")
        found.append(row)
    return found


def _is(
    row: Row, n: int, repeat: int, factors: Sequence[Factor], points: Sequence[tuple[int, ...]]
) -> bool:
    """Return whether a row is of a combination and repeat."""
    levels = list(_levels(factors, points[n]).values())
    return (row.combination, row.repeat, row.levels) == (n, repeat, levels)


def _levels(factors: Sequence[Factor], point: Sequence[int]) -> dict[str, str]:
    return {one.name: one.levels[at] for one, at in zip(factors, point, strict=True)}


def _name(combination: int, repeat: int) -> str:
    return f"{combination:04}-{repeat}"


def _next(
    asked: Asked,
    points: Sequence[tuple[int, ...]],
    rows: list[Row],
    count: int,
    tried: set[tuple[int, int]],
) -> list[tuple[int, int, str]]:
    """Return the runs to do next, so many at most: combination, repeat, and why.

    `tried`: those that are not done again now, though a board failed at them.
    """
    done_ = _there(rows) | tried
    found = list[tuple[int, int, str]]()
    if not rows:
        untried = (n for n in range(len(points)) if (n, 0) not in tried)
        return [(n, 0, "the first of all") for n in itertools.islice(untried, 1)]
    counts = [len(levels) for levels in asked.factors.values()]
    for repeat in range(asked.repeats):  # all once before any is repeated
        never = _once(rows) if repeat else {row.combination for row in rows if row.refused}
        left = [n for n in range(len(points)) if (n, repeat) not in done_ and n not in never]
        while left and len(found) < count:
            measured, figures = figures_of(asked, rows)
            taken = [points[n] for n in (*measured, *(one[0] for one in found))]
            if found or repeat:  # nothing new is known yet of those that run beside
                figures = np.zeros((0, 0))
            at, why = choose([points[n] for n in left], taken, figures, counts)
            found.append((left.pop(at), repeat, why if not repeat else "again"))
        if found:
            break
    return found


def _all(
    asked: Asked, points: Sequence[tuple[int, ...]], rows: list[Row], tried: set[tuple[int, int]]
) -> list[tuple[int, int, str]]:
    """Return all runs of the next repeat, of which a board that is free takes the first.

    Until one is measured they are no more than show that none can be. `tried`: as `_next`.
    """
    there = _there(rows) | tried
    rounds = (_round(range(len(points)), repeat, there, rows) for repeat in range(asked.repeats))
    found = next(filter(None, rounds), [])
    return found if any(not row.refused for row in rows) else found[:HOPELESS]


def _round(
    which: Iterable[int], repeat: int, there: set[tuple[int, int]], rows: Sequence[Row]
) -> list[tuple[int, int, str]]:
    """Return the runs of a repeat that are not there, in their order."""
    never = _once(rows) if repeat else set[int]()
    return [(n, repeat, ALL) for n in which if (n, repeat) not in there and n not in never]


def _there(rows: Sequence[Row]) -> set[tuple[int, int]]:
    return {(row.combination, row.repeat) for row in rows}


def _once(rows: Sequence[Row]) -> set[int]:
    """Return the combinations that are not repeated: what is counted is exact."""
    return {row.combination for row in rows if row.refused or row.emulated}


def _measured(
    factors: Sequence[Factor],
    points: Sequence[tuple[int, ...]],
    which: tuple[int, int, str],
    work: Work,
    *,
    chosen: bool,
) -> Row:
    """Do one run, or say why there is none, and keep that; `chosen`: before others, for why."""
    number, repeat, why = which
    named = _levels(factors, points[number])
    own = work.folder / CELLS_FOLDER
    out = own / _name(number, repeat)
    said = ", ".join(f"{name}={level}" for name, level in named.items())
    work.say(f"{said}: {why}")
    row = Row(
        combination=number, repeat=repeat, levels=list(named.values()), took_s=0.0,
        why=why if chosen else ALL,
    )  # fmt: skip
    start_s = time.monotonic()
    try:
        request = request_for(named, factors, work.words, own / f"{number:04}", out)
        outcome = done(request, out, work.track, lambda _: None)
    except RunFolderError:
        raise
    except REFUSED as error:
        if work.boards and isinstance(error, AbsentError):
            raise  # which is that board's alone
        row = msgspec.structs.replace(row, refused=str(error))
        if isinstance(error, OF_HERE):
            return row
    else:
        told = {f"by_{name.replace('.', '_')}": text for name, text in named.items()}
        tag(out, {n: text for n, text in told.items() if text and NAME.fullmatch(n)})
        row = _of_run(row, summary(outcome.result, outcome.verdict, out))
    row = msgspec.structs.replace(row, took_s=time.monotonic() - start_s)
    return keep_part(own / f"{out.name}.json", row)


def _of_run(row: Row, run: Summary) -> Row:
    """Return a row with the figures of its run."""
    score, metric = next(
        ((value, name) for name in ("top1", "auc", "exact", "iou", "f1", "r2")
         if (value := getattr(run, name)) is not None),
        (None, ""),
    )  # fmt: skip
    values = {
        "latency_s": None if run.emulated else run.latency_s,
        "estimated_latency_s": run.estimated_latency_s,
        "instructions": run.instructions_per_inference,
        "energy_per_inference_j": run.energy_per_inference_j,
        "estimated_energy_j": run.estimated_energy_j,
        "flash_b": run.flash_b,
        "ram_b": run.ram_b,
        "score": score,
    }
    halves = {
        "latency_s": run.latency_uncertainty_s,
        "energy_per_inference_j": run.energy_uncertainty_j,
    }
    figures = {
        name: Figure(value=float(value), half=halves.get(name))
        for name, value in values.items()
        if value is not None
    }
    return msgspec.structs.replace(
        row, emulated=run.emulated, valid=run.valid, figures=figures, metric=metric,
        energy_modelled=run.energy_modelled,
        run=f"{CELLS_FOLDER}/{_name(row.combination, row.repeat)}",
    )  # fmt: skip
