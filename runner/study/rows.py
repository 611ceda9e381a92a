"""Rows to learn from, of numbers and categories: a CSV of one's own, or a task's inputs."""

import csv
import hashlib
import io
import json
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
from tinybench.plural import counted

from ..build.inputs import embedded_model
from ..build.task import METRICS, Task, load_task
from .subject import CLASSES, Subject, subject

FILE_MOST_B = 128 << 20
ROWS_MOST, COLUMNS_MOST = 100_000, 4096
CLASSES_MOST = 256
CATEGORIES_MOST, VALUES_MOST = 64, 0xFFFF
"""Columns of categories, and values of one: a board is told which by 16 bits; 0 is any other."""
TRAIN_LEAST = 4
"""Rows of a class, or of numbers, below which nothing is learnt."""
NUMBER_MOST = 1e100
"""Beyond it no number is a measurement, and differences would not be finite."""
REAL = ": are the targets real values? 'study classic --regression' learns those"
REAL_VALUES = ("regression",)
"""Metrics of tasks whose inputs have a real value."""
UPLOADED = {"int8": "i1", "uint8": "u1", "int16": "<i2", "int32": "<i4", "float32": "<f4"}
"""What the bytes of an input are, by `Task.input_format`."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Category:
    """A column that says which of some things it is, by words or by numbers without an order."""

    name: str
    values: tuple[str, ...]
    which: npt.NDArray[np.int64]
    """Of each row."""


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
    categories: tuple[Category, ...] = ()
    model_sha256: str = ""
    """Of the model that they are inputs of, where that is studied, too."""
    task_sha256: str = ""
    """Of what the task's file says, of one of one's own."""


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
    """Return what tells rows from others: SHA-256 of values, targets and categories."""
    found = hashlib.sha256(rows.values.tobytes() + np.ascontiguousarray(rows.targets).tobytes())
    for one in rows.categories:
        found.update(json.dumps([one.name, *one.values]).encode() + one.which.tobytes())
    return found.hexdigest()


def task_to_learn(name: str, *, beside: bool = False) -> Task:
    """Return a task whose inputs say what to tell of them. Raises UsageError for another."""
    task = load_task(name)
    if task.metric not in (*CLASSES, *(REAL_VALUES if beside else ())):
        raise UsageError(
            f"task {task.name} is scored by {METRICS[task.metric]}, and models are learnt "
            "here from what to tell of each input: take a task such as kws, or give features of "
            "its inputs, and what to tell of each, by --csv FILE"
        )
    return task


def rows_of_task(
    task: str, data: Path | None = None, model: Path | None = None, *, beside: bool = False
) -> Rows:
    """Return the inputs of a task, a value a feature; `data` and `model` as of a run.

    `beside`: the model is studied, too, and what is told may be a real value; else inputs in a
    folder need no official model, and have classes. Raises UsageError where an input has neither,
    DatasetError, ModelError.
    """
    declared = task_to_learn(task, beside=beside)
    if data is not None and not beside:
        model = embedded_model(declared)
    of = subject(task, data, model, takes=(declared.metric,))
    first = [int(np.flatnonzero(of.owners == i)[0]) for i in range(len(of.labels))]
    uploaded = UPLOADED[of.interface.input_format or declared.input_format]
    values = of.inputs[first].view(uploaded).astype(np.float64)
    if not np.isfinite(values).all():
        raise DatasetError(f"{of.dataset}: a value of an input is not finite: leave that one out")
    _check_columns(task, values.shape[1])
    sha256 = of.model_sha256 if beside else ""
    if of.metric in REAL_VALUES:
        return Rows(of.dataset, values, _told(of), (), (), sha256, of.task_sha256)
    labels = np.array(of.labels)
    classes = tuple(map(str, range(int(labels.max()) + 1)))
    return Rows(of.dataset, values, labels, classes, (), sha256, of.task_sha256)


def _told(of: Subject) -> Floats:
    """Return the real value that each input of a task should have. Raises UsageError."""
    counts = {len(one) for one in of.expected}
    if counts != {1}:
        raise UsageError(
            f"task {of.task} expects {' or '.join(map(str, sorted(counts)))} values of an input, "
            "and one is learnt here: give features and that value by --csv FILE --regression"
        )
    return np.concatenate(of.expected)


def digits() -> Rows:
    """Return the digits of scikit-learn: 1797 pictures of 8x8. Raises ToolMissingError."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ToolMissingError(extras.missing("digits", "scikit-learn", "study")) from error
    found: Any = load_digits()
    return Rows("digits", found.data, found.target, tuple(map(str, range(10))))


def read_csv(
    path: Path,
    target: str | None,
    *,
    regression: bool = False,
    categories: Sequence[str] | None = None,
) -> Rows:
    """Return the rows of a CSV; the target is its last column, or the one of that name.

    A first line that is no row of numbers names the columns. Those that begin with a word, and
    those that `categories` names, are categories; None: there may be none. Raises DatasetError
    with line and column of what is no number, is missing or not finite.
    """
    try:
        text = read_text(path, FILE_MOST_B).removeprefix("\ufeff")  # as spreadsheets put there
        reader = csv.reader(io.StringIO(text), strict=True)  # a quote without its end is a fault
        return _rows_in(path, reader, target, categories, regression=regression)
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{path}: cannot be read as CSV: {error}: save it anew, as UTF-8"
        ) from error
    except (OSError, csv.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise DatasetError(f"{path}: cannot be read as CSV: {why}") from error


def _rows_in(
    path: Path,
    reader: Any,
    target: str | None,
    categories: Sequence[str] | None,
    *,
    regression: bool,
) -> Rows:
    """Return the rows of a reader of CSV, which is read line by line."""
    filled = ((reader.line_num, line) for line in reader if any(map(str.strip, line)))
    first = list(islice(filled, 2))
    if first:
        _check_cells(path, *first[0])
    names, first = _header(path, first, target, categories)
    if not first:
        raise DatasetError(f"{path}: no rows in it{', but names of columns' if names else ''}")
    wide = len(names) or len(first[0][1])
    _check_columns(str(path), wide - 1)
    at = wide - 1 if target is None else _column(path, target, names)
    coded = _coded(path, names, at, categories, first[0][1][:wide])
    numbers = [n for n in range(wide) if n != at and n not in coded]
    values, real, words = array("d"), array("d"), list[str]()
    for number, line in chain(first, filled):
        if len(real) + len(words) == ROWS_MOST:
            raise DatasetError(
                f"{path}: more than {ROWS_MOST:,} rows: give a part of them, drawn such as by "
                f"'shuf -n {ROWS_MOST} {path.name} > part.csv' (names in its first line are then "
                "lost: leave that out of the draw, and put it back)"
            )
        where = f"{path}:{number}"
        if len(line) != wide:
            raise DatasetError(f"{where}: {len(line)} cells, wanted {wide} as in the first line")
        if not line[at].strip():
            raise DatasetError(
                f"{where}: the target is missing: leave the row out, or say by --target which "
                "column it is"
            )
        for n in numbers:
            values.append(_number(where, names, n, line[n], tables=categories is not None))
        for n, one in coded.items():
            one.add(where, line[n])
        if regression:
            real.append(_number(where, names, at, line[at]))
        else:
            words.append(line[at].strip())
    shape = len(real) + len(words), len(numbers)
    table = np.frombuffer(values or array("d", [0]), np.float64)[: len(values)].reshape(shape)
    if regression:
        return Rows(path.name, table, np.frombuffer(real, np.float64), ())
    classes = tuple(sorted(set(words), key=lambda text: (not _is_number(text), len(text), text)))
    if len(classes) > CLASSES_MOST:
        raise DatasetError(f"{path}: {len(classes)} classes, more than {CLASSES_MOST}{REAL}")
    places = {name: n for n, name in enumerate(classes)}
    targets = np.array([places[text] for text in words])
    found = tuple(one.done(path) for one in coded.values())
    return Rows(path.name, table, targets, classes, found)


def _column(path: Path, target: str, names: Sequence[str]) -> int:
    """Return the place of a column. Raises DatasetError where none has that name."""
    if target not in names:
        raise DatasetError(
            f"{path}: no column '{target}': {', '.join(names)[:200] or 'none named'}"
        )
    if names.count(target) > 1:
        raise DatasetError(f"{path}: {names.count(target)} columns are called '{target}'")
    return names.index(target)


def _header(
    path: Path,
    numbered: list[tuple[int, list[str]]],
    target: str | None,
    categories: Sequence[str] | None,
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the names of the columns, where the first line has them, and the rows."""
    if not numbered or any(map(_is_number, numbered[0][1])):
        return [], numbered
    cells = [cell.strip() for cell in numbered[0][1]]
    second = numbered[1][1] if len(numbered) == 2 else ["0"]
    if not any(_is_number(cell) or _has_comma(cell) for cell in second):
        if categories is None:
            return [], numbered
        if not {*filter(None, [target]), *categories} & {*cells}:
            raise DatasetError(
                f"{path}: its first two lines have no number, and the first may be names or a row: "
                "let it be names of columns, and say which are categories by --embed"
            )
    return cells, numbered[1:]


def _coded(
    path: Path,
    names: Sequence[str],
    target: int,
    categories: Sequence[str] | None,
    first: Sequence[str],
) -> "dict[int, _Coded]":
    """Return the columns of categories: those that are named, and that begin with a word."""
    if categories is None:
        return {}
    named = [_column(path, one, names) for one in categories]
    if target in named:
        raise DatasetError(
            f"{path}: column '{names[target][:40]}' is what to tell, and so none to tell it by: "
            "leave it out of --embed, or name another --target"
        )
    which = {*named, *(n for n, cell in enumerate(first) if n != target and _is_word(cell))}
    if len(which) > CATEGORIES_MOST:
        raise DatasetError(
            f"{path}: {len(which)} columns of categories; at most {CATEGORIES_MOST} are studied"
        )
    return {
        n: _Coded(names[n] if names else f"column {n + 1}", _called(names, n), words=n not in named)
        for n in sorted(which)
    }


class _Coded:
    """A column of categories while it is read."""

    def __init__(self, name: str, called: str, *, words: bool) -> None:
        self.name, self.called, self.words = name, called, words
        self.places, self.which = dict[str, int](), array("q")

    def add(self, where: str, cell: str) -> None:
        """Take the next cell. Raises DatasetError."""
        text = cell.strip()
        if not text or (self.words and _is_missing(text)):
            raise DatasetError(f"{where}: {self.called} is missing{_filled(text, tables=True)}")
        if self.words and not _is_word(text):
            raise DatasetError(
                f"{where}: {self.called} is {text[:40]}, a number, and began with "
                f"'{next(iter(self.places))[:40]}': name it by --embed where both are categories"
            )
        self.which.append(self.places.setdefault(text, len(self.places)))
        if len(self.places) > VALUES_MOST:
            raise DatasetError(
                f"{where}: {self.called} has more than {VALUES_MOST:,} values, and a board is told "
                "which by 16 bits: join those that are rare, or leave the column out"
            )

    def done(self, path: Path) -> Category:
        """Return the column. Raises DatasetError where nothing can be learnt from it."""
        if len(self.places) in (1, len(self.which)):
            why = "one value alone" if len(self.places) == 1 else "another value in each row"
            raise DatasetError(
                f"{path}: {self.called} has {why}: nothing is learnt by it; leave it out"
            )
        return Category(self.name, tuple(self.places), np.frombuffer(self.which, np.int64))


def _called(names: Sequence[str], column: int) -> str:
    """Return what a column is called in a message."""
    return f"column {column + 1}" + (f" ({names[column][:40]})" if names else "")


def _is_word(cell: str) -> bool:
    """Return whether a cell is no number of any kind, and not missing."""
    return _float(cell) is None and not _has_comma(cell) and not _is_missing(cell)


def _is_missing(cell: str) -> bool:
    return not cell.strip() or cell.strip().lower() in ("nan", "na", "null", "?")


def _filled(text: str, *, tables: bool) -> str:
    """Return what to do about a missing value, which a word may stand for."""
    own = f"; where '{text}' is a value like others, name the column by --embed"
    return ": leave such rows out, or fill them" + (own if text and tables else "")


def _float(text: str) -> float | None:
    """Return the number that a cell has; None of none, such as 1_0, which Python takes for 10."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _is_number(text: str) -> bool:
    found = _float(text)
    return found is not None and math.isfinite(found)


def _has_comma(text: str) -> bool:
    """Return whether a cell is a number but for the comma that is its decimal point."""
    return text.count(",") == 1 and _is_number(text.replace(",", "."))


def _number(
    line: str, names: Sequence[str], column: int, cell: str, *, tables: bool = False
) -> float:
    """Return the number of a cell. Raises DatasetError with its `line` and column.

    `tables`: the column might have been named as one of categories.
    """
    if _is_number(cell):
        found = float(cell)
        if abs(found) <= NUMBER_MOST:
            return found
    where = f"{line}: {_called(names, column)}"
    if _is_missing(cell):
        raise DatasetError(f"{where} is missing{_filled(cell.strip(), tables=tables)}")
    if _has_comma(cell):
        raise DatasetError(f"{where} is '{cell.strip()[:40]}': write numbers with a point")
    if _is_number(cell):
        raise DatasetError(
            f"{where} is {cell.strip()[:40]}, beyond {NUMBER_MOST:g}: is it a measurement? Leave "
            "such rows out"
        )
    raise DatasetError(
        f"{where} is '{cell.strip()[:40]}', which is no number: a board takes numbers; "
        + ("name columns of categories by --embed" if tables else "code categories as such")
    )


def _check_cells(path: Path, number: int, line: Sequence[str]) -> None:
    """Raise DatasetError for a line that has one cell, or that something else separates."""
    if len(line) > 1:
        return
    for sign, name in ((";", "semicolons"), ("\t", "tabs")):
        if sign in line[0]:
            raise DatasetError(
                f"{path}: cells are separated by {name}: save it with commas between them, and "
                "points in numbers"
            )
    raise DatasetError(
        f"{path}:{number}: one cell, '{line[0].strip()[:40]}': a line is a row, features beside "
        "the target, with commas between them"
    )


def _check_columns(what: str, count: int) -> None:
    if not 1 <= count <= COLUMNS_MOST:
        raise DatasetError(
            f"{what}: {counted(count, 'feature')}; 1 to {COLUMNS_MOST} are studied: give "
            "fewer, computed of these, by --csv FILE"
        )


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
        raise DatasetError(
            f"{rows.name}: {counted(count, 'row')}; at least {2 * TRAIN_LEAST} are needed"
        )
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
