"""Choose what a run uses: which inputs and which model, and say why."""

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tinybench.cache import cache_folder
from tinybench.datasets.declaration import Dataset, InputList, load_dataset
from tinybench.datasets.declaration import names as datasets
from tinybench.datasets.fetch import (
    RAW_ADDRESS,
    Pinned,
    dataset_files,
    fetch,
    mirror_folder,
    missing,
)
from tinybench.datasets.official import Identity, differing, identify, known_checksums, repeated
from tinybench.datasets.prepare import prepare, where_from
from tinybench.datasets.reader import SampleSet, parse_labels, read_samples
from tinybench.datasets.wake import played
from tinybench.datasets.wake.recording import Recording
from tinybench.declare import find
from tinybench.errors import DatasetError, ModelError, UsageError
from tinybench.files import DOCUMENT_MOST_B, WHOLE_MOST_B, open_zip, read_bytes
from tinybench.models.declaration import Model, load_model
from tinybench.models.declaration import names as models
from tinybench.track import Track

from .engine import Engine
from .task import Task

Origin = Literal["official", "unverified", "embedded", "custom", "engine"]
"""Whose it is: that of MLPerf Tiny, byte for byte, or named so only; the package's own; the user's.
A model may be what an engine holds, and nobody knows."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a run uses."""

    samples: SampleSet
    dataset: Dataset
    """The declaration that the samples were read by."""
    name: str
    """Of the dataset and of its list, such as "ic01 (list of round v0.5)"."""
    dataset_origin: Origin
    model: Path
    """The .tflite, or the folder of the engine that holds the model."""
    model_sha256: str
    model_origin: Origin
    note: str
    """Which inputs and model these are, and how to get the official ones if they are others."""
    recording: Recording | None = None
    """Of a task that is a stream: what is played, the one input that `samples` has."""

    @property
    def uploads(self) -> int:
        """How often something is uploaded: inputs, windows of files, or frames of a stream."""
        if self.recording is None:
            return sum(len(sample.windows()) for sample in self.samples.samples)
        return len(self.recording.samples) // played.HOP_SAMPLES

    @property
    def first(self) -> bytes:
        """What is uploaded for the first inference; of a stream, a frame in its middle."""
        if self.recording is None:
            return self.samples.samples[0].windows()[0]
        return played.middle_frame(self.recording.samples)


def official_files(task: Task) -> tuple[Pinned, ...]:
    """Return every file of the task's official inputs, labels and model.

    Raises UsageError and DeclarationError for a wrong declaration.
    """
    return dataset_files(load_dataset(task.dataset)) + _model_files(load_model(task.model))


def fetch_official(
    task: Task, track: Track, cache: Path | None = None, raw_address: str = RAW_ADDRESS
) -> Path:
    """Download the official inputs, labels and models; return the cache folder they are in.

    Raises FetchError; whatever had arrived is kept and not fetched again.
    """
    cache = cache or cache_folder()
    label = f"fetch {task.name}"
    files = official_files(task) + float_files(load_model(task.model))
    fetch(files, cache, track, label=label, mirror=mirror_folder(), raw_address=raw_address)
    return cache


def prepare_official(
    task: Task, source: Path | None, out: Path | None, track: Track, cache: Path | None = None
) -> tuple[Path, int, int]:
    """Make the official inputs of a task from the public originals in `source`.

    `out` is a folder for an EEMBC dataset folder; None: the cache, where runs find it. Returns the
    folder, how many inputs were made and how many there are. Raises DatasetError; labels must have
    been fetched. Without `source`, a UsageError says where the originals are published.
    """
    cache = cache or cache_folder()
    dataset = load_dataset(task.dataset)
    if dataset.source is None:
        raise DatasetError(f"dataset {dataset.name} is not one that can be prepared")
    if source is None:
        raise UsageError(
            f"tinybench prepare {task.name}: say with --from where its originals are; they are "
            f"published as {where_from(dataset)}"
        )
    digests = {file.address: file.sha256 for file in dataset_files(dataset)}

    def read(address: str) -> bytes:
        return _verified(task, cache / address, digests[address])

    labels = read(f"{dataset.source.address}/{dataset.labels}")
    places = read(dataset.places.address) if dataset.places is not None else None
    total = len(parse_labels(labels, dataset, dataset.labels))
    to = out if out is not None else (cache / dataset.source.address).parent
    # What a fetch brings is official or nothing in the cache; elsewhere it may be an approximation.
    only_official = out is None and not dataset.prepared
    making = prepare(dataset, source, labels, places, to, only_official=only_official)
    *_, (made, _) = track(making, f"prepare {task.name}", total)
    return to / dataset.folder, made, total


def _verified(task: Task, path: Path, sha256: str) -> bytes:
    """Return a file of the cache with the right checksum; raises DatasetError."""
    try:
        data = read_bytes(path, WHOLE_MOST_B)
    except OSError as error:
        raise DatasetError(
            f"{path}: not in the cache: {error.strerror}; type: tinybench fetch {task.name}"
        ) from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise DatasetError(
            f"{path}: the file in the cache is damaged: its SHA-256 is {found}, wanted {sha256}; "
            f"type: tinybench fetch {task.name}"
        )
    return data


def resolve(
    task: Task,
    data: Path | None = None,
    model: Path | Engine | None = None,
    cache: Path | None = None,
    *,
    which: played.Which = "long",
) -> Inputs:
    """Choose inputs and model, and check them.

    `which`: the recording of the package that a stream is, where it is not another one.

    The official ones when all of them are in the cache, else those in the package. `data` (an EEMBC
    dataset folder) takes the inputs from there, with the official model unless `model` (a .tflite,
    or an engine that holds its own) says otherwise. A set or a model given by the user counts as
    official when it is, to the byte.
    Raises DatasetError or ModelError, which name the file.
    """
    cache = cache or cache_folder()
    if task.streams:
        return _recorded(task, data, model, cache, which)
    dataset, official_model = load_dataset(task.dataset), load_model(task.model)
    model_cached = missing(_model_files(official_model), cache) == 0
    usable = model is not None or model_cached

    origin: Origin
    if data is not None:
        if not usable:
            raise ModelError(
                f"--data {data} needs a model, and the official one is not in the cache {cache}; "
                f"type: tinybench fetch {task.name}, or give one with --model FILE"
            )
        samples = read_samples(data, dataset)
        known = identify(samples, dataset)
        origin = known.standing
    elif usable and (cached := cached_list(dataset, cache)) is not None:
        samples = _cached_samples(task, dataset, cached, cache)
        known = identify(samples, dataset)
        origin = known.standing
    else:
        dataset = load_dataset(task.embedded_dataset)
        samples, known = _embedded_samples(task.embedded_dataset, dataset), None
        origin = "custom" if task.embedded_dataset.endswith(".toml") else "embedded"

    if isinstance(model, Engine):
        path, sha256 = Path(model.folder), model.sha256
    elif model is not None:
        path, sha256 = model, _file_sha256(model)
    elif known is None:
        path = embedded_model(task)
        sha256 = _file_sha256(path)
    else:
        path, sha256 = _cached_model(task, official_model, cache)
    model_origin: Origin
    if isinstance(model, Engine):
        model_origin, whose = "engine", f"the model of engine {model.name}"
    else:
        model_origin = origin_of(task, sha256)
        whose = f"{model_origin} model ({path.name})"

    name = dataset.name if known is None else known.title
    # A result names no path of the user's machine.
    where = data.resolve().name if data is not None and origin == "custom" else name
    note = f"{len(samples.samples)} {origin} inputs ({where}), {whose}{_on_bytes(samples, known)}"
    if origin != "official" or model_origin not in ("official", "engine"):
        note += _how_to_get_official(task, cache)
    return Inputs(samples, dataset, name, origin, path, sha256, model_origin, note)


def _recorded(
    task: Task, data: Path | None, model: Path | Engine | None, cache: Path, which: played.Which
) -> Inputs:
    """Choose recording and model of a stream, as `resolve` does; a short one is the package's."""
    if isinstance(model, Engine):
        raise UsageError(
            f"--engine {model.name} brings firmware that hears nothing: task {task.name} is a "
            "stream of sound, for which the firmware is built of a model: leave --engine out"
        )
    official = load_model(task.model)
    there = missing(_model_files(official), cache) == 0
    prepared = played.cached(cache) if which == "long" and (model is not None or there) else None
    if data is not None:
        found = played.read_played(data, which)
    elif prepared is not None:
        found = played.read_played(prepared, which)
    else:
        found = played.embedded(which)
    if model is not None:
        path = model
    elif there and found.origin != "embedded":
        path, _ = _cached_model(task, official, cache)
    elif found.origin in ("embedded", "custom"):
        path = embedded_model(task)
    else:
        raise ModelError(
            f"{found.where} is the official recording, and the official model is not in the cache "
            f"{cache}; type: tinybench fetch {task.name}, or give one with --model FILE"
        )
    sha256 = _file_sha256(path)
    origin = origin_of(task, sha256)
    recording, set_ = found.recording, found.samples
    note = (
        f"{found.origin} recording {found.name}, {recording.length_s:g} s with "
        f"{len(recording.windows_s)} words; {origin} model ({path.name})"
    )
    if found.origin != "official" or origin != "official":
        note += (
            f"; the official ones are made by: tinybench fetch {task.name}, then tinybench prepare "
            f"{task.name} --from SPEECH_COMMANDS --noise MUSAN"
        )
    declared = task.embedded_dataset if found.origin == "embedded" else task.dataset
    dataset = load_dataset(declared)
    name = f"{dataset.name} ({which})" if found.origin == "embedded" else dataset.name
    return Inputs(set_, dataset, name, found.origin, path, sha256, origin, note, recording)


def _on_bytes(samples: SampleSet, known: Identity | None) -> str:
    """Return the part of a note on what the inputs are, beside their names."""
    said = f"; {known.why}" if known is not None and known.why else ""
    twice = repeated(samples.samples)
    if twice and (known is None or known.standing != "official"):
        count = sum(map(len, twice))
        said += (
            f"; {count} inputs are the bytes of another one: {twice[0][0]} is {twice[0][1]} again"
        )
    return said


def cached_list(dataset: Dataset, cache: Path) -> InputList | None:
    """Return the first of the official lists whose files are all in the cache; None without one."""
    return next((one for one in dataset.lists if _to_come(dataset, one, cache) == 0), None)


def _to_come(dataset: Dataset, one: InputList, cache: Path) -> int:
    """Return how many files of an official list are not in the cache; its labels count as all."""
    path = cache / one.source.address / one.labels
    if not path.is_file():
        return dataset.count + 1
    raw = read_bytes(path, DOCUMENT_MOST_B)
    if hashlib.sha256(raw).hexdigest() != known_checksums(one)[one.labels]:
        return 0  # damaged: who uses it says so
    labels = parse_labels(raw, dataset, str(path))
    return sum(not (path.parent / label.name).is_file() for label in labels)


def _how_to_get_official(task: Task, cache: Path) -> str:
    """Return the end of a note on inputs or a model that are not the official ones."""
    dataset = load_dataset(task.dataset)
    if dataset.prepared and cached_list(dataset, cache) is None:
        return (
            f"; to use the official ones type: tinybench fetch {task.name}, then "
            f"tinybench prepare {task.name} --from FOLDER, or tinybench import DIR with an EEMBC "
            "folder"
        )
    files = official_files(task)
    to_come = missing(files, cache)
    if not files:
        return ""
    if to_come == 0:
        return "; the official ones are in the cache and used without --data and --model"
    begun = "" if to_come == len(files) else f" ({len(files) - to_come} of {len(files)} are there)"
    return f"; to use the official ones type: tinybench fetch {task.name}{begun}"


def _model_files(model: Model) -> tuple[Pinned, ...]:
    if model.source is None or model.sha256 is None:
        return ()
    return (Pinned(model.source.address, model.sha256),)


def float_files(model: Model) -> tuple[Pinned, ...]:
    """Return the float model that a model was quantised from; none where none is declared."""
    if model.float_source is None or model.float_sha256 is None:
        return ()
    return (Pinned(model.float_source.address, model.float_sha256),)


def _cached_samples(task: Task, dataset: Dataset, one: InputList, cache: Path) -> SampleSet:
    """Read an official list from the cache; raises DatasetError for a file damaged there."""
    folder, checksums = cache / one.source.address, known_checksums(one)
    _verified(task, folder / one.labels, checksums[one.labels])
    samples = read_samples(folder, dataset, one.labels)
    if dataset.prepared:
        return samples  # what was made here may be other than the official ones, and says so
    for name in differing(samples.samples, checksums)[:1]:
        _verified(task, folder / name, checksums[name])
    return samples


def _embedded_samples(name: str, dataset: Dataset) -> SampleSet:
    """Read the set beside its declaration; raises DatasetError when it is not there or damaged."""
    archive = find("dataset", name, datasets()).parent / (dataset.archive or "")
    try:
        root = zipfile.Path(open_zip(archive))
    except (OSError, zipfile.BadZipFile) as error:
        raise DatasetError(
            f"{archive}: the inputs cannot be read: {error}; if they are the package's, install "
            "tinybench again, or make them from a checkout with: make models"
        ) from error
    return read_samples(root, dataset)


def embedded_model(task: Task) -> Path:
    """Return the model beside its declaration; raises ModelError when it is not there."""
    path = _file_of(task.embedded_model)
    if not path.is_file():
        raise ModelError(
            f"{path}: the model is not there; if it is the package's, install tinybench again, or "
            "make it from a checkout with: make models"
        )
    return path


def _file_of(name: str) -> Path:
    """Return where the model of a declaration lies beside it; a folder, where it does not."""
    return find("model", name, models()).parent / (load_model(name).file or "")


def _cached_model(task: Task, model: Model, cache: Path) -> tuple[Path, str]:
    """Return the official model and its SHA-256; raises ModelError when it was damaged."""
    if model.source is None:
        path = _file_of(task.model)
        return path, _file_sha256(path)
    path = cache / model.source.address
    sha256 = _file_sha256(path)
    if sha256 != model.sha256:
        raise ModelError(
            f"{path}: the model in the cache is damaged: its SHA-256 is {sha256}, wanted "
            f"{model.sha256}; type: tinybench fetch {task.name}"
        )
    return path, sha256


def _file_sha256(path: Path) -> str:
    try:
        return hashlib.sha256(read_bytes(path, WHOLE_MOST_B)).hexdigest()
    except OSError as error:
        raise ModelError(
            f"{path}: the model cannot be read: {error.strerror}; give a .tflite file"
        ) from error


def origin_of(task: Task, sha256: str) -> Origin:
    """Say whose model a .tflite is, by its bytes. Raises UsageError and DeclarationError."""
    if sha256 == load_model(task.model).sha256:
        return "official"
    embedded = _file_of(task.embedded_model)
    if task.embedded_model.endswith(".toml"):
        return "custom"
    if embedded.is_file() and _file_sha256(embedded) == sha256:
        return "embedded"
    return "custom"
