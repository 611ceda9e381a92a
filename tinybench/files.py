"""Open files that others wrote: regular ones only, and no farther than a bound.

A pipe would be waited for, a device may have no end, and a link in a folder of others may lead to
any file of this machine.
"""

import contextlib
import errno
import os
import re
import stat
import sys
import zipfile
import zlib
from io import BufferedReader, FileIO
from pathlib import Path

DOCUMENT_MOST_B = 64 << 20
"""Of JSON, or a list of names; the largest result of a run has a few MiB."""
WHOLE_MOST_B = 256 << 20
"""Of a model, an image or a log that is read whole."""
STREAM_MOST_B = 16 << 30
"""Of what is read piece by piece: a trace of hours, an archive."""

LINE_MOST_B = 64 << 20
"""Of a line of JSON that may be cut off: the last one, where it was never finished."""
_BLOCK_B = 1 << 16
_PLAIN = re.compile(r"(?!\.{1,2}\Z)[^/\\:\x00-\x1f\x7f\ud800-\udfff]+")
_PARTIAL = re.compile(r".+\.[0-9a-f]{6}~", re.DOTALL)
NAME_MOST_B = 255 - len(".012def~")  # of what is written beside it first
_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def is_file_name(name: str) -> bool:
    """Return whether a name is that of a file in a folder, which can be written there, and no way
    out of it."""
    length_b = len(name.encode(errors="replace"))
    return length_b <= NAME_MOST_B and _PLAIN.fullmatch(name) is not None


def is_there(path: Path | str) -> bool:
    """Return whether there is a file or folder of this name: none of a name that is too long."""
    return os.path.exists(path)  # noqa: PTH110 - that of a Path raises


def open_regular(path: Path, most_b: int, *, links: bool = True) -> BufferedReader:
    """Open a regular file of at most `most_b` bytes to read. Raises OSError.

    `links=False` in a folder that others wrote: a link is no file there.
    """
    _insist(path, path.stat() if links else path.lstat(), most_b)
    file = os.fdopen(os.open(path, os.O_RDONLY | _NO_WAIT | (0 if links else _NO_LINK)), "rb")
    try:
        _insist(path, os.fstat(file.fileno()), most_b)  # it may be another one by now
    except OSError:
        file.close()
        raise
    return file


def read_bytes(path: Path, most_b: int, *, links: bool = True) -> bytes:
    """Return what a regular file of at most `most_b` bytes holds. Raises OSError."""
    with open_regular(path, most_b, links=links) as file:
        return file.read(os.fstat(file.fileno()).st_size)


def read_text(path: Path, most_b: int, errors: str = "strict") -> str:
    """Return the UTF-8 text of a regular file, lines ending in "\\n".

    Raises OSError, UnicodeDecodeError.
    """
    text = read_bytes(path, most_b).decode("utf-8", errors)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def holds(path: Path, data: bytes) -> bool:
    """Return whether a regular file has just these bytes."""
    try:
        return read_bytes(path, len(data)) == data
    except OSError:
        return False


ZIP_FAULTS = (
    OSError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
)
"""What reading a damaged zip archive raises."""


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip archive to read, one whose parts can be unpacked piece by piece.

    Of other methods than deflate a part comes out whole, however large it is. Raises OSError,
    zipfile.BadZipFile.
    """
    open_regular(path, STREAM_MOST_B).close()
    archive = zipfile.ZipFile(path)
    for entry in archive.infolist():
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            archive.close()
            raise zipfile.BadZipFile(
                f"{entry.filename[:100]!r} in it is compressed by another method than deflate: "
                "pack it anew"
            )
    return archive


def own_regular(path: str, flags: int) -> int:
    """Open a regular file to write, as the `opener` of Python's `open`; a link is none.

    Raises OSError.
    """
    file = os.open(path, flags | _NO_WAIT | _NO_LINK, 0o666)
    try:
        _insist(Path(path), os.fstat(file), sys.maxsize)
    except OSError:
        os.close(file)
        raise
    return file


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, and through no link that lies there.

    Threads and programs that write the same one at once leave that of the last. Raises OSError.
    """
    partial = path.with_name(f"{path.name}.{os.urandom(3).hex()}~")
    with partial.open("xb") as file:  # outside: where it is there already, it is another's
        try:
            with file:
                file.write(data)
            partial.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                partial.unlink()
            raise


def is_partial(name: str) -> bool:
    """Return whether a name is that of what `write_whole` left where its process was killed."""
    return _PARTIAL.fullmatch(name) is not None


def _insist(path: Path, found: os.stat_result, most_b: int) -> None:
    """Raise OSError for what is no regular file, or too large."""
    kind = stat.S_IFMT(found.st_mode)
    if kind == stat.S_IFDIR:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if kind == stat.S_IFLNK:
        raise OSError(errno.ELOOP, "a link, which is not followed here", str(path))
    if kind != stat.S_IFREG:
        raise OSError(errno.EINVAL, "a pipe, a socket or a device, not a file", str(path))
    if found.st_size > most_b:
        what = f"more than {most_b} bytes; is it the right file?"
        raise OSError(errno.EFBIG, what, str(path))


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
