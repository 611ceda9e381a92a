"""Dataset declarations: which inputs there are, how they are laid out, and where they come from."""

import re
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from tinybench.declare import Declaration, fetched_or_packaged, find, load, named
from tinybench.errors import DeclarationError
from tinybench.expected import like
from tinybench.files import DOCUMENT_MOST_B, is_file_name, read_text

_RELATIVE_PATH = r"^(?!(.*/)?\.{1,2}(/|\Z))[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*\Z"
_CHECKSUM_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")

RelativePath = Annotated[
    str,
    like(_RELATIVE_PATH, "a path of letters, digits, ., _ and -, with / between and no .. in it"),
]
InputSize = Annotated[int, Meta(ge=1, le=1 << 24)]
"""Bytes; the largest official input has 27648."""
Sha256 = Annotated[str, like(r"^[0-9a-f]{64}\Z", "a SHA-256 of 64 digits of 0-9 and a-f")]


class Source(Declaration, frozen=True, kw_only=True):
    """A file or a folder of a public repository, at one commit."""

    repository: Annotated[
        str,
        like(
            r"^[A-Za-z0-9_-][A-Za-z0-9._-]*/[A-Za-z0-9_-][\w.-]*\Z",
            "OWNER/NAME of a public repository",
        ),
    ]
    """Owner and name."""
    commit: Annotated[str, like(r"^[0-9a-f]{40}\Z", "a commit of 40 digits of 0-9 and a-f")]
    path: RelativePath

    @property
    def address(self) -> str:
        """Where it lies below a raw GitHub address, in the cache and in a mirror."""
        return f"{self.repository}/{self.commit}/{self.path}"


class Original(Declaration, frozen=True, kw_only=True):
    """What inputs are made from, as its makers publish it."""

    name: str
    """Name of the file as downloaded, or what a folder holds."""
    address: Annotated[
        str, like(r"^https?://\S+\Z", "an address that begins with https:// or http://")
    ]
    checksum: (
        Annotated[
            str,
            like(
                r"^(sha256:[0-9a-f]{64}|md5:[0-9a-f]{32})\Z",
                "sha256: and 64 digits of 0-9 and a-f, or md5: and 32",
            ),
        ]
        | None
    ) = None
    """Of the file; None for a folder."""


class InputList(Declaration, frozen=True, kw_only=True):
    """A list of inputs of a dataset that is or was official."""

    name: str = ""
    """What tells it from the other one of its set, such as "list of round v0.5"."""
    labels: RelativePath = "y_labels.csv"
    """Name of its label file."""
    source: Source
    """The folder that its files lie in."""
    checksums: RelativePath
    """SHA-256 of its label file and, where they are known, its inputs; beside the declaration."""
    labels_sha256: Sha256
    """Over its labels as they are parsed, see `reader.labels_digest`."""
    sha256: Sha256 | None = None
    """Over labels and inputs, see `reader.set_digest`; None where no checksum is known of these."""
    made_from: str | None = None
    """The original whose checksum speaks for the inputs, where they have none themselves."""


class Dataset(Declaration, frozen=True, kw_only=True):
    """A dataset, from `datasets/<name>.toml`: either fetched (source) or in the package (archive).

    It is laid out as EEMBC's runner has it: `<folder>/<labels>`, and beside the labels one file an
    input. Ref: energyrunner README, datasets.
    """

    name: str
    title: str
    count: Annotated[int, Meta(ge=1, le=10_000_000)]
    """Inputs in the whole set."""
    input_b: InputSize
    """Bytes that one inference takes."""
    stride_b: InputSize | None = None
    """A file holds several inputs: a window of `input_b` bytes that slides by so many."""
    classes: Annotated[int, Meta(ge=1, le=100_000)]
    folder: RelativePath
    labels: RelativePath
    expected: RelativePath | None = None
    """File of the outputs that a model should give, beside the labels: lines `name,value,...`."""
    licence: str
    citation: str
    source: Source | None = None
    checksums: RelativePath | None = None
    """List of the set's files with their SHA-256, beside this declaration."""
    prepared: bool = False
    """The source has the labels only: the inputs are made by `tinybench prepare`, or the user's."""
    lists: list[InputList] = []
    """The official lists, the one in use first; none: no inputs of this set are official."""
    places: Source | None = None
    """List of the inputs' places in the original set, where that has no file names."""
    places_sha256: Sha256 | None = None
    originals: list[Original] = []
    """What `tinybench prepare` makes the inputs from."""
    archive: RelativePath | None = None
    """Zip file with the folder in it, beside this declaration."""

    @property
    def label_files(self) -> list[str]:
        """The names that its label file may have."""
        return list(dict.fromkeys([self.labels, *(one.labels for one in self.lists)]))

    @property
    def embedded(self) -> bool:
        """Whether the inputs are in the package."""
        return self.archive is not None


def package_folder() -> Path:
    """Return the folder that the declarations of datasets lie in."""
    return Path(__file__).parent


def names() -> dict[str, Path]:
    """Return all datasets in the package as {name: path of the declaration}."""
    return named("datasets", "")


def load_dataset(name: str) -> Dataset:
    """Load a dataset by name.

    Raises UsageError for an unknown name, DeclarationError for a wrong file.
    """
    path = find("dataset", name, names())
    dataset = load(path, Dataset)
    if (dataset.places is None) != (dataset.places_sha256 is None):
        raise DeclarationError(f"{path}: the keys 'places' and 'places_sha256' go together")
    fetched_or_packaged(path, dataset, ("source", "checksums"), "archive")
    return dataset


def title_of(dataset: Dataset, one: InputList | None) -> str:
    """Return how a list is called, such as "ic01 (list of round v0.5)"."""
    return f"{dataset.name} ({one.name})" if one is not None and one.name else dataset.name


def load_checksums(path: Path) -> dict[str, str]:
    """Read a list in the format of sha256sum as {file name: SHA-256 in hex}.

    Raises DeclarationError with the line for anything but distinct plain file names.
    """
    try:
        lines = read_text(path, DOCUMENT_MOST_B).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError(f"{path}: the checksum list cannot be read: {error}") from error
    checksums: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        match = _CHECKSUM_LINE.fullmatch(line)
        if match is None or not is_file_name(match[2]) or match[2] in checksums:
            raise DeclarationError(
                f"{path}, line {number}: '{line[:100]}' is not a SHA-256 and the name of a file "
                "that is not listed yet; make the list with: sha256sum *"
            )
        checksums[match[2]] = match[1]
    if not checksums:
        raise DeclarationError(f"{path}: the checksum list is empty; make it with: sha256sum *")
    return checksums
