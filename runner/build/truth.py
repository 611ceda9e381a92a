"""What is known of a model's inputs: their classes, or the outputs that are expected of them."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinybench.errors import DatasetError, UsageError
from tinybench.files import WHOLE_MOST_B, read_bytes
from tinybench.models.compiler.anatomy import Anatomy, End

from ..results.defaults import BY_LABELS, BY_OUTPUTS

INPUTS_MOST = 10_000
TYPES = {
    "INT8": np.dtype("<i1"),
    "UINT8": np.dtype("<u1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "FLOAT32": np.dtype("<f4"),
}
"""Of the ends of a model, by their names in the schema."""
FLOAT_TOLERANCE = 1e-5
"""Of the largest expected output of a float model, where nothing else is said."""
HEADS = ("label", "class", "target", "value")
"""Ends of a first line that names the columns."""


@dataclass(frozen=True)
class Truth:
    """What is known of inputs, each in their order, and how answers are held against it."""

    metric: str = "none"
    """As in `Task`."""
    labels: tuple[int, ...] = ()
    classes: tuple[str, ...] = ()
    """Names of the classes, where they have any."""
    expected: tuple[tuple[float, ...], ...] = ()
    """All outputs, one after the other, in real units."""
    tolerance: float = 0.0
    """Most that an output may differ from a golden one, in its unit."""
    channels: int = 1
    """Of a mask."""

    @property
    def class_count(self) -> int:
        """Number of classes that labels may have; 1 without labels."""
        return max(len(self.classes), 1 + max(self.labels, default=0), 1 + bool(self.labels))


UNKNOWN = Truth()


@dataclass(frozen=True)
class Told:
    """What the user says of the inputs of a model."""

    labels: Path | None = None
    expect: Path | None = None
    metric: str | None = None
    tolerance: float | None = None
    classes: tuple[str, ...] = ()
    """Names of the classes, in the order of the outputs."""


def read_truth(told: Told, model: Anatomy, names: Sequence[str]) -> Truth:
    """Return what is known of the inputs called `names`, and by which metric they are scored.

    Raises UsageError for words that cannot be together, DatasetError for files that are none, or
    of another model.
    """
    wanted = told.metric
    if told.labels is not None and told.expect is not None:
        raise UsageError("--labels and --expect exclude each other: give classes, or outputs")
    if told.labels is None and told.expect is None:
        idle = next((w for w in ("metric", "tolerance", "classes") if getattr(told, w)), None)
        if idle is not None:
            raise UsageError(f"--{idle} needs --labels or --expect: what should come out")
        return UNKNOWN
    known = BY_OUTPUTS if told.labels is None else BY_LABELS
    if wanted is not None and wanted not in known:
        word = "--labels" if wanted in BY_LABELS else "--expect"
        raise UsageError(f"--metric {wanted} needs {word}; here it is one of {', '.join(known)}")
    if told.tolerance is not None and (told.labels or wanted not in (None, "exact")):
        raise UsageError("--tolerance is of --expect with --metric exact")
    if told.classes and told.expect is not None:
        raise UsageError("--classes names those of --labels")
    if told.labels is not None:
        return _of_labels(told.labels, told, model, names)
    return _of_outputs(told.expect or Path(), told, model, names)


def _of_labels(path: Path, told: Told, model: Anatomy, names: Sequence[str]) -> Truth:
    outputs = sum(end.elements for end in model.outputs)
    metric = told.metric or ("auc" if outputs == 1 else "top1")
    if metric == "auc":
        if outputs != 1:
            raise UsageError(
                f"--metric auc ranks one score, and this model answers {outputs} values: use top1"
            )
        most = 2
    else:
        wide = max((end.shape[-1] if end.shape else 1) for end in model.outputs)
        if outputs == 1 or len(model.outputs) != 1 or wide != outputs:
            shapes = ", ".join("x".join(map(str, end.shape)) for end in model.outputs)
            raise UsageError(
                f"--metric top1 is of one output with a value for each class, and this model "
                f"answers {shapes}: hold it against --expect, with --metric regression or iou; or "
                "a single score against 0 and 1 by --metric auc"
            )
        most = outputs
    if told.classes and len(told.classes) != most:
        raise UsageError(f"--classes: {len(told.classes)} names, for {most} classes")
    cells = _by_input(path, _lines(path), names, 1)
    labels = tuple(_class(path, cell, told.classes, most) for (cell,) in cells)
    return Truth(metric=metric, labels=labels, classes=told.classes)


def _class(path: Path, cell: str, classes: Sequence[str], count: int) -> int:
    if cell in classes:
        return classes.index(cell)
    if cell.isascii() and cell.isdecimal() and int(cell[:9]) < count and len(cell) < 9:
        return int(cell)
    known = f" or {', '.join(classes)}" if classes else ""
    raise DatasetError(
        f"{path}: '{cell[:60]}' is no class: wanted 0 to {count - 1}{known}; targets that are no "
        "classes are given by --expect, names of classes by --classes"
    )


def _of_outputs(path: Path, told: Told, model: Anatomy, names: Sequence[str]) -> Truth:
    metric = told.metric or "exact"
    channels = 1
    if metric == "iou":
        end = model.outputs[0]
        sides = [side for side in end.shape[1:] if side > 1]
        if len(model.outputs) > 1 or len(end.shape) < 3 or len(sides) < 2:
            shapes = ", ".join("x".join(map(str, one.shape)) for one in model.outputs)
            raise UsageError(
                f"--metric iou is of one mask (rows x columns x classes), not {shapes}"
            )
        channels = end.shape[-1] if len(end.shape) == 4 else 1
    expected = _expected(path, model, names, channels, metric)
    tolerance = told.tolerance
    if tolerance is None and metric == "exact":
        tolerance = _tolerance(model, expected)
    return Truth(
        metric=metric,
        expected=tuple(expected),
        tolerance=tolerance or 0.0,
        channels=channels,
    )


def _tolerance(model: Anatomy, expected: Sequence[tuple[float, ...]]) -> float:
    """Return half a step of quantised outputs, the least of several; of floats a part of them."""
    if any(end.type == "FLOAT32" for end in model.outputs):
        return FLOAT_TOLERANCE * max(1.0, *(abs(value) for values in expected for value in values))
    return min(end.scale or 1.0 for end in model.outputs) / 2


def _expected(
    path: Path, model: Anatomy, names: Sequence[str], channels: int, metric: str
) -> list[tuple[float, ...]]:
    """Return the outputs in a file, or those in the files of a folder by the inputs' names."""
    if not path.exists():
        raise DatasetError(f"{path}: there is no such file or folder of outputs")
    if not path.is_dir():
        return _rows(path, model, names, channels, metric)
    files = {file.stem: file for file in sorted(path.iterdir()) if file.suffix in _SUFFIXES}
    lacking = [name for name in names if Path(name).stem not in files]
    if lacking:
        raise DatasetError(
            f"{path}: no outputs for {len(lacking)} of {len(names)} inputs, such as {lacking[0]}: "
            f"each has a file of its name, {' or '.join(_SUFFIXES)}"
        )
    return [
        row
        for name in names
        for row in _rows(files[Path(name).stem], model, [name], channels, metric)
    ]


_SUFFIXES = (".npy", ".csv", ".bin")


def _rows(
    file: Path, model: Anatomy, names: Sequence[str], channels: int, metric: str
) -> list[tuple[float, ...]]:
    """Return the outputs in a file, all of one input after those of the one before."""
    count = sum(end.elements for end in model.outputs)
    if file.suffix == ".csv":
        cells = _by_input(file, _lines(file), names, count, channels)
        try:
            found = np.array([[float(cell) for cell in line] for line in cells])
        except ValueError as error:
            raise DatasetError(f"{file}: lines of numbers, separated by commas: {error}") from error
    elif file.suffix == ".npy":
        found = _of_array(file, load_npy(file, _read(file)), model, channels, metric)
    elif file.suffix == ".bin":
        found = _of_bytes(file, _read(file), model)
    else:
        raise DatasetError(f"{file}: outputs are {', '.join(_SUFFIXES)}, or a folder of these")
    if len(found) != len(names):
        raise DatasetError(
            f"{file}: {len(found)} outputs for {len(names)} inputs: are they of other inputs?"
        )
    if not np.isfinite(found).all():
        raise DatasetError(f"{file}: a value is not finite")
    if channels > 1 and found.shape[1] != count:
        classes = found.astype(np.intp)
        if (classes != found).any() or classes.min() < 0 or classes.max() >= channels:
            raise DatasetError(f"{file}: a mask of classes has 0 to {channels - 1} in it")
        found = np.eye(channels)[classes].reshape(len(found), count)
    return [tuple(row.tolist()) for row in found]


def _of_array(
    file: Path, values: npt.NDArray[Any], model: Anatomy, channels: int, metric: str
) -> npt.NDArray[np.float64]:
    if len(model.outputs) > 1:
        raise DatasetError(
            f"{file}: this model has {len(model.outputs)} outputs; give them as one .bin or .csv, "
            "one after the other"
        )
    (end,) = model.outputs
    sizes = {end.elements, end.elements // channels}
    each = next(
        (size for size in sizes if values.size and values.size in (size, len(values) * size)), None
    )
    if each is None:
        raise DatasetError(
            f"{file}: {values.size} values of shape {list(values.shape)}; an output of this model "
            f"has {end.elements}: {end.shape}. Are they of another model?"
        )
    rows = values.reshape(-1, each).astype(np.float64)
    if metric == "iou" or values.dtype.kind == "f":
        return rows  # integers are classes
    if values.dtype != TYPES[end.type]:
        raise DatasetError(
            f"{file}: {values.dtype} values are neither this model's {end.type.lower()} nor real "
            "ones. Are they of another model?"
        )
    return _real(rows, end)


def _of_bytes(file: Path, data: bytes, model: Anatomy) -> npt.NDArray[np.float64]:
    size = sum(end.elements * TYPES[end.type].itemsize for end in model.outputs)
    if not data or len(data) % size:
        raise DatasetError(
            f"{file}: {len(data)} bytes; the outputs of this model have {size} for an input. Are "
            "they of another model?"
        )
    rows, at, parts = np.frombuffer(data, np.uint8).reshape(-1, size), 0, []
    for end in model.outputs:
        size_b = end.elements * TYPES[end.type].itemsize
        own = np.ascontiguousarray(rows[:, at : at + size_b]).view(TYPES[end.type])
        parts.append(_real(own.astype(np.float64), end))
        at += size_b
    return np.concatenate(parts, axis=1)


def _real(steps: npt.NDArray[np.float64], end: End) -> npt.NDArray[np.float64]:
    """Return values in real units."""
    if end.type == "FLOAT32" or end.scale is None:
        return steps
    return (steps - (end.zero_point or 0)) * end.scale


def _lines(path: Path) -> list[list[str]]:
    """Return the cells of each line of a CSV file, without a first line of names."""
    try:
        text = _read(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: no text in UTF-8: {error}") from error
    lines = [
        [cell.strip() for cell in line.split(",")] for line in text.splitlines() if line.strip()
    ]
    return lines[1:] if lines and lines[0][-1].lower() in HEADS else lines


def _by_input(
    path: Path, lines: list[list[str]], names: Sequence[str], count: int, channels: int = 1
) -> list[list[str]]:
    """Return the cells of each input: in the order of the lines, or by a name before them."""
    counts = {count, count // channels}
    if {len(line) for line in lines} <= counts and len(lines) == len(names):
        return lines
    wide = next((len(line) for line in lines if len(line) - 1 not in counts), None)
    if wide is not None or not lines:
        wrong = f", one of {wide} cells" if wide not in (None, *counts) else ""
        raise DatasetError(
            f"{path}: {len(lines)} lines{wrong}; wanted one for each of {len(names)} inputs, of "
            f"{count} values, the input's name before them or not. Are they of another model, or "
            "of other inputs?"
        )
    by_name: dict[str, list[str]] = {}
    for name, *cells in lines:
        if Path(name).stem in by_name:
            raise DatasetError(f"{path}: '{name[:60]}' is there twice")
        by_name[Path(name).stem] = cells
    stems = [Path(name).stem for name in names]
    unknown = next((name for name in by_name if name not in stems), None)
    lacking = next((name for name in stems if name not in by_name), None)
    if unknown is not None or lacking is not None:
        which = f"'{unknown[:60]}' is no input" if unknown else f"nothing of input '{lacking}'"
        raise DatasetError(f"{path}: {which}; there are {len(names)}, the first is {names[0]}")
    return [by_name[stem] for stem in stems]


def _read(file: Path) -> bytes:
    try:
        return read_bytes(file, WHOLE_MOST_B)
    except OSError as error:
        raise DatasetError(f"{file}: cannot be read: {error.strerror}") from error


def load_npy(file: Path, data: bytes) -> npt.NDArray[Any]:
    """Return the numbers in an .npy, at least one axis. Raises DatasetError."""
    try:
        values = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, OSError, EOFError, OverflowError, MemoryError, zipfile.BadZipFile) as error:
        # numpy makes the room that a header asks for before it reads
        raise DatasetError(f"{file}: no .npy of numbers: {error}") from error
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iuf":
        raise DatasetError(f"{file}: not an array of numbers")
    return np.atleast_1d(values)
