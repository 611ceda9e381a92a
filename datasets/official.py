"""Whether inputs are the official ones: by their bytes, or by what they were made from."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from tinybench.errors import DatasetError
from tinybench.files import read_bytes, write_whole
from tinybench.read import read_json

from .declaration import Dataset, InputList, load_checksums, package_folder, title_of
from .reader import Sample, SampleSet, list_of

PREPARED_FILE = "prepared.json"
"""Lies beside inputs that were made from an original."""
PREPARED_MAX_B = 1 << 20

Standing = Literal["official", "unverified", "custom"]


class Prepared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What inputs were made from, and which they were; noted by `prepare`."""

    original: str
    checksum: str
    """Of the original as it was downloaded, such as "md5:..."."""
    inputs_sha256: dict[str, str]
    """By name."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose inputs a set has."""

    standing: Standing
    """"official": an official list, and its bytes; "unverified": only the list; "custom"."""
    title: str
    """Such as "ic01 (list of round v0.5)"."""
    why: str
    """What speaks for or against the bytes; empty where that is their own checksum."""


def identify(samples: SampleSet, dataset: Dataset) -> Identity:
    """Say whether a set is an official one. Raises DeclarationError for a wrong checksum list."""
    known = list_of(samples.labels_sha256, dataset)
    title = title_of(dataset, known)
    if known is None:
        return Identity("custom", title, "")
    if known.sha256 is None:
        return _made(samples, dataset, known)
    if samples.sha256 == known.sha256:
        return Identity("official", title, "")
    names = differing(samples.samples, known_checksums(known))
    return Identity("unverified", title, f"{_some(names)} not the official bytes")


def known_checksums(one: InputList) -> dict[str, str]:
    """Return the SHA-256 of a list's files by their names, its label file among them."""
    return load_checksums(package_folder() / one.checksums)


def differing(samples: Sequence[Sample], checksums: dict[str, str]) -> list[str]:
    """Return the names of the inputs that have another SHA-256, or none in the list."""
    return [one.name for one in samples if checksums.get(one.name) != one.sha256]


def repeated(samples: Sequence[Sample]) -> list[list[str]]:
    """Return the names of inputs that are the same bytes, those of each group together."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for one in samples:
        groups[one.sha256].append(one.name)
    return [names for names in groups.values() if len(names) > 1]


def note_prepared(folder: Path, prepared: Prepared | None) -> None:
    """Write beside inputs what they were made from; None: nothing known. Raises OSError."""
    path = folder / PREPARED_FILE
    if prepared is None:
        path.unlink(missing_ok=True)
    else:
        text = msgspec.json.format(msgspec.json.encode(prepared), indent=1)
        write_whole(path, text + b"\n")


def read_prepared(folder: Path) -> Prepared | None:
    """Return what is noted beside inputs; None where nothing is, or nothing that can be read."""
    path = folder / PREPARED_FILE
    try:
        return read_json(read_bytes(path, PREPARED_MAX_B), type=Prepared)
    except (OSError, msgspec.MsgspecError):
        return None


def _made(samples: SampleSet, dataset: Dataset, known: InputList) -> Identity:
    """Identify inputs without checksums of their own by the original that they were made from."""
    title = title_of(dataset, known)
    original = next((one for one in dataset.originals if one.name == known.made_from), None)
    if original is None or original.checksum is None:
        raise DatasetError(f"dataset {dataset.name}: nothing tells which inputs are official")
    made = read_prepared(samples.folder) if isinstance(samples.folder, Path) else None
    if made is None:
        why = f"nothing says that they were made from {original.name}"
    elif (made.original, made.checksum) != (original.name, original.checksum):
        why = f"made from {made.original[:80]} ({made.checksum[:80]}), not from {original.name}"
    elif names := differing(samples.samples, made.inputs_sha256):
        why = f"{_some(names)} not what was made from {original.name}"
    else:
        return Identity("official", title, f"made from {original.name}, {original.checksum}")
    return Identity("unverified", title, why)


def _some(names: Sequence[str]) -> str:
    """Return how many, and one of them."""
    return f"{names[0]} has" if len(names) == 1 else f"{len(names)}, such as {names[0]}, have"
