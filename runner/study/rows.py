"""Rows of numbers to learn from, with their targets: a CSV of one's own, or a task's inputs."""

import csv
import hashlib
import io
import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinybench import extras
from tinybench.errors import DatasetError, ToolMissingError, UsageError
from tinybench.files import read_text

from ..build.inputs import embedded_model
from ..build.task import load_task
from .subject import CLASSES, subject

FILE_MOST_B = 128 << 20
ROWS_MOST, COLUMNS_MOST = 100_000, 4096
CLASSES_MOST = 256
TRAIN_LEAST = 4
"""Rows of a class, or of numbers, below which nothing is learnt."""
NUMBER_MOST = 1e100
"""Beyond it no number is a measurement, and differences would not be finite."""
REAL = ": are the targets real values? 'study classic --regression' learns those"
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
    model_sha256: str = ""
    """Of the model that they are inputs of, where that is studied, too."""


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


def rows_of_task(
    task: str, data: Path | None = None, model: Path | None = None, *, beside: bool = False
) -> Rows:
    """Return the inputs of a task, a byte a feature; `data` and `model` as of a run.

    `beside`: the model is studied, too; else inputs in a folder need no official one. Raises
    UsageError where an input has no class, DatasetError, ModelError.
    """
    if data is not None and not beside:
        model = embedded_model(load_task(task))
    of = subject(task, data, model, takes=CLASSES)
    if len(of.interface.input_format or "") and of.interface.input_format == "float32":
        raise UsageError(f"task {task} has floats as inputs: give them as a CSV")
    kind = np.uint8 if of.interface.input_format == "uint8" else np.int8
    first = [int(np.flatnonzero(of.owners == i)[0]) for i in range(len(of.labels))]
    values = of.inputs[first].view(kind).astype(np.float64)
    _check_columns(task, values.shape[1])
    labels = np.array(of.labels)
    classes = tuple(map(str, range(int(labels.max()) + 1)))
    return Rows(of.dataset, values, labels, classes, of.model_sha256 if beside else "")


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
        text = read_text(path, FILE_MOST_B).removeprefix("\ufeff")  # as spreadsheets put there
        return _rows_in(path, csv.reader(io.StringIO(text)), target, regression=regression)
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{path}: cannot be read as CSV: {error}: save it anew, as UTF-8"
        ) from error
    except (OSError, csv.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise DatasetError(f"{path}: cannot be read as CSV: {why}") from error


def _rows_in(path: Path, reader: Any, target: str | None, *, regression: bool) -> Rows:
    """Return the rows of a reader of CSV, which is read line by line."""
    filled = ((reader.line_num, line) for line in reader if any(map(str.strip, line)))
    first = list(islice(filled, 2))
    if first:
        _check_commas(path, first[0][1])
    names, first = _header(first)
    if not first:
        raise DatasetError(f"{path}: no rows in it{', but names of columns' if names else ''}")
    wide = len(names) or len(first[0][1])
    _check_columns(str(path), wide - 1)
    at = wide - 1 if target is None else _column(path, target, names)
    values, real, words = array("d"), array("d"), list[str]()
    for number, line in chain(first, filled):
        if len(real) + len(words) == ROWS_MOST:
            raise DatasetError(f"{path}: more than {ROWS_MOST:,} rows: give a part of them")
        where = f"{path}:{number}"
        if len(line) != wide:
            raise DatasetError(f"{where}: {len(line)} cells, wanted {wide} as in the first line")
        if not line[at].strip():
            raise DatasetError(f"{where}: the target is missing: leave the row out")
        values.extend(_number(where, names, n, one) for n, one in enumerate(line) if n != at)
        if regression:
            real.append(_number(where, names, at, line[at]))
        else:
            words.append(line[at].strip())
    table = np.frombuffer(values, np.float64).reshape(-1, wide - 1)
    if regression:
        return Rows(path.name, table, np.frombuffer(real, np.float64), ())
    classes = tuple(sorted(set(words), key=lambda text: (not _is_number(text), len(text), text)))
    if len(classes) > CLASSES_MOST:
        raise DatasetError(f"{path}: {len(classes)} classes, more than {CLASSES_MOST}{REAL}")
    places = {name: n for n, name in enumerate(classes)}
    return Rows(path.name, table, np.array([places[text] for text in words]), classes)


def _column(path: Path, target: str, names: Sequence[str]) -> int:
    """Return the place of a column. Raises DatasetError where none has that name."""
    if target not in names:
        raise DatasetError(
            f"{path}: no column '{target}': {', '.join(names)[:200] or 'none named'}"
        )
    return names.index(target)


def _header(numbered: list[tuple[int, list[str]]]) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the names of the columns, where the first line has them, and the rows."""
    if not numbered or any(map(_is_number, numbered[0][1])):
        return [], numbered
    if len(numbered) == 2 and not any(map(_is_number, numbered[1][1])):
        return [], numbered
    return [cell.strip() for cell in numbered[0][1]], numbered[1:]


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _number(line: str, names: Sequence[str], column: int, cell: str) -> float:
    """Return the number of a cell. Raises DatasetError with its `line` and column."""
    if _is_number(cell):
        found = float(cell)
        if abs(found) <= NUMBER_MOST:
            return found
    name = f" ({names[column][:40]})" if names else ""
    where = f"{line}: column {column + 1}{name}"
    if not cell.strip() or cell.strip().lower() in ("nan", "na", "null", "?"):
        raise DatasetError(f"{where} is missing: leave such rows out, or fill them")
    if _is_number(cell):
        raise DatasetError(
            f"{where} is {cell.strip()[:40]}, beyond {NUMBER_MOST:g}: is it a measurement? Leave "
            "such rows out"
        )
    raise DatasetError(
        f"{where} is '{cell.strip()[:40]}', which is no number: a board takes numbers; code "
        "categories as such"
    )


def _check_commas(path: Path, line: Sequence[str]) -> None:
    """Raise DatasetError for a line that something else than commas separates."""
    for sign, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(line) == 1 and sign in line[0]:
            raise DatasetError(
                f"{path}: cells are separated by {name}: save it with commas between them, and "
                "points in numbers"
            )


def _check_columns(what: str, count: int) -> None:
    if not 1 <= count <= COLUMNS_MOST:
        raise DatasetError(f"{what}: {count} features; 1 to {COLUMNS_MOST} are studied")


def middle_and_half(values: Floats) -> tuple[Floats, Floats]:
    """Return the middle of each column, and half of its range; 1 of a column that has none."""
    low, high = values.min(axis=0), values.max(axis=0)
    return (low + high) / 2, np.where(high - low > 1 / NUMBER_MOST, (high - low) / 2, 1.0)


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
                + (REAL if count < TRAIN_LEAST * len(present) else "")
            )
    elif count < 2 * TRAIN_LEAST:
        raise DatasetError(f"{rows.name}: {count} rows; at least {2 * TRAIN_LEAST} are needed")
    elif np.ptp(rows.targets) == 0:
        raise DatasetError(f"{rows.name}: all targets are {rows.targets[0]:g}: nothing to tell")
    wanted = min(test, count * 3 // 10)
    order = rng.permutation(count)
    if rows.classes:  # by turns, so that each class is among the first ones
        turn = np.empty(count, np.int64)
        for one in np.unique(rows.targets):
            members = order[rows.targets[order] == one]
            turn[members] = np.arange(len(members)) * count // len(members)
        order = order[np.argsort(turn[order], kind="stable")]
    return np.sort(order[wanted:]), np.sort(order[:wanted])
