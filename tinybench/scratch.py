"""Folders for a moment; what a killed process left of its own is swept by the next one."""

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a POSIX system: nothing is marked there, and so nothing swept
    fcntl = None

SWEPT_MAX = 16
LOOKED_AT_MAX = 1000
"""Leftovers that one call removes, and folders it looks at for them."""
MARK = ".tinybench-scratch"
"""The file that makes a folder one of these; whoever works in the folder holds a lock on it."""
INSIDE = "in"


@contextmanager
def scratch(folder: Path | None = None, prefix: str = "tinybench-") -> Iterator[Path]:
    """Make an empty folder somewhere below `folder`, and remove it on the way out.

    `folder`: the system's folder for temporary files unless given. Leftovers of killed processes
    in it, of the same prefix, are removed too. A child process that is started with
    `close_fds=False` holds the folder as well: one that outlives its parent is not swept away from.
    Raises OSError.
    """
    place = Path(tempfile.gettempdir()) if folder is None else folder
    _sweep(place, prefix)
    own = Path(tempfile.mkdtemp(dir=place, prefix=prefix))
    lock = None
    try:
        lock = _mark(own)
        inside = own / INSIDE
        inside.mkdir()
        yield inside
    finally:
        _remove(own, lock)
        _sweep(place, prefix)  # again: a leftover may have been held by a child until now


def _mark(own: Path) -> int | None:
    """Mark a new folder, and return the lock on its mark; None where there are no locks."""
    new = own / f"{MARK}.new"
    file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    if not _locked(file):
        os.close(file)
        new.unlink()
        return None
    os.set_inheritable(file, True)
    new.rename(own / MARK)  # a mark is locked before anybody can see it
    return file


def _locked(file: int) -> bool:
    """Lock an open file, unless another has it or its file system knows no locks."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sweep(place: Path, prefix: str) -> None:
    """Remove some of the folders that nobody works in any more."""
    if fcntl is None:
        return
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        named = (Path(entry) for entry in entries if entry.name.startswith(prefix))
        looked_at = list(islice(named, LOOKED_AT_MAX))
        free = ((path, lock) for path in looked_at if (lock := _free(path)) is not None)
        for path, lock in islice(free, SWEPT_MAX):
            _remove(path, lock)


def _free(path: Path) -> int | None:
    """Return the lock on the mark of this user's folder; None if it is held, or none of ours."""
    try:
        there = path.lstat()
        if not stat.S_ISDIR(there.st_mode) or there.st_uid != os.getuid():
            return None
        # Not to wait for the writer of a pipe.
        file = os.open(path / MARK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    mark = os.fstat(file)
    if stat.S_ISREG(mark.st_mode) and mark.st_uid == there.st_uid and _locked(file):
        return file
    os.close(file)
    return None


def _remove(own: Path, lock: int | None) -> None:
    """Remove a folder, its mark last: what cannot be removed now is swept later."""
    inside = own / INSIDE
    shutil.rmtree(inside, ignore_errors=True)
    if lock is not None:
        os.close(lock)
    with contextlib.suppress(OSError):
        if not os.path.lexists(inside):
            (own / MARK).unlink(missing_ok=True)
            own.rmdir()
