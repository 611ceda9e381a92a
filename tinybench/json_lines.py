"""Files of JSON lines that survive a crash: opened to append behind the last whole line."""

import errno
import os
from io import FileIO
from pathlib import Path

from .files import own_regular

_BLOCK_B = 1 << 16
LINE_MOST_B = 64 << 20


def open_lines(path: Path) -> FileIO:
    """Open a file to append to, unbuffered; cut off a last line that was never finished.

    Raises OSError.
    """
    file = FileIO(path, "a+", opener=own_regular)
    try:
        file.truncate(_end_of_lines(file))
        file.seek(0, os.SEEK_END)
    except OSError:
        file.close()
        raise
    return file


def lock_file(file: int) -> None:
    """Lock an open file for this process. Raises BlockingIOError when another one has it."""
    if os.name == "posix":
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _end_of_lines(file: FileIO) -> int:
    """Return where the last whole line ends. Raises OSError where none does for LINE_MOST_B."""
    end = file.seek(0, os.SEEK_END)
    least = end - LINE_MOST_B
    while end > 0:
        if end < least:
            raise OSError(errno.EFBIG, f"no line ends in its last {LINE_MOST_B} bytes")
        begin = max(0, end - _BLOCK_B)
        file.seek(begin)
        at = file.read(end - begin).rfind(b"\n")
        if at >= 0:
            return begin + at + 1
        end = begin
    return 0
