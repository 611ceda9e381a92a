"""Rows of numbers to learn from, with their targets: a CSV of one's own, or a task's inputs."""

import csv
import hashlib
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinybench import extras
from tinybench.errors import DatasetError, ToolMissingError, UsageError
from tinybench.files import read_text

from .subject import subject

FILE_MOST_B = 128 << 20
ROWS_MOST, COLUMNS_MOST = 100_000, 4096
CLASSES_MOST = 256
TRAIN_LEAST = 4
"""Rows of a class, or of numbers, below which nothing is learnt."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Features and targets."""

    name: str
    values: Floats
    """[rows][features]."""
    targets: npt.NDArray[np.generic]
    """Class numbers, or real values."""
    classes: tuple[str, ...]
    """Empty where the targets are real values."""


@dataclass(frozen=True)
class Parts:
    """Rows that are learnt from, and others that are tested."""

    rows: Rows
    train: npt.NDArray[np.intp]
    test: npt.NDArray[np.intp]

    @property
    def regression(self) -> bool:
        """Whether targets are real values."""
        return not self.rows.classes


def digest(rows: Rows) -> str:
    """Return what tells rows from others: SHA-256 of values and targets."""
    targets = np.ascontiguousarray(rows.targets).tobytes()
    return hashlib.sha256(rows.values.tobytes() + targets).hexdigest()


def rows_of_task(task: str) -> Rows:
    """Return the inputs of a task, a byte a feature. Raises UsageError where one has no class."""
    of = subject(task)
    if of.metric != "top1":
        raise UsageError(f"task {task} has no classes to learn: take kws, ic or vww, or a CSV")
    if len(of.interface.input_format or "") and of.interface.input_format == "float32":
        raise UsageError(f"task {task} has floats as inputs: give them as a CSV")
    kind = np.uint8 if of.interface.input_format == "uint8" else np.int8
    first = [int(np.flatnonzero(of.owners == i)[0]) for i in range(len(of.labels))]
    values = of.inputs[first].view(kind).astype(np.float64)
    _check_columns(task, values.shape[1])
    labels = np.array(of.labels)
    return Rows(of.dataset, values, labels, tuple(map(str, range(int(labels.max()) + 1))))


def digits() -> Rows:
    """Return the digits of scikit-learn: 1797 pictures of 8x8. Raises ToolMissingError."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ToolMissingError(extras.missing("digits", "scikit-learn", "study")) from error
    found: Any = load_digits()
    return Rows("digits", found.data, found.target, tuple(map(str, range(10))))


def read_csv(path: Path, target: str | None, *, regression: bool) -> Rows:
    """Return the rows of a CSV; the target is its last column, or the one of that name.

    A first line that is no row of numbers names the columns. Raises DatasetError with line and
    column of what is no number, is missing or not finite.
    """
    try:
        lines = list(csv.reader(io.StringIO(read_text(path, FILE_MOST_B))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise DatasetError(f"{path}: cannot be read as CSV: {why}") from error
    numbered = [(n, line) for n, line in enumerate(lines, 1) if any(map(str.strip, line))]
    if len(numbered) > ROWS_MOST + 1:
        raise DatasetError(
            f"{path}: {len(numbered)} rows; at most {ROWS_MOST} are studied: give a part of them"
        )
    names, numbered = _header(numbered)
    if not numbered:
        raise DatasetError(f"{path}: no rows in it")
    wide = len(names) or len(numbered[0][1])
    _check_columns(str(path), wide - 1)
    at = wide - 1
    if target is not None:
        if target not in names:
            raise DatasetError(
                f"{path}: no column '{target}': {', '.join(names)[:200] or 'none named'}"
            )
        at = names.index(target)
    features, targets = [], list[str]()
    for number, line in numbered:
        if len(line) != wide:
            raise DatasetError(
                f"{path}:{number}: {len(line)} cells, wanted {wide} as in the first line"
            )
        cells = [cell for column, cell in enumerate(line) if column != at]
        features.append(
            [_number(path, number, column, cell) for column, cell in enumerate(cells, 1)]
        )
        if not line[at].strip():
            raise DatasetError(f"{path}:{number}: the target is missing: leave the row out")
        targets.append(line[at].strip())
    values = np.array(features, np.float64)
    if regression:
        real = [
            _number(path, n, at + 1, text) for (n, _), text in zip(numbered, targets, strict=True)
        ]
        return Rows(path.name, values, np.array(real), ())
    classes = tuple(sorted(set(targets), key=lambda text: (not _is_number(text), len(text), text)))
    if len(classes) > CLASSES_MOST:
        raise DatasetError(
            f"{path}: {len(classes)} classes, more than {CLASSES_MOST}: are the targets real "
            "values? Then say --regression"
        )
    places = {name: n for n, name in enumerate(classes)}
    return Rows(path.name, values, np.array([places[text] for text in targets]), classes)


def _header(numbered: list[tuple[int, list[str]]]) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the names of the columns, where the first line has them, and the rows."""
    if len(numbered) < 2:
        return [], numbered
    first, second = numbered[0][1], numbered[1][1]
    named = not any(map(_is_number, first)) and any(map(_is_number, second))
    return ([cell.strip() for cell in first], numbered[1:]) if named else ([], numbered)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _number(path: Path, line: int, column: int, cell: str) -> float:
    if _is_number(cell):
        return float(cell)
    if not cell.strip() or cell.strip().lower() in ("nan", "na", "null", "?"):
        raise DatasetError(
            f"{path}:{line}: feature {column} is missing: leave such rows out, or fill them"
        )
    raise DatasetError(
        f"{path}:{line}: feature {column} is '{cell.strip()[:40]}', which is no number: a board "
        "takes numbers; code categories as such"
    )


def _check_columns(what: str, count: int) -> None:
    if not 1 <= count <= COLUMNS_MOST:
        raise DatasetError(f"{what}: {count} features; 1 to {COLUMNS_MOST} are studied")


def split(rows: Rows, test: int, seed: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return which rows are learnt from, and which are tested: at most `test`, and three in ten.

    Each class has its share of both. Raises DatasetError for rows that teach nothing.
    """
    count = len(rows.targets)
    rng = np.random.default_rng(seed)
    if rows.classes:
        present, sizes = np.unique(rows.targets, return_counts=True)
        if len(present) < 2:
            raise DatasetError(
                f"{rows.name}: all rows are of one class: there is nothing to tell apart"
            )
        few = int(present[sizes.argmin()])
        if sizes.min() < TRAIN_LEAST:
            raise DatasetError(
                f"{rows.name}: class '{rows.classes[few]}' has {sizes.min()} rows; "
                f"{TRAIN_LEAST} of each are needed to learn and to test"
            )
    elif count < 2 * TRAIN_LEAST:
        raise DatasetError(f"{rows.name}: {count} rows; at least {2 * TRAIN_LEAST} are needed")
    wanted = min(test, count * 3 // 10)
    order = rng.permutation(count)
    if rows.classes:  # by turns, so that each class is among the first ones
        turn = np.empty(count, np.int64)
        for one in np.unique(rows.targets):
            members = order[rows.targets[order] == one]
            turn[members] = np.arange(len(members)) * count // len(members)
        order = order[np.argsort(turn[order], kind="stable")]
    return np.sort(order[wanted:]), np.sort(order[:wanted])
