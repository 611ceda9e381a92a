"""Read an EEMBC dataset folder: the labels, and the inputs they name, from a folder or a zip."""

import hashlib
import math
import os
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tinybench.errors import DatasetError
from tinybench.files import STREAM_MOST_B, open_regular

from .declaration import (
    Dataset,
    InputList,
    is_file_name,
    load_checksums,
    package_folder,
    title_of,
)

Location = Path | zipfile.Path
"""A folder or a file, on disk or in a zip."""

FILE_LIMIT_B = 1 << 24
"""Larger than any file of sliding windows: those of ad01 have 102400 bytes."""

READ_ERRORS = (
    OSError,
    EOFError,
    KeyError,
    ValueError,
    RuntimeError,
    zlib.error,
    zipfile.BadZipFile,
)
"""What reading from a disk or from a damaged zip may raise."""


@dataclass(frozen=True, slots=True)
class Label:
    """One line of the label file."""

    name: str
    label: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One input and its class; the bytes stay on disk until they are asked for."""

    name: str
    label: int
    size_b: int
    window_b: int
    stride_b: int
    sha256: str
    file: Location
    expected: tuple[float, ...] = ()
    """Outputs that a model should give for it; of a recording, when each of its words begins and
    ends. Empty where none are known."""

    @property
    def digest(self) -> str:
        """SHA-256 of its bytes, and of the outputs that are expected, where there are any."""
        return digest_of(self.sha256, self.expected)

    def windows(self) -> list[bytes]:
        """Return what is uploaded, one inference each: one window, or the sliding ones of the file.

        Raises DatasetError when the file has gone or changed since the set was read.
        """
        data = self.read()
        last = self.size_b - self.window_b
        return [data[at : at + self.window_b] for at in range(0, last + 1, self.stride_b)]

    def read(self) -> bytes:
        """Return the file, `size_b` bytes, the same as when the set was read.

        Raises DatasetError when the file has gone or changed since.
        """
        data = _read_file(self.file, self.size_b)
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise DatasetError(
                f"{self.file}: changed while it was in use: its SHA-256 was {self.sha256} when "
                "the set was read; leave the folder alone during a run, and start again"
            )
        return data


@dataclass(frozen=True, slots=True)
class SampleSet:
    """All inputs of a folder, in the order of its label file."""

    folder: Location
    samples: tuple[Sample, ...]
    labels_sha256: str
    """See `labels_digest`."""
    sha256: str
    """See `set_digest`."""


class _MissingFileError(DatasetError):
    """The label file names a file that is not there."""


def digest_of(sha256: str, expected: Sequence[float]) -> str:
    """Return the digest of an input: its SHA-256, and that with what is expected of it, if any."""
    if not expected:
        return sha256
    values = ",".join(map(repr, expected))
    return hashlib.sha256(f"{sha256}\n{values}\n".encode()).hexdigest()


def labels_digest(labels: Sequence[Label]) -> str:
    """Return the SHA-256 over the lines `name,class`: of what labels say, however it is written."""
    lines = "".join(f"{one.name},{one.label}\n" for one in labels)
    return hashlib.sha256(lines.encode()).hexdigest()


def set_digest(samples: Sequence[Sample]) -> str:
    """Return the SHA-256 over the lines `name,class,digest of the input`, in order."""
    lines = "".join(f"{one.name},{one.label},{one.digest}\n" for one in samples)
    return hashlib.sha256(lines.encode()).hexdigest()


def list_of(labels_sha256: str, dataset: Dataset) -> InputList | None:
    """Return the official list that has these labels (`labels_digest`); None where none has."""
    return next((one for one in dataset.lists if one.labels_sha256 == labels_sha256), None)


def opened(file: Location) -> IO[bytes]:
    """Open a file to read: on disk a regular one only, or a part of a zip. Raises READ_ERRORS."""
    return open_regular(file, STREAM_MOST_B) if isinstance(file, Path) else file.open("rb")


def find_folder(
    where: Location, dataset: Dataset, label_files: Sequence[str]
) -> tuple[Location, Location]:
    """Return the dataset's folder, `where/<folder>` or `where` itself, and the label file in it.

    Raises DatasetError that names the places it looked at.
    """
    try:
        if not where.is_dir():
            raise DatasetError(
                f"{where}: there is no such folder; give the folder that contains "
                f"{dataset.folder}/{dataset.labels}"
            )
        for folder in (where / dataset.folder, where):
            for name in label_files:
                if (folder / name).is_file():
                    return folder, folder / name
    except OSError as error:
        raise DatasetError(f"{where}: cannot be read: {error.strerror}") from error
    names = " or ".join(label_files)
    raise DatasetError(
        f"{where}: there is no label file: looked for {dataset.folder}/{names} and "
        f"{names} in it; give the folder that contains {dataset.folder}/"
    )


def read_samples(where: Location, dataset: Dataset, label_file: str | None = None) -> SampleSet:
    """Read the labels and check and hash every input; keeps no input in memory.

    `where` is the dataset's folder or the one that contains it; `label_file` the name of the labels
    in it, None: the first of those that the dataset may have. Raises DatasetError that names the
    file, and the line where it is a label.
    """
    names = [label_file] if label_file else dataset.label_files
    folder, labels_in = find_folder(where, dataset, names)
    labels = parse_labels(_read_labels(labels_in), dataset, str(labels_in))
    labels_sha256 = labels_digest(labels)
    expected: dict[str, tuple[float, ...]] = {}
    if dataset.expected is not None:
        names_in_set = {line.name for line in labels}
        in_file = folder / dataset.expected
        expected = parse_expected(_read_labels(in_file), names_in_set, str(in_file))
    samples: list[Sample] = []
    for line in labels:
        file = folder / line.name
        try:
            data = _read_input(file, dataset)
        except _MissingFileError as error:
            why = _of_which_lists(folder, dataset, labels_sha256)
            raise DatasetError(f"{error}{why}") from None
        stride_b = dataset.stride_b or dataset.input_b
        samples.append(
            Sample(
                line.name,
                line.label,
                len(data),
                dataset.input_b,
                stride_b,
                hashlib.sha256(data).hexdigest(),
                file,
                expected.get(line.name, ()),
            )
        )
    return SampleSet(folder, tuple(samples), labels_sha256, set_digest(samples))


def _of_which_lists(folder: Location, dataset: Dataset, labels_sha256: str) -> str:
    """Return the end of a message on a missing file: which list is named, which one is there."""
    named = list_of(labels_sha256, dataset)
    if named is None or len(dataset.lists) < 2:
        return ""
    said = f"; the label file is that of {title_of(dataset, named)}"
    for other in dataset.lists:
        if other is named:
            continue
        names = set(load_checksums(package_folder() / other.checksums)) - {*dataset.label_files}
        if not names:
            said += f"; are the files here those of {title_of(dataset, other)}?"
        elif all((folder / name).is_file() for name in names):
            said += f", and the files here are those of {title_of(dataset, other)}: give its labels"
    return said


def parse_labels(raw: bytes, dataset: Dataset, where: str) -> list[Label]:
    """Parse lines `file,number of classes,class`; a byte order mark, CRLF and blank lines are fine.

    Of a set with sliding windows, `,window in bytes,stride in bytes` follows.
    `where` names the label file in messages. Raises DatasetError with the line's number.
    Ref: energyrunner README, datasets.
    """
    labels: list[Label] = []
    first_seen: dict[str, int] = {}
    for number, line in enumerate(raw.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            label = _parse_line(line.decode("utf-8"), dataset)
        except UnicodeDecodeError as error:
            raise DatasetError(
                f"{where}, line {number}: byte 0x{line[error.start]:02x} is not UTF-8 text; "
                "save the label file as UTF-8"
            ) from None
        except ValueError as error:
            raise DatasetError(f"{where}, line {number}: {error}") from None
        if label.name in first_seen:
            raise DatasetError(
                f"{where}, line {number}: '{label.name}' is already on line "
                f"{first_seen[label.name]}; remove one of them"
            )
        first_seen[label.name] = number
        labels.append(label)
    if not labels:
        raise DatasetError(
            f"{where}: no label in it; wanted a line 'file,{dataset.classes},class' for each input"
        )
    return labels


def _parse_line(line: str, dataset: Dataset) -> Label:
    """Parse one label line; raises ValueError with what is wrong with it."""
    sliding = f",{dataset.input_b},{dataset.stride_b}" if dataset.stride_b else ""
    wanted = (
        f"wanted 'file,{dataset.classes},class{sliding}' with a class of 0 to {dataset.classes - 1}"
    )
    seen = repr(line.strip()[:100])
    fields = [field.strip() for field in line.split(",")]
    if len(fields) != (5 if sliding else 3):
        raise ValueError(f"{len(fields)} fields in {seen}, {wanted}")
    name, *numbers = fields
    for text in numbers:
        if not re.fullmatch("[0-9]{1,9}", text):
            raise ValueError(f"{text[:100]!r} is not a number in {seen}, {wanted}")
    classes, label, *window = (int(text) for text in numbers)
    if window and window != [dataset.input_b, dataset.stride_b]:
        raise ValueError(f"a window of {window[0]} by {window[1]} bytes in {seen}, {wanted}")
    if classes != dataset.classes:
        raise ValueError(
            f"{classes} classes in {seen}, {wanted}: are these inputs of another task?"
        )
    if label >= classes:
        raise ValueError(f"class {label} in {seen}, {wanted}")
    if not is_file_name(name):
        raise ValueError(
            f"{name[:100]!r} is not the name of a file beside the label file, {wanted}"
        )
    return Label(name, label)


def parse_expected(raw: bytes, names: set[str], where: str) -> dict[str, tuple[float, ...]]:
    """Parse lines `file,value,...` of finite numbers, as many on each, of inputs in `names`.

    Raises DatasetError with the line's number.
    """
    found: dict[str, tuple[float, ...]] = {}
    for number, line in enumerate(raw.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            name, *words = line.decode().strip().split(",")
            values = tuple(map(float, words))
        except ValueError:
            values, name = (), ""
        counts = {len(values), *map(len, found.values())}
        if (
            name not in names
            or name in found
            or len(counts) != 1
            or not all(map(math.isfinite, values))
        ):
            raise DatasetError(
                f"{where}, line {number}: wanted 'file,value,...' of an input of this set, each "
                "once, with as many finite numbers on every line"
            )
        if not values:
            raise DatasetError(f"{where}, line {number}: no value of {name[:100]!r}")
        found[name] = values
    return found


def _read_labels(file: Location) -> bytes:
    try:
        if not file.is_file():
            raise FileNotFoundError("there is no such file")
        with opened(file) as stream:
            raw = stream.read(FILE_LIMIT_B + 1)
    except READ_ERRORS as error:
        raise DatasetError(f"{file}: the label file cannot be read: {error}") from error
    if len(raw) > FILE_LIMIT_B:
        raise DatasetError(f"{file}: more than {FILE_LIMIT_B} bytes; is it the label file?")
    return raw


def _read_input(file: Location, dataset: Dataset) -> bytes:
    """Return a file of one input, or of whole strides; raises DatasetError."""
    if dataset.stride_b is None:
        return _read_file(file, dataset.input_b)
    data = _read_file(file, None)
    if len(data) < dataset.input_b or (len(data) - dataset.input_b) % dataset.stride_b:
        raise DatasetError(
            f"{file}: a file of this set has a window of {dataset.input_b} bytes and any number of "
            f"strides of {dataset.stride_b}, this one has {len(data)} bytes: it was cut short or "
            "belongs to another task; copy or prepare it again"
        )
    return data


def _read_file(file: Location, size_b: int | None) -> bytes:
    """Return a file of `size_b` bytes, or of any up to FILE_LIMIT_B; raises DatasetError."""
    limit_b = FILE_LIMIT_B if size_b is None else size_b
    try:
        # Also keeps a pipe or a device, whose reading would not end, out of the set.
        if not file.is_file():
            raise _MissingFileError(
                f"{file}: the label file names it, but there is no such file; "
                "add it, or remove its line"
            )
        with opened(file) as stream:
            data = stream.read(limit_b + 1)
            found_b = len(data) if len(data) <= limit_b else stream.seek(0, os.SEEK_END)
    except READ_ERRORS as error:
        raise DatasetError(f"{file}: the input cannot be read: {error}") from error
    if found_b > limit_b or (size_b is not None and found_b != size_b):
        wanted = f"{limit_b} bytes" if size_b is not None else f"at most {limit_b} bytes"
        raise DatasetError(
            f"{file}: an input must have {wanted}, this file has {found_b}: it was cut short "
            "or is an input of another task; copy or fetch it again"
        )
    return data
