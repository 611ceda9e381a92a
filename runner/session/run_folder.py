"""The folder of a run: made for one run alone, and given the files that decided its result."""

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from tinybench.datasets.reader import Sample
from tinybench.errors import RunFolderError
from tinybench.files import WHOLE_MOST_B, read_bytes, write_whole
from tinybench.models.compiler import Manifest

from ..results.journal import create
from ..results.names import INPUTS_FILE, MANIFEST_FILE
from ..results.result import Result, write_result
from ..results.seal import write_seal
from .connect import line_was_open


def insist_free(folder: Path) -> None:
    """Raise RunFolderError unless `folder` is not there, or empty."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunFolderError(
                f"{folder} is not an empty folder, perhaps another run's; nothing was written. "
                "Give --out a new one"
            )
    except OSError as error:
        raise RunFolderError(f"{folder} cannot be a run folder: {error}") from error


def make_folder(folder: Path) -> Path:
    """Make the run folder; of two runs that want the same one, only one gets it."""
    insist_free(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        create(folder)
    except FileExistsError:
        raise RunFolderError(
            f"{folder} was taken by another run a moment ago; give --out a new one"
        ) from None
    except OSError as error:
        raise RunFolderError(f"cannot make the run folder {folder}: {error}") from error
    return folder


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Make the folder of a run; what could not begin leaves none, so that it may be asked again.

    A run has begun once a line is open. Raises RunFolderError.
    """
    make_folder(folder)
    try:
        yield folder
    except BaseException:
        if not line_was_open(folder):
            with contextlib.suppress(OSError):
                for path in folder.iterdir():  # it was empty: all that is in it is of this run
                    path.unlink()
                folder.rmdir()
        raise


def store_files(
    folder: Path, copies: dict[str, Path], samples: Sequence[Sample], manifest: Manifest | None
) -> dict[str, str]:
    """Copy what decides the result into the folder, each by its name; return {name: SHA-256}.

    `samples`: the whole set, of which names, labels and hashes are kept; `manifest`: what our
    compiler says of the model, where it made it.
    """
    try:
        stored = {name: read_bytes(source, WHOLE_MOST_B) for name, source in copies.items()}
        listed = "".join(f"{one.name},{one.label},{one.digest}\n" for one in samples)
        stored[INPUTS_FILE] = listed.encode()
        if manifest is not None:
            text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
            stored[MANIFEST_FILE] = text + b"\n"
        for name, data in stored.items():
            write_whole(folder / name, data)
        return {name: hashlib.sha256(data).hexdigest() for name, data in stored.items()}
    except OSError as error:
        raise RunFolderError(f"cannot write into {folder}: {error}") from error


def store_result(folder: Path, result: Result) -> None:
    """Write the result, and seal the folder. Raises RunFolderError when the disk refuses."""
    write_result(folder, result)
    write_seal(folder)


def default_folder(board: str, task: str, started: datetime) -> Path:
    """Return where a run is stored that was given no folder."""
    return Path("runs") / f"{started:%Y%m%dT%H%M%S.%f}Z-{board}-{task}"
