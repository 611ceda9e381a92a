"""Which model an exported build holds: kept in the cache, and asked when a board says its build."""

import re
from collections.abc import Iterable

import msgspec

from tinybench.cache import cache_folder
from tinybench.errors import OtherDutError
from tinybench.files import DOCUMENT_MOST_B, read_bytes, write_whole
from tinybench.models.compiler import Manifest

from ..build.inputs import Inputs

_BUILD = re.compile(r"build-([0-9a-f]{16})")


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What a project was made from, as it is written beside it."""

    name: str
    framework: str
    build_id: str
    """What its firmware calls itself in `caps`: a hash of all its files."""
    model_id: str
    model: str
    """Name of the model's file."""
    model_sha256: str
    """Of the model."""
    file_sha256: str
    """Of its file; another one where that is the C array of a model."""
    kernels: str
    energy: bool
    tinybench: str
    """The version that wrote it."""
    manifest: Manifest


def keep(record: Exported) -> None:
    """Remember what a build holds. Raises OSError."""
    folder = cache_folder() / "exports"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{record.build_id}-{record.file_sha256}.json"
    write_whole(folder / name, msgspec.json.encode(record))


def kept(caps: Iterable[str]) -> Exported | None:
    """Return what a firmware holds by what it says of itself; None where it is not known here."""
    for word in caps:
        if (build := _BUILD.fullmatch(word)) is None:
            continue
        for path in (cache_folder() / "exports").glob(f"{build[1]}-*.json"):
            try:
                return msgspec.json.decode(read_bytes(path, DOCUMENT_MOST_B), type=Exported)
            except (OSError, msgspec.MsgspecError):  # of another version, or damaged: not known
                return None
    return None


def is_exported(file_sha256: str) -> bool:
    """Return whether a build with the model in this file is known."""
    return any((cache_folder() / "exports").glob(f"*-{file_sha256}.json"))


def insist_model(caps: Iterable[str], inputs: Inputs, *, named: bool) -> None:
    """Raise OtherDutError where a board holds another model than that of a run.

    `named`: the user says which model the board holds, and that must be known.
    """
    record = kept(caps)
    if record is None:
        if named:
            raise OtherDutError(
                f"the board says '{' '.join(caps)}', and no build exported here is that: that it "
                f"holds {inputs.model.name} is not known. Export it again here, or leave --model "
                "out"
            )
        return
    if inputs.model_sha256 not in (record.model_sha256, record.file_sha256):
        raise OtherDutError(
            f"the board holds build-{record.build_id}, exported with {record.model} (SHA-256 "
            f"{record.model_sha256[:12]}), and this run is of {inputs.model.name} "
            f"({inputs.model_sha256[:12]}): name the board's model with --model, or export this "
            "one and write it into the board"
        )
