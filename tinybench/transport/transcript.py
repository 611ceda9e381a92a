"""Transcripts on disk: JSON lines, read as a stream, a long one compressed when its run is done.

A compressed one is what `gzip` makes: `zcat`, `zgrep` and `zless` read it.
"""

import gzip
import os
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from ..errors import RunFolderError
from ..files import STREAM_MOST_B, open_regular

PLAIN, PACKED = ".jsonl", ".jsonl.gz"
LONG_B = 8 << 20
"""A transcript shorter than this stays text."""
LEVEL = 2
"""Of hex digits a higher one makes 5 % less, in five times the time."""
LINE_MAX_B = 4 << 20
"""Of an entry; an upload of the largest input, in hex, has 55 kB."""
TOTAL_MAX_B = 8 << 30
"""What is read of one transcript, however much a compressed one claims to hold."""


class _Entry(msgspec.Struct):
    """A line, with bytes as text or as hex digits."""

    to: str
    t_s: float = 0.0
    text: str | None = None
    hex: str = "none"


def transcripts(folder: Path) -> list[Path]:
    """Return the transcripts in a run folder; of one that was just being compressed, the text."""
    plain = set(folder.glob(f"transcript*{PLAIN}"))
    packed = {path for path in folder.glob(f"transcript*{PACKED}") if _text_of(path) not in plain}
    return sorted(plain | packed)


def pack(folder: Path) -> None:
    """Compress the long transcripts of a run that is done. Raises RunFolderError.

    Whoever kills this finds the text or the whole compressed file, or both.
    """
    for path in transcripts(folder):
        try:
            if path.name.endswith(PLAIN) and path.stat().st_size >= LONG_B:
                _pack(path, path.with_name(path.name + ".gz"))
        except OSError as error:
            raise RunFolderError(f"cannot compress the transcript {path}: {error}") from error


def unpack(folder: Path) -> None:
    """Make text again of what was compressed, so that a run can go on. Raises RunFolderError."""
    for path in transcripts(folder):
        text = _text_of(path)
        if text == path:
            continue
        partial = text.with_name(text.name + ".partial")
        try:
            with partial.open("wb") as file:
                file.writelines(read_lines(path))
            partial.replace(text)
            path.unlink()
        except OSError as error:
            raise RunFolderError(f"cannot write the transcript {text}: {error}") from error
        finally:
            partial.unlink(missing_ok=True)


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a transcript; raises RunFolderError when it cannot be read.

    A last line without an end, as a crash leaves it, is one, too.
    """
    total_b = 0
    try:
        with _open(path) as file:
            while line := file.readline(LINE_MAX_B):
                total_b += len(line)
                if len(line) == LINE_MAX_B or total_b > TOTAL_MAX_B:
                    raise RunFolderError(
                        f"{path}: a line of {LINE_MAX_B} bytes, or more than {TOTAL_MAX_B} in all; "
                        "no transcript is so long"
                    )
                yield line
    except (OSError, EOFError, zlib.error) as error:
        raise RunFolderError(f"cannot read the transcript {path}: {error}") from error


def entries(path: Path) -> Iterator[tuple[float, str, bytes]]:
    """Yield (seconds, to, bytes) of each entry; `to` is "dut", "host", "port" or "emulator".

    Raises RunFolderError naming the line that is no entry.
    """
    decode = msgspec.json.Decoder(_Entry).decode
    for number, line in enumerate(read_lines(path), start=1):
        try:
            entry = decode(line)
            text = entry.text
            data = bytes.fromhex(entry.hex) if text is None else text.encode("ascii")
        except (ValueError, msgspec.DecodeError, RecursionError) as error:
            raise RunFolderError(f"{path}:{number}: not a transcript entry: {error}") from error
        yield entry.t_s, entry.to, data


def _text_of(packed: Path) -> Path:
    return packed.with_name(packed.name.removesuffix(".gz"))


def _open(path: Path) -> BinaryIO | gzip.GzipFile:
    file = open_regular(path, STREAM_MOST_B, links=False)
    return gzip.GzipFile(fileobj=file) if path.name.endswith(PACKED) else file


def _pack(path: Path, packed: Path) -> None:
    partial = packed.with_name(packed.name + ".partial")
    try:
        with (
            path.open("rb") as text,
            partial.open("wb") as raw,
            gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as file,
        ):
            shutil.copyfileobj(text, file, 1 << 20)
        with partial.open("rb") as raw:
            os.fsync(raw.fileno())
        partial.replace(packed)
    finally:
        partial.unlink(missing_ok=True)
    path.unlink()
