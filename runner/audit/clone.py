"""Which files a clone has published but not checked out: read from git's own index, by no program.

Ref: git, gitformat-index(5), versions 2 to 4.
"""

import struct
from pathlib import Path

from tinybench.files import read_bytes

INDEX_MOST_B = 64 << 20
NAMES_MOST_B = 64 << 20
"""Of all names together; those of version 4 are stored shorter than they are."""
ENTRIES_MOST = 500_000

_HEAD = struct.Struct(">4sII")
_FIXED_B = 62
"""Of an entry before its name, with hashes of 20 bytes."""
_FLAGS_AT = 60
_EXTENDED = 0x4000
_DIRECTORY = 0o040000
_UNSTATED = (b"link", b"sdir")
"""Extensions with which the index does not list every file."""


class Clones:
    """Reads the index of each clone that is asked for, once."""

    def __init__(self) -> None:
        self._of: dict[Path, tuple[Path, dict[str, set[str]]] | None] = {}

    def known(self, folder: Path) -> bool:
        """Return whether a folder is in a clone that says what is published."""
        return self._clone(folder) is not None

    def files(self, folder: Path) -> frozenset[str]:
        """Return the names of the published files directly in a folder; none without a clone."""
        found = self._clone(folder)
        if found is None:
            return frozenset()
        top, folders = found
        return frozenset(folders.get(folder.relative_to(top).as_posix(), ()))

    def below(self, folder: Path) -> bool:
        """Return whether any file directly in a folder is published."""
        return bool(self.files(folder))

    def _clone(self, folder: Path) -> tuple[Path, dict[str, set[str]]] | None:
        if folder in self._of:
            return self._of[folder]
        found: tuple[Path, dict[str, set[str]]] | None = None
        git = folder / ".git"
        if git.is_dir() and not git.is_symlink():
            found = _read(folder)
        elif not git.exists() and folder.parent != folder:
            found = self._clone(folder.parent)
        self._of[folder] = found
        return found


def _read(top: Path) -> tuple[Path, dict[str, set[str]]] | None:
    try:
        names = parse(read_bytes(top / ".git" / "index", INDEX_MOST_B, links=False))
    except (OSError, ValueError, IndexError, struct.error):
        return None
    folders: dict[str, set[str]] = {}
    for name in names:
        folder, _, file = name.rpartition("/")
        folders.setdefault(folder or ".", set()).add(file)
    return top, folders


def parse(raw: bytes) -> list[str]:
    """Return the paths in an index. Raises ValueError for one that does not list every file."""
    magic, version, count = _HEAD.unpack_from(raw)
    if magic != b"DIRC" or version not in (2, 3, 4) or count > ENTRIES_MOST:
        raise ValueError("no index of git that is known")
    names: list[str] = []
    at, total_b, before = _HEAD.size, 0, b""
    for _ in range(count):
        begins = at
        mode = struct.unpack_from(">I", raw, at + 24)[0]
        flags = struct.unpack_from(">H", raw, at + _FLAGS_AT)[0]
        at += _FIXED_B + (2 if version > 2 and flags & _EXTENDED else 0)
        kept = b""
        if version == 4:
            cut, at = _varint(raw, at)
            kept = before[: max(0, len(before) - cut)]
        end = raw.index(b"\0", at)
        before = kept + raw[at:end]
        total_b += len(before)
        if total_b > NAMES_MOST_B or mode & 0o170000 == _DIRECTORY:
            raise ValueError("an index that does not list every file")
        names.append(before.decode("utf-8", "surrogateescape"))
        at = end + 1 if version == 4 else begins + ((end - begins) // 8 + 1) * 8
    while at + 8 <= len(raw):
        if raw[at : at + 4] in _UNSTATED:
            raise ValueError("an index that does not list every file")
        at += 8 + struct.unpack_from(">I", raw, at + 4)[0]
    return names


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """Return a number of variable length, and where it ends. Ref: git, varint.c."""
    value = raw[at] & 0x7F
    while raw[at] & 0x80:
        at += 1
        value = ((value + 1) << 7) | (raw[at] & 0x7F)
        if value > NAMES_MOST_B:
            raise ValueError("a name that is too long")
    return value, at + 1
