"""Studies below a folder, one row for each thing that one compares."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from tinybench.errors import RunFolderError

from .classic.classic import ClassicStudy
from .compress.compress import CompressStudy
from .kept import DEALT_FILE, STUDY_FILE, dealt, kind_of, of_parts, read_study
from .noise.findings import NoiseStudy
from .quantisation.quantisation import QuantisationStudy
from .sparsity.findings import SparsityStudy
from .sweep.findings import SweepStudy


class StudyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a study; SI units, None where it was not found."""

    study: str
    """Which kind of study."""
    folder: str
    of: str
    """What was studied: a task, a model, a file of rows."""
    board: str
    """Empty: this computer alone."""
    name: str
    """Of the row within its study."""
    scope: str = "model"
    """"model" or "layers": of what time, instructions, cycles, bytes and energy are."""
    kind: str
    """"measured", "emulated" or "simulated": what its figures are."""
    score: float | None = None
    score_deviation: float | None = None
    """Standard deviation of a trial, where several were done."""
    score_by: str = ""
    """"board", or "computer": whose C gave the answers that are scored."""
    metric: str = ""
    latency_s: float | None = None
    """Measured; None of emulated boards."""
    instructions: int | None = None
    cycles: int | None = None
    """Estimated."""
    weights_b: int | None = None
    flash_b: int | None = None
    ram_b: int | None = None
    energy_j: float | None = None
    energy_kind: str = ""
    """"measured" or "modelled"."""


BOARD, COMPUTER = "board", "computer"
LAYERS = "layers"
COLUMNS = StudyRow.__struct_fields__


class Found(msgspec.Struct, frozen=True):
    """The rows of all studies, and what could not be read, in words."""

    studies: int
    rows: list[StudyRow]
    unreadable: list[str]


def find_studies(root: Path) -> Found:
    """Return the rows of each finished study at or below a folder; links are not followed.

    One that cannot be read, or of which there are parts alone, hides no other.
    """
    rows, unreadable, count = list[StudyRow](), list[str](), 0
    for folder in study_folders(root):
        parts = None if (folder / STUDY_FILE).exists() else dealt(folder)
        if parts is not None:
            unreadable.append(f"{folder}: has {of_parts(parts)}")
            continue
        try:
            rows += rows_of(folder)
            count += 1
        except RunFolderError as error:
            unreadable.append(str(error))
    return Found(count, rows, unreadable)


def rows_of(folder: Path) -> list[StudyRow]:
    """Return the rows of one study, whoever wrote it. Raises RunFolderError."""
    kind = kind_of(folder)
    if kind not in KINDS:
        raise RunFolderError(f"{folder}: no study of this version: '{kind[:40]}'")
    document, told = KINDS[kind]
    found = read_study(folder, document)
    try:
        rows = list(told(found))
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise RunFolderError(
            f"{folder / STUDY_FILE}: what it says does not belong together: {error}"
        ) from None
    return [msgspec.structs.replace(row, study=kind, folder=str(folder)) for row in rows]


def study_folders(root: Path) -> list[Path]:
    """Return the folders of finished studies, or of parts, in the order of their names."""
    found = list[Path]()
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith("."))
        if STUDY_FILE in names or DEALT_FILE in names:
            found.append(Path(folder))
            below.clear()  # a study holds runs, and no other study
    return found


def _row(**more: Any) -> StudyRow:
    return StudyRow(study="", folder="", **more)


def _kind(emulated: bool | None) -> str:
    return "emulated" if emulated else "measured"


def _noise(found: NoiseStudy) -> Iterator[StudyRow]:
    asked = found.asked
    for point in found.points:
        yield _row(
            of=asked.task, board=asked.board, name=f"{asked.noise} {point.amount:g}",
            kind=found.kind, score=point.mean, score_by=BOARD if asked.board else COMPUTER,
            score_deviation=point.deviation if point.trials > 1 else None, metric=found.metric,
        )  # fmt: skip


def _counted(row: Any, *, emulated: bool | None) -> dict[str, Any]:
    """Return what rows of all studies on a board have in common."""
    return {
        "latency_s": None if emulated else row.latency_s,
        "instructions": row.instructions,
        "kind": _kind(emulated),
    }


def _energy(energy_j: float | None, *, modelled: bool | None) -> dict[str, Any]:
    kind = "" if energy_j is None else "modelled" if modelled else "measured"
    return {"energy_j": energy_j, "energy_kind": kind}


def _classic(found: ClassicStudy) -> Iterator[StudyRow]:
    for row in found.rows:
        if row.refused is None:
            yield _row(
                of=found.source, board=found.asked.board, name=row.model, score=row.score,
                metric="r2" if found.asked.regression else "top1", cycles=row.estimated_cycles,
                flash_b=row.flash_b, ram_b=row.ram_b, score_by=BOARD,
                **_energy(row.energy_j, modelled=row.energy_modelled),
                **_counted(row, emulated=row.emulated),
            )  # fmt: skip


def _compress(found: CompressStudy) -> Iterator[StudyRow]:
    for row in found.rows:
        yield _row(
            of=found.asked.source, board=found.asked.board, name=f"{row.method} {row.rate:g}x",
            score=row.score, score_by=COMPUTER, metric=found.metric, cycles=row.cycles,
            weights_b=row.weights_b, scope=LAYERS if found.layers else "model",
            **_counted(row, emulated=found.emulated),
        )  # fmt: skip


def _sparsity(found: SparsityStudy) -> Iterator[StudyRow]:
    for row in found.rows:
        yield _row(
            of=found.asked.source, board=found.asked.board,
            name=f"{row.scheme} {row.kernel} {row.rate:g}x {row.block}".strip(),
            score=row.counted_score, score_by="" if row.counted_score is None else COMPUTER,
            metric=found.metric, cycles=row.cycles, weights_b=row.weights_b, scope=LAYERS,
            **_counted(row, emulated=found.emulated),
        )  # fmt: skip


def _quantisation(found: QuantisationStudy) -> Iterator[StudyRow]:
    for row in found.rows:
        if row.refused is None:
            yield _row(
                of=found.asked.task, board=found.asked.board, name=row.scheme, score=row.score,
                metric=found.metric, cycles=row.cycles, weights_b=row.weights_b,
                flash_b=row.flash_b, ram_b=row.ram_b, score_by=COMPUTER,
                **_energy(row.energy_j, modelled=row.energy_modelled),
                **_counted(row, emulated=row.emulated),
            )  # fmt: skip


def _sweep(found: SweepStudy) -> Iterator[StudyRow]:
    runs = {tuple(run.levels): run for run in found.runs}
    for row in found.combinations:
        levels = dict(zip(found.asked.factors, row.levels, strict=True))
        run = runs[tuple(row.levels)]
        named = {field: one.value for field, one in run.figures.items()}
        named |= {found.fields[name]: one.value for name, one in row.figures.items()}

        def count(field: str, named: dict[str, float] = named) -> int | None:
            return None if field not in named else round(named[field])

        yield _row(
            of=levels.get("task", found.asked.task), board=levels.get("board", found.asked.board),
            name=" ".join(f"{name}={level}" for name, level in levels.items()),
            kind=_kind(run.emulated), score=named.get("score"), metric=run.metric,
            score_by=BOARD if "score" in named else "",
            latency_s=named.get("latency_s"), instructions=count("instructions"),
            flash_b=count("flash_b"), ram_b=count("ram_b"),
            **_energy(named.get("energy_per_inference_j"), modelled=run.energy_modelled),
        )  # fmt: skip


KINDS: dict[str, tuple[type[Any], Callable[[Any], Iterator[StudyRow]]]] = {
    "classic": (ClassicStudy, _classic),
    "compress": (CompressStudy, _compress),
    "noise": (NoiseStudy, _noise),
    "quantisation": (QuantisationStudy, _quantisation),
    "sparsity": (SparsityStudy, _sparsity),
    "sweep": (SweepStudy, _sweep),
}
"""The document of each kind of study, and what makes rows of it."""
