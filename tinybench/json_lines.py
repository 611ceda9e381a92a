"""Files of JSON lines that survive a crash: opened to append behind the last whole line."""

from io import FileIO
from pathlib import Path


def open_lines(path: Path) -> FileIO:
    """Open a file to append to, unbuffered; cut off a last line that was never finished.

    Raises OSError.
    """
    file = FileIO(path, "a+")
    try:
        file.seek(0)
        file.truncate(file.readall().rfind(b"\n") + 1)
    except OSError:
        file.close()
        raise
    return file
