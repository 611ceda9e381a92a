"""The seal of a run folder: the SHA-256 of each of its files, as `sha256sum -c` reads them.

It shows an accident or a casual edit. It is no signature: who can write into the folder can seal it
again.
"""

import hashlib
import re
from pathlib import Path

from tinybench.errors import RunFolderError

SEAL_FILE = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  ([^/\n]+)")


def write_seal(folder: Path) -> None:
    """Write the seal of what is in a run folder now. Raises RunFolderError."""
    path = folder / SEAL_FILE
    partial = folder / (SEAL_FILE + ".partial")
    try:
        names = sorted(
            entry.name
            for entry in folder.iterdir()
            if entry.is_file() and entry.name not in (path.name, partial.name)
        )
        lines = [f"{file_sha256(folder / name)}  {name}\n" for name in names]
        partial.write_text("".join(lines), encoding="utf-8", newline="\n")
        partial.replace(path)
    except OSError as error:
        raise RunFolderError(f"cannot write {path}: {error}") from error


def read_seal(folder: Path) -> dict[str, str] | None:
    """Return {file name: SHA-256}; None where there is no seal that can be read."""
    try:
        lines = (folder / SEAL_FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    found = [_LINE.fullmatch(line) for line in lines]
    return {match[2]: match[1] for match in found if match}


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, however large. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
