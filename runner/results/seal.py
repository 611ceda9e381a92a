"""The seal of a run folder: the SHA-256 of each of its files, as `sha256sum -c` reads them.

It shows an accident or a casual edit. It is no signature: who can write into the folder can seal it
again.
"""

import errno
import hashlib
import re
from pathlib import Path

from tinybench.errors import RunFolderError
from tinybench.files import (
    STREAM_MOST_B,
    is_file_name,
    is_partial,
    open_regular,
    read_bytes,
    write_whole,
)

SEAL_FILE = "SHA256SUMS"
SEAL_MOST_B = 64 << 10
"""A run writes a few dozen lines."""
_LINE = re.compile(r"([0-9a-f]{64})  ([^/\n]+)")


def write_seal(folder: Path) -> None:
    """Write the seal of what is in a run folder now. Raises RunFolderError."""
    path = folder / SEAL_FILE
    try:
        names = sorted(
            entry.name
            for entry in folder.iterdir()
            if entry.is_file()
            and not entry.is_symlink()
            and not entry.name.startswith(SEAL_FILE)
            and not is_partial(entry.name)
        )
        lines = [f"{file_sha256(folder, name)}  {name}\n" for name in names]
        write_whole(path, "".join(lines).encode())
    except OSError as error:
        raise RunFolderError(f"cannot write {path}: {error}") from error


def read_seal(folder: Path) -> dict[str, str] | None:
    """Return {file name: SHA-256}; None where there is no seal that can be read."""
    try:
        text = read_bytes(folder / SEAL_FILE, SEAL_MOST_B, links=False).decode()
    except (OSError, UnicodeDecodeError):
        return None
    found = [_LINE.fullmatch(line) for line in text.split("\n")]
    return {match[2]: match[1] for match in found if match}


def file_sha256(folder: Path, name: str, most_b: int = STREAM_MOST_B) -> str:
    """Return the SHA-256 of a file in a run folder, read piece by piece.

    Raises OSError, for one of more than `most_b` bytes, and for no name of a file in the folder
    too: only that is opened.
    """
    if not is_file_name(name):
        raise OSError(errno.EINVAL, "not the name of a file in the folder", name)
    with open_regular(folder / name, most_b, links=False) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
