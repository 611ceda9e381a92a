"""The folder of a training: what was asked, checkpoints of each seed, and what it came to."""

import hashlib
import re
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from tinybench.errors import RunFolderError
from tinybench.files import DOCUMENT_MOST_B, WHOLE_MOST_B, read_bytes, write_whole
from tinybench.read import read_json

from ..results.asked import ASKED_FILE, open_asked
from .document import Asked, Checkpoint, Point, Training, Words
from .reference import Words as Learnt

WORDS_FILE, TRAINING_FILE = "words.json", "train.json"
WORD_B = 4
CHECKPOINTS_MOST = 100_000
T = TypeVar("T", bound=msgspec.Struct)
_CHECKPOINT = re.compile(r"step-([0-9]{6,9})\.json")


def is_training(folder: Path) -> bool:
    """Return whether a folder is that of a training."""
    return (folder / WORDS_FILE).is_file()


def open_training(folder: Path, asked: Asked, words: Words) -> None:
    """Make the folder of a training, or see that it is that of the same one.

    Raises RunFolderError where it is another's, or cannot be written.
    """
    try:
        open_asked(folder, asked, "training")
        write_whole(folder / WORDS_FILE, msgspec.json.encode(words))
    except OSError as error:
        raise RunFolderError(f"cannot keep the training in {folder}: {error}") from error


def asked_before(folder: Path) -> tuple[Asked, Words]:
    """Return how the training in a folder was asked for. Raises RunFolderError."""
    return _document(folder / ASKED_FILE, Asked), _document(folder / WORDS_FILE, Words)


def read_training(folder: Path) -> Training:
    """Return what a finished training came to. Raises RunFolderError."""
    return _document(folder / TRAINING_FILE, Training)


def store_training(folder: Path, found: Training) -> None:
    """Write what a training came to. Raises RunFolderError."""
    _write(folder / TRAINING_FILE, msgspec.json.format(msgspec.json.encode(found), indent=2))


def folder_of(folder: Path, seed: int) -> Path:
    """Make the folder of a seed. Raises RunFolderError."""
    found = folder / f"seed-{seed}"
    try:
        found.mkdir(exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"cannot make {found}: {error}") from error
    return found


def name_of(step: int) -> str:
    """Return the file of the checkpoint of a step, without its ending."""
    return f"step-{step:06}"


def keep(folder: Path, point: Point, seed: int, learnt: Learnt, head: str, model: str) -> None:
    """Write a checkpoint: the binary file, and then what says that it is whole."""
    data = learnt.astype("<u4").tobytes()
    beside = Checkpoint(
        point=point, seed=seed, head_sha256=head, model_sha256=model, words=len(learnt),
        sha256=hashlib.sha256(data).hexdigest(),
    )  # fmt: skip
    _write(folder / f"{name_of(point.step)}.bin", data)
    _write(folder / f"{name_of(point.step)}.json", msgspec.json.encode(beside))


def checkpoints(
    folder: Path, seed: int, head: str, model: str, words: int
) -> tuple[list[Point], Learnt]:
    """Return the points of all checkpoints of a seed, and the words of the last.

    Raises RunFolderError where one is damaged, or of another model, head or seed.
    """
    try:
        names = (_CHECKPOINT.fullmatch(path.name) for path in folder.iterdir())
        steps = sorted(int(name[1]) for name in names if name)
    except OSError as error:
        raise RunFolderError(f"{folder}: cannot be read: {error}") from error
    if len(steps) > CHECKPOINTS_MOST:
        raise RunFolderError(f"{folder}: {len(steps)} checkpoints, more than a training keeps")
    found = [_document(folder / f"{name_of(step)}.json", Checkpoint) for step in steps]
    for step, one in zip(steps, found, strict=True):
        if (one.head_sha256, one.model_sha256, one.seed) != (head, model, seed):
            raise RunFolderError(
                f"{folder / name_of(step)}.json is a checkpoint of another model, head or seed: "
                "give -o a new folder"
            )
        if one.point.step != step:
            raise RunFolderError(f"{folder / name_of(step)}.json says step {one.point.step}")
    if not found:
        return [], np.zeros(0, np.uint32)
    path = folder / f"{name_of(steps[-1])}.bin"
    try:
        data = read_bytes(path, WHOLE_MOST_B, links=False)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be read: {error}") from error
    if hashlib.sha256(data).hexdigest() != found[-1].sha256 or len(data) != WORD_B * words:
        raise RunFolderError(
            f"{path} is not what its .json says (SHA-256 differs): remove both files to go on from "
            "the checkpoint before"
        )
    return [one.point for one in found], np.frombuffer(data, "<u4").astype(np.uint32)


def _write(path: Path, data: bytes) -> None:
    try:
        write_whole(path, data)
    except OSError as error:
        raise RunFolderError(f"cannot write {path}: {error}") from error


def _document(path: Path, kind: type[T]) -> T:
    try:
        return read_json(read_bytes(path, DOCUMENT_MOST_B, links=False), type=kind)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be read: {error.strerror or error}") from error
    except msgspec.MsgspecError as error:
        raise RunFolderError(f"{path}: not what training writes there: {error}") from error
