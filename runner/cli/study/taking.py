"""The folder of a job, taken from a lab: unpacked whole or not at all, whatever is in it."""

import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from tinybench.errors import BenchError, RunFolderError
from tinybench.files import ZIP_FAULTS, open_zip
from tinybench.plural import counted

from ..output import Voice

if TYPE_CHECKING:
    from ...lab.ask import Lab


def take(voice: Voice, lab: "Lab", job: int, into: Path) -> None:
    """Take the folder of a job from a lab, whole or not at all.

    Raises BenchError for what is no such folder.
    """
    from ...lab.order import FILES_MOST_B

    if into.is_dir():
        return
    partial = into.with_name(f".{into.name}")
    shutil.rmtree(partial, ignore_errors=True)
    archive = into.with_name(f".{into.name}.zip")
    try:
        with archive.open("wb") as file:
            lab.fetch(f"/api/jobs/{job}/run.zip", file, FILES_MOST_B)
        unpacked(archive, partial, job)
        partial.rename(into)
    except OSError as error:
        raise RunFolderError(f"cannot write into {into.parent}: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        archive.unlink(missing_ok=True)
    voice.note(f"job {job} is here: {into}")


def unpacked(archive: Path, into: Path, job: int) -> None:
    """Unpack what a lab sent. Raises BenchError, OSError."""
    from ...lab.order import FILES_MOST, FILES_MOST_B, kept

    root, files, left_b = f"job-{job}/", dict[str, bytes](), FILES_MOST_B
    try:
        with open_zip(archive) as found:
            entries = found.infolist()
            if len(entries) > FILES_MOST:
                raise BenchError(
                    f"job {job}: {counted(len(entries), 'file')}; at most {FILES_MOST} are taken"
                )
            for entry in entries:
                with found.open(entry) as file:
                    data = file.read(left_b + 1)
                left_b -= len(data)
                if left_b < 0 or not entry.filename.startswith(root):
                    raise BenchError(f"job {job}: {entry.filename[:60]!r} is no file of it")
                files[entry.filename.removeprefix(root)] = data
    except zipfile.BadZipFile as error:
        raise BenchError(f"job {job}: what the lab sent is no archive: {error}") from error
    except ZIP_FAULTS as error:
        raise BenchError(f"job {job}: what the lab sent is damaged: {error}") from error
    kept(into, files, deep=True)
