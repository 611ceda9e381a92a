"""Standard output and error that outlive their readers, and that any encoding can take."""

import codecs
import contextlib
import errno
import io
import os
import sys
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

DEGRADE = "tinybench-degrade"
"""Error handler of an encoding: what it does not have becomes what looks like it."""
PLAIN = {
    "±": "+-",
    "µ": "u",
    "μ": "u",
    "×": "x",
    "·": ".",
    "–": "-",
    "—": "-",
    "…": "...",
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "²": "2",
    "Ω": "Ohm",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
}


class Lasting(io.RawIOBase):
    """A file descriptor to write to: once it takes no more, the rest is dropped.

    `failed` is why, where that is a failure; that nobody reads any more is none.
    """

    def __init__(self, fd: int) -> None:
        super().__init__()
        self._fd = fd
        self._gone = {errno.EPIPE, errno.EBADF, *([errno.EIO] if os.isatty(fd) else [])}
        self._lost = False
        self.failed: OSError | None = None

    def writable(self) -> bool:
        """Return that it is."""
        return True

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def isatty(self) -> bool:
        """Return whether a terminal shows it."""
        return os.isatty(self._fd)

    def write(self, data: "Buffer", /) -> int:
        """Write all of it, or drop it."""
        left = memoryview(data).cast("B")
        size = len(left)
        while len(left) and not self._lost:
            try:
                left = left[os.write(self._fd, left) :]
            except OSError as error:
                self._lost = True
                self.failed = None if error.errno in self._gone else error
        return size


@contextlib.contextmanager
def lasting() -> Iterator[Lasting | None]:
    """Make the program's own streams outlive their readers; yield standard output's.

    Streams that another program put in place, as a test does, stay as they are: None.
    """
    _open_standard_files()
    codecs.register_error(DEGRADE, _degrade)
    before = sys.stdout, sys.stderr
    out = None
    if sys.stdout is None or sys.stdout is sys.__stdout__:
        out = Lasting(1)
        sys.stdout = _text(out, before[0])
    if sys.stderr is None or sys.stderr is sys.__stderr__:
        sys.stderr = _text(Lasting(2), before[1])
    try:
        yield out
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if before[0] is not None:
            sys.stdout = before[0]
        if before[1] is not None:
            sys.stderr = before[1]


def _text(raw: Lasting, before: TextIO | None) -> TextIO:
    encoding = getattr(before, "encoding", None) or "utf-8"
    if os.environ.get("LC_ALL") in ("C", "POSIX") and not _said_otherwise():
        encoding = "ascii"  # Python would write UTF-8 all the same
    errors = "surrogateescape" if encoding.lower().replace("-", "") == "utf8" else DEGRADE
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors=errors, line_buffering=True
    )


def _said_otherwise() -> bool:
    return "PYTHONIOENCODING" in os.environ or os.environ.get("PYTHONUTF8") == "1"


def _open_standard_files() -> None:
    """Give a closed standard file to /dev/null, lest the next file opened becomes it."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            while os.open(os.devnull, os.O_RDWR) < fd:
                pass


def _degrade(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for characters that an encoding does not have."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(map(plain, text)), error.end


def plain(character: str) -> str:
    """Return a character as ASCII: its look-alike, else "?"."""
    code = ord(character)
    if character in PLAIN:
        return PLAIN[character]
    if 0x2500 <= code <= 0x257F:  # box drawing
        name = unicodedata.name(character)
        both = "HORIZONTAL" in name and "VERTICAL" in name
        sole = "-" if "HORIZONTAL" in name else "|" if "VERTICAL" in name else "+"
        return "+" if both or (" AND " in name and sole == "+") else sole
    if 0x2580 <= code <= 0x259F:  # bars
        return "#"
    bare = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return bare or "?"
