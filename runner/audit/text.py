"""Read text of unknown origin line by line: bounded, in any encoding."""

import codecs
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from tinybench.files import STREAM_MOST_B, open_regular

LINE_LIMIT = 1 << 20
"""Characters; a longer line comes in pieces."""
FILE_LIMIT_B = 256 << 20
"""Of a log: five times the largest known. What follows is not read."""
NO_RESULT = "REHEARSAL, NO RESULT"
"""In every file of a submission that `tinybench submit --rehearsal` made."""
REPLACED = "\N{REPLACEMENT CHARACTER}"
SHOWN = 3
"""Names that a message lists."""


def lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file without their ends; bytes that are no text become REPLACED.

    Raises OSError.
    """
    with open_regular(path, STREAM_MOST_B) as file:
        head = file.read(4)
    encoding = "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    read = 0
    raw = open_regular(path, STREAM_MOST_B)
    with io.TextIOWrapper(raw, encoding=encoding, errors="replace") as file:
        while (line := file.readline(LINE_LIMIT)) and read < FILE_LIMIT_B:
            read += len(line)
            yield line.rstrip("\n")


def shown(text: str) -> str:
    """Return a text as it can be printed anywhere: control and lone characters as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def some_names(names: Sequence[str], most: int = SHOWN) -> str:
    """Return the first names as they can be printed, and how many more there are."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown(name[:80]) for name in names[:most]) + rest
