"""A model of one's own as a task: declarations and inputs, written where a run can read them."""

import hashlib
import io
import math
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from tinybench.cache import cache_folder
from tinybench.datasets.preparation import Preparation, prepared
from tinybench.datasets.reader import FILE_LIMIT_B
from tinybench.errors import DatasetError, UsageError
from tinybench.files import WHOLE_MOST_B, is_file_name, read_bytes, write_whole
from tinybench.mlperf_tiny import WINDOWS
from tinybench.models.compiler.anatomy import Anatomy, End
from tinybench.models.model_file import is_onnx, read_model_file

from .truth import INPUTS_MOST, TYPES, UNKNOWN, Told, Truth, load_npy, read_truth

EXPECTED_FILE = "expected.csv"
OUTPUTS_MOST = 20_000
"""Of one inference; they come in one line of text."""
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}\.(tflite|onnx)")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Label:
    """What a model is called and whose it is, in its declarations."""

    name: str = ""
    """By default that of its file."""
    title: str = "A model of one's own"
    licence: str = "the user's"
    citation: str = "the user's"


OWN = Label()


@dataclass(frozen=True)
class Given:
    """The inputs of a model, as they are uploaded."""

    inputs: tuple[tuple[str, bytes], ...]
    """Name of the file and its bytes: of one inference, or of several, one after the other."""
    note: str
    """Where they come from."""
    truth: Truth = UNKNOWN
    """What is known of them, in their order; seeded ones behind have none."""
    squared: bool = False
    """Whether floats are uploaded whatever the model takes, and their mean squared error answered.
    """

    def input_b(self, model: Anatomy) -> int:
        """Return the bytes of one inference."""
        floats = sum(end.elements for end in model.inputs) * TYPES["FLOAT32"].itemsize
        return floats if self.squared else model.input_b

    def several(self, model: Anatomy) -> bool:
        """Return whether a file holds several inputs."""
        return any(len(data) != self.input_b(model) for _, data in self.inputs)


def seeded(found: Anatomy, count: int, seed: int) -> Given:
    """Return random inputs, the same for the same seed: any value of the type; floats of -1 to 1.

    Values that choose places in another tensor, such as ids of tokens, are places that it has.

    Raises UsageError for more than a set may have.
    """
    if count > INPUTS_MOST:
        raise UsageError(f"--count {count}: a set has at most {INPUTS_MOST:,} inputs; give fewer")
    rng = np.random.default_rng(seed)
    made = tuple(
        (f"seed{seed}-{number:04}.bin", b"".join(_random(end, rng) for end in found.inputs))
        for number in range(count)
    )
    return Given(made, f"{count} random inputs, seed {seed}")


def _random(end: End, rng: np.random.Generator) -> bytes:
    own = TYPES[end.type]
    if end.places is not None:
        most = end.places if own.kind == "f" else min(end.places, int(np.iinfo(own).max) + 1)
        return rng.integers(0, most, end.elements).astype(own).tobytes()
    if own.kind == "f":
        return rng.uniform(-1, 1, end.elements).astype(own).tobytes()
    return rng.integers(0, 256, own.itemsize * end.elements, np.uint8).tobytes()


def with_windows(given: Given, found: Anatomy, seed: int) -> Given:
    """Return inputs that are enough for the windows: seeded ones come behind too few."""
    left = WINDOWS - len(given.inputs)
    if left <= 0:
        return given
    if given.truth.labels:
        raise DatasetError(
            f"{len(given.inputs)} inputs with a class are fewer than the {WINDOWS} windows, each on"
            f" another one: give {left} more"
        )
    more = seeded(found, left, seed)
    return Given(given.inputs + more.inputs, f"{given.note}, and {more.note}", given.truth)


def told(given: Given, model: Anatomy, said: Told) -> Given:
    """Return inputs with what the user says of them; raises as `read_truth`."""
    truth = read_truth(said, model, [name for name, _ in given.inputs])
    return replace(given, truth=truth)


def read_inputs(
    path: Path,
    model: Anatomy,
    most: int = INPUTS_MOST,
    leave_out: Path | None = None,
    how: Preparation | None = None,
) -> Given:
    """Return the inputs in a file or a folder, in the order of their names.

    `leave_out`: a file of the folder that holds no inputs, but what is known of them. `how`: what
    the values of pictures and sounds become.

    .bin: the model's own bytes. .npy: values of its own type, or real ones, which are quantised as
    the model says; one input, or several along a first axis. .csv: real values, a line an input.
    .png and .wav: an input each.
    Raises DatasetError, which names the file.
    """
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from error
    if not path.exists():
        raise DatasetError(f"{path}: there is no such file or folder of inputs")
    found: list[tuple[str, bytes]] = []
    for file in files:
        if leave_out is not None and file.resolve() == leave_out.resolve():
            continue
        if file.suffix not in _READERS or not file.is_file():
            if path.is_dir():
                continue
            raise DatasetError(f"{file}: inputs are {', '.join(_READERS)}, or a folder of these")
        try:
            data = read_bytes(file, WHOLE_MOST_B)
        except OSError as error:
            raise DatasetError(f"{file}: cannot be read: {error.strerror}") from error
        rows = _READERS[file.suffix](file, data, model, how)
        stem = file.stem if is_file_name(file.stem) else f"input-{len(found)}"
        names = (
            [f"{stem}.bin"] if len(rows) == 1 else [f"{stem}-{n:04}.bin" for n in range(len(rows))]
        )
        found += zip(names, rows, strict=True)
        if len(found) > most:
            raise DatasetError(f"{path}: more than {most} inputs; give fewer")
    if not found:
        raise DatasetError(f"{path}: no inputs: neither of {', '.join(_READERS)} is there")
    if len({name for name, _ in found}) != len(found):
        found = [(f"{number:04}-{name}", data) for number, (name, data) in enumerate(found)]
    return Given(tuple(found), f"{len(found)} inputs from {path.resolve().name}")


def _from_bin(file: Path, data: bytes, model: Anatomy, _: object) -> list[bytes]:
    size = model.input_b
    if not data or len(data) % size:
        raise DatasetError(f"{file}: {len(data)} bytes; an input of this model has {size}")
    rows = [data[at : at + size] for at in range(0, len(data), size)]
    at = 0
    for end in model.inputs:
        size = end.elements * TYPES[end.type].itemsize
        if end.type == "FLOAT32" and not all(
            np.isfinite(np.frombuffer(row, "<f4", end.elements, at)).all() for row in rows
        ):
            raise DatasetError(f"{file}: a value is not finite")
        at += size
    return rows


def _from_npy(file: Path, data: bytes, model: Anatomy, _: object) -> list[bytes]:
    return _rows(file, load_npy(file, data), model)


def _from_csv(file: Path, data: bytes, model: Anatomy, _: object) -> list[bytes]:
    try:
        lines = [line for line in data.decode("utf-8-sig").splitlines() if line.strip()]
        rows = [[float(cell) for cell in line.split(",")] for line in lines]
    except ValueError as error:
        raise DatasetError(f"{file}: lines of numbers, separated by commas: {error}") from error
    if odd := next((at for at, row in enumerate(rows) if len(row) != len(rows[0])), 0):
        raise DatasetError(
            f"{file}: line {odd + 1} has {len(rows[odd])} values, the first {len(rows[0])}; a line "
            "is an input"
        )
    values = np.array(rows)
    wanted = model.inputs[0].elements
    if len(model.inputs) == 1 and values.ndim == 2 and values.shape[1] != wanted:
        raise DatasetError(
            f"{file}: lines of {values.shape[1]} values; a line is an input, and one of this "
            f"model has {wanted}"
        )
    return _rows(file, values, model)


def _from_file(file: Path, data: bytes, model: Anatomy, how: Preparation | None) -> list[bytes]:
    return _rows(file, prepared(data, file, model.inputs[0].shape, how)[np.newaxis], model)


def _rows(file: Path, values: npt.NDArray[Any], model: Anatomy) -> list[bytes]:
    """Return each input as it is uploaded, in the type of the model's input."""
    if len(model.inputs) > 1:
        raise DatasetError(
            f"{file}: this model has {len(model.inputs)} inputs; give them as one .bin, "
            f"{model.input_b} bytes one after the other"
        )
    (end,) = model.inputs
    whole = values.size and values.size in (end.elements, len(values) * end.elements)
    if not whole or not _has_shape(values.shape, end):
        raise DatasetError(
            f"{file}: {values.size} values of shape {list(values.shape)}; an input of this model "
            f"has {end.elements}: {end.shape}"
        )
    own = TYPES[end.type]
    rows = values.reshape(-1, end.elements)
    if (
        end.scale is not None
        and values.dtype != own
        and {values.dtype.kind, own.kind} <= {"i", "u"}
    ):
        raise DatasetError(
            f"{file}: {values.dtype} values are neither this model's {end.type.lower()} nor real "
            f"ones: give it {end.type.lower()}, or real values as floats, which are quantised"
        )
    if values.dtype != own:
        real = rows.astype(np.float64)
        ends = np.finfo(own) if own.kind == "f" else np.iinfo(own)
        if not np.isfinite(real).all():
            raise DatasetError(f"{file}: a value is not finite")
        if own.kind in "iu":
            real = np.rint(real / (end.scale or 1.0)) + (end.zero_point or 0)
        rows = np.clip(real, float(ends.min), float(ends.max)).astype(own)
    elif own.kind == "f" and not np.isfinite(rows).all():
        raise DatasetError(f"{file}: a value is not finite")
    return [row.tobytes() for row in rows]


def _has_shape(shape: tuple[int, ...], end: End) -> bool:
    """Return whether values lie as an input's do, or flat; of one or several, ones aside."""
    has, wanted = ([size for size in sizes if size != 1] for sizes in (shape, end.shape))
    flat = [end.elements] if end.elements > 1 else []
    return has in (wanted, flat) or has[1:] in (wanted, flat)


_READERS = {
    ".bin": _from_bin,
    ".npy": _from_npy,
    ".csv": _from_csv,
    ".png": _from_file,
    ".wav": _from_file,
}


def own_task(
    model: Path, found: Anatomy, given: Given, folder: Path | None = None, label: Label = OWN
) -> Path:
    """Write the task of a model on its inputs; return its declaration, which a run takes.

    It lies in a folder of the cache that is named after all that is in it, so that a run can go on
    with it later; or in `folder`. Raises DatasetError when it cannot be written.
    """
    name = label.name or name_of(found.file)
    if (outputs := sum(end.elements for end in found.outputs)) > OUTPUTS_MOST:
        raise DatasetError(
            f"{found.file}: {outputs} output values; a DUT answers at most {OUTPUTS_MOST}, in one "
            "line: measure the model without its last layers"
        )
    data = read_model_file(model)
    kind = ".onnx" if is_onnx(data) else ".tflite"
    own = _MODEL.fullmatch(found.file) and found.file.endswith(kind)
    file = found.file if own else f"model{kind}"
    return _written(name, label, found, given, file, data, folder)


def engine_task(source: bytes, found: Anatomy, given: Given, folder: Path, label: Label) -> Path:
    """Write the task of a model that is C, `source`, for an engine that holds it; as `own_task`."""
    return _written(label.name, label, found, given, "model.c", source, folder)


def _written(
    name: str,
    label: Label,
    found: Anatomy,
    given: Given,
    file: str,
    data: bytes,
    folder: Path | None,
) -> Path:
    archive = _archive(given, found)
    texts = {
        "task.toml": _task(name, label, found, given),
        "inputs.toml": _dataset(name, label, found, given),
        "model.toml": _model(name, label, file, found),
    }
    files = {key: text.encode() for key, text in texts.items()}
    files |= {"inputs.zip": archive, file: data}
    digest = hashlib.sha256()
    for key, each in files.items():
        digest.update(f"{key} {len(each)}\n".encode() + each)
    folder = folder or cache_folder() / "models" / f"{name}-{digest.hexdigest()[:16]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for key, each in files.items():
            write_whole(folder / key, each)
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be written: {error.strerror}") from error
    return folder / "task.toml"


def name_of(file: str) -> str:
    """Return the name of a model's task, such as declarations have, after its file's."""
    name = _NOT_IN_NAMES.sub("-", Path(file).stem.lower()).strip("-")[:32] or "model"
    return name if name[0].isalpha() else f"m-{name}"


def _archive(given: Given, found: Anatomy) -> bytes:
    out, truth, names = io.BytesIO(), given.truth, [name for name, _ in given.inputs]
    classes = truth.labels or (0,) * len(names)
    window = f",{given.input_b(found)}" * 2 if given.several(found) else ""
    labels = "".join(
        f"{name},{truth.class_count},{label}{window}\n"
        for name, label in zip(names, classes, strict=True)
    )
    files = [*given.inputs, ("y_labels.csv", labels.encode())]
    if truth.expected:
        lines = (
            f"{name},{','.join(map(repr, values))}\n"
            for name, values in zip(names, truth.expected, strict=False)
        )
        files.append((EXPECTED_FILE, "".join(lines).encode()))
        if len(files[-1][1]) > FILE_LIMIT_B:
            raise DatasetError(
                f"{len(truth.expected)} expected outputs of {len(truth.expected[0])} values are "
                f"{len(files[-1][1])} bytes of text, over {FILE_LIMIT_B}: give fewer inputs"
            )
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(zipfile.ZipInfo(f"inputs/{name}", _FIXED_DATE), data)
    return out.getvalue()


def decimals_of(scales: Iterable[float]) -> int:
    """Return decimals that tell two outputs apart though the firmware rounds the last one.

    `scales`: of those that have one.
    """
    return min(9, max([3, *(1 + math.ceil(-math.log10(scale)) for scale in scales)]))


def _model_id(found: Anatomy) -> str:
    """Return what the firmware calls the model: another model is told from it."""
    return f"m{found.sha256[:8]}"


def _text(value: str) -> str:
    """Return a text as TOML writes it."""
    return msgspec.json.encode(value).decode()


def _task(name: str, label: Label, found: Anatomy, given: Given) -> str:
    truth, outputs = given.truth, sum(end.elements for end in found.outputs)
    form, result = found.inputs[0].type.lower(), "output"
    if given.squared:
        form, result, outputs = "float32", "mse", 1
    scales = [end.scale for end in found.outputs if end.scale and end.type != "FLOAT32"]
    names = truth.classes or (map(str, range(outputs)) if truth.metric == "top1" else ())
    classes = ", ".join(map(_text, names))
    return f"""\
name = "{name}"
title = {_text(label.title)}
model_id = "{_model_id(found)}"
input_b = {given.input_b(found)}
input_format = "{form}"
result = "{result}"
metric = "{truth.metric}"
classes = [{classes}]
outputs = {outputs}
tolerance = {truth.tolerance!r}
channels = {truth.channels}
result_decimals = {decimals_of(scales)}
dataset = "inputs.toml"
model = "model.toml"
embedded_dataset = "inputs.toml"
embedded_model = "model.toml"

[rules]
accuracy_count = [{len(given.inputs)}]
closed_threshold = 0.0
"""


def _dataset(name: str, label: Label, found: Anatomy, given: Given) -> str:
    more = f'\nexpected = "{EXPECTED_FILE}"' if given.truth.expected else ""
    if given.several(found):
        more += f"\nstride_b = {given.input_b(found)}"
    return f"""\
name = "{name}-inputs"
title = {_text(f"Inputs of {label.name or label.title}")}
count = {len(given.inputs)}
input_b = {given.input_b(found)}
classes = {given.truth.class_count}
folder = "inputs"
labels = "y_labels.csv"{more}
licence = "the user's"
citation = "the user's"
archive = "inputs.zip"
"""


def _model(name: str, label: Label, file: str, found: Anatomy) -> str:
    return f"""\
name = "{name}"
title = {_text(label.title)}
model_id = "{_model_id(found)}"
licence = {_text(label.licence)}
citation = {_text(label.citation)}
file = "{file}"
"""
