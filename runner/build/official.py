"""The official files of a task: where they are public, what is in the cache, what a folder has."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tinybench.cache import cache_folder
from tinybench.datasets.declaration import Dataset, InputList, load_dataset, title_of
from tinybench.datasets.fetch import RAW_ADDRESS, Pinned
from tinybench.datasets.official import differing, identify, known_checksums
from tinybench.datasets.prepare import where_from
from tinybench.datasets.reader import read_samples
from tinybench.datasets.wake import played
from tinybench.datasets.wake.official import WHERE_FROM
from tinybench.errors import DatasetError, FetchError, UsageError
from tinybench.files import holds, read_bytes, write_whole
from tinybench.models.declaration import load_model
from tinybench.track import Track

from . import task as tasks
from .inputs import cached_list, float_files, official_files
from .task import Task, load_task

FILE_MAX_B = 1 << 20
"""Larger than any official input or label file."""
FILES_MAX, DEPTH_MAX, TOTAL_MAX_B = 100_000, 16, 4 << 30
"""Of a folder that is imported."""


@dataclass
class Imported:
    """What a folder had of one official list."""

    title: str
    wanted: int
    found: set[str] = field(default_factory=set)
    """Names of its files, the label file among them."""

    @property
    def whole(self) -> bool:
        return len(self.found) == self.wanted


def addresses(name: str | None) -> list[str]:
    """Return a line "SHA-256  address" for each public file of a task, or of all tasks.

    A mirror has each file at the path that follows `RAW_ADDRESS`. Raises UsageError.
    """
    wanted = [load_task(name)] if name else [load_task(one) for one in tasks.names()]
    files: dict[Pinned, None] = {}
    for task in wanted:
        files |= dict.fromkeys(official_files(task) + float_files(load_model(task.model)))
    return [f"{file.sha256}  {RAW_ADDRESS}/{file.address}" for file in files]


def fetched(task: Task, cache: Path) -> str:
    """Return what is in the cache after a fetch, and how to get what is not."""
    dataset = load_dataset(task.dataset)
    if task.streams:
        there = f"the words and the model of {task.name} are in {cache}, all checksums right"
        if played.cached(cache) is not None:
            return f"{there}; the recording is there, too"
        return (
            f"{there}; the recording is not: it may not be passed on. Build it with: tinybench "
            f"prepare {task.name} --from SPEECH_COMMANDS --noise MUSAN ({WHERE_FROM})"
        )
    if not dataset.prepared:
        return (
            f"the {dataset.count} official inputs and the model of {task.name} are in {cache}, all "
            "checksums right"
        )
    there = f"the labels and the model of {task.name} are in {cache}, all checksums right"
    one = cached_list(dataset, cache)
    if one is not None:
        samples = read_samples(cache / one.source.address, dataset, one.labels)
        known = identify(samples, dataset)
        why = f": {known.why}" if known.why else ""
        return (
            f"{there}; {len(samples.samples)} inputs of {known.title} are there, too, "
            f"{known.standing}{why}"
        )
    return (
        f"{there}; its {dataset.count} inputs are not: they may not be passed on. Make them with: "
        f"tinybench prepare {task.name} --from FOLDER, where FOLDER has {where_from(dataset)}; or "
        "take them from an EEMBC folder with: tinybench import DIR"
    )


def prepared(task: Task, folder: Path) -> str:
    """Return whether what lies in a folder after preparing is official, and how to use a part."""
    dataset = load_dataset(task.dataset)
    try:
        samples = read_samples(folder, dataset)
        known = identify(samples, dataset)
    except DatasetError as error:
        return f"the set is not whole yet: {error}"
    if known.standing == "custom":
        use = f"use them with: tinybench --task {task.name} --data {folder} (not the whole set)"
        listed = [one for one in dataset.lists if one.sha256 is not None]
        others = [differing(samples.samples, known_checksums(one)) for one in listed]
        equal = len(samples.samples) - min(map(len, others), default=len(samples.samples))
        return f"{equal} of {len(samples.samples)} are official to the byte; {use}"
    return f"{known.title}: {known.standing}" + (f", {known.why}" if known.why else "")


def import_folder(folder: Path, track: Track, cache: Path | None = None) -> list[Imported]:
    """Copy the official files below a folder into the cache; they are known by their bytes alone.

    Of labels spaces, line ends and a byte order mark do not count: they are put as published.
    Regular files only, and no link is followed. Returns what was found of each official list of
    which something was. Raises UsageError for a folder without any, FetchError when the cache
    cannot be written.
    """
    cache = cache or cache_folder()
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder; give one of an EEMBC installation")
    wanted, index = _index()
    paths = list(plain_files(folder))
    for path in track(paths, "import", len(paths)):
        data = read_plain(path)
        for one in (data, _as_published(data)) if path.suffix == ".csv" else (data,):
            for address, name, number in index.get(hashlib.sha256(one).hexdigest(), ()):
                put_file(cache / address, one)
                wanted[number].found.add(name)
    found = [one for one in wanted if one.found]
    if not found:
        raise UsageError(
            f"{folder}: holds no official input or label file, by their SHA-256. Those of the list "
            "of ic01 since round v0.7 have none: make them with tinybench prepare ic --from FOLDER"
        )
    return found


def imported_words(found: list[Imported]) -> list[str]:
    """Return a sentence for each list of which an import has found something."""
    said = []
    for one in found:
        rest = "" if one.whole else f"; {one.wanted - len(one.found)} not found"
        said.append(f"{one.title}: {len(one.found)} of {one.wanted} files are in the cache{rest}")
    return said


def _index() -> tuple[list[Imported], dict[str, list[tuple[str, str, int]]]]:
    """Return the official lists, and {SHA-256: [(address in the cache, name, number of list)]}."""
    wanted: list[Imported] = []
    index: dict[str, list[tuple[str, str, int]]] = {}
    for dataset, one in _lists():
        checksums = known_checksums(one)
        names = [
            name for name in checksums if name not in dataset.label_files or name == one.labels
        ]
        wanted.append(Imported(title_of(dataset, one), len(names)))
        for name in names:
            entry = (f"{one.source.address}/{name}", name, len(wanted) - 1)
            index.setdefault(checksums[name], []).append(entry)
    return wanted, index


def _lists() -> Iterator[tuple[Dataset, InputList]]:
    """Yield the official lists whose inputs have checksums; of a part of another one, only that."""
    names = dict.fromkeys(load_task(name).dataset for name in tasks.names())
    for dataset in map(load_dataset, names):
        seen: set[str] = set()
        for one in dataset.lists:
            if one.sha256 is not None and one.checksums not in seen:
                seen.add(one.checksums)
                yield dataset, one


def plain_files(folder: Path, most_b: int = FILE_MAX_B) -> Iterator[Path]:
    """Yield the regular files below a folder that may be wanted; raises UsageError for many."""
    count = total_b = 0
    top = len(folder.parts)
    for here, folders, files in os.walk(folder):
        if len(Path(here).parts) - top >= DEPTH_MAX:
            folders.clear()
        folders.sort()
        for path in (Path(here) / name for name in sorted(files)):
            if path.is_symlink() or not path.is_file() or path.stat().st_size > most_b:
                continue
            count, total_b = count + 1, total_b + path.stat().st_size
            if count > FILES_MAX or total_b > TOTAL_MAX_B:
                raise UsageError(
                    f"{folder}: more than {FILES_MAX} files, or {TOTAL_MAX_B} bytes; give the "
                    "folder with what is wanted alone"
                )
            yield path


def read_plain(path: Path, most_b: int = FILE_MAX_B) -> bytes:
    """Return a file; nothing of one that cannot be read, or has grown."""
    try:
        return read_bytes(path, most_b, links=False)
    except OSError:
        return b""


def _as_published(labels: bytes) -> bytes:
    """Return a label file as the published ones are written: no spaces, each line ended by LF."""
    lines = labels.removeprefix(b"\xef\xbb\xbf").splitlines()
    fields = ([field.strip() for field in line.split(b",")] for line in lines if line.strip())
    return b"".join(b",".join(line) + b"\n" for line in fields)


def put_file(path: Path, data: bytes) -> None:
    """Write a file of the cache whole or not at all. Raises FetchError."""
    try:
        if holds(path, data):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise FetchError(
            f"{path}: cannot be written: {error.strerror or error}; choose another cache with "
            "TINYBENCH_CACHE"
        ) from error
