"""The code in a firmware image: its bytes by address, and where a function is.

Ref: TIS, Executable and Linking Format, 1.2, "Program Header", "Symbol Table".
"""

import contextlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tinybench.errors import BuildError
from tinybench.files import read_bytes

from ..build.elf import IMAGE_MAX_B

LOAD, SYMTAB, FUNCTION = 1, 2, 2
SEGMENTS_MOST, SYMBOLS_MOST, NAME_MOST_B = 64, 200_000, 200
"""In an image, and of a name: more than any firmware has."""
_SEGMENT = struct.Struct("<8I")
_SECTION = struct.Struct("<10I")
_SYMBOL = struct.Struct("<IIIBBH")


class Code(NamedTuple):
    """What an image loads."""

    segments: list[tuple[int, memoryview]]
    """Address and bytes of each."""

    def at(self, address: int, most_b: int) -> bytes:
        """Return up to `most_b` bytes from an address on; none where nothing is loaded."""
        for start, held in self.segments:
            if start <= address < start + len(held):
                return bytes(held[address - start : address - start + most_b])
        return b""


def read_image(path: Path) -> bytes:
    """Read an image whole. Raises BuildError."""
    try:
        return read_bytes(path, IMAGE_MAX_B)
    except OSError as error:
        raise BuildError(f"{path}: cannot read its code: {error}") from error


def parse_code(raw: bytes) -> Code:
    """Take the code out of a 32-bit little-endian ELF image. Raises BuildError."""
    with _damage_is_said(raw):
        return Code(_segments(raw))


def functions(raw: bytes) -> dict[str, int]:
    """Return where each function of an image begins; a Thumb one's without its lowest bit.

    Raises BuildError.
    """
    with _damage_is_said(raw):
        return _functions(raw)


@contextlib.contextmanager
def _damage_is_said(raw: bytes) -> Iterator[None]:
    if raw[:6] != b"\x7fELF\x01\x01":
        raise BuildError("cannot read the code of an image that is no 32-bit ELF file")
    try:
        yield
    except (struct.error, IndexError) as error:
        raise BuildError(f"cannot read the code of an image: {error}") from error


def _segments(raw: bytes) -> list[tuple[int, memoryview]]:
    (table,) = struct.unpack_from("<I", raw, 28)
    each, count = struct.unpack_from("<HH", raw, 42)
    found = []
    for number in range(min(count, SEGMENTS_MOST)):
        kind, offset, address, _, size_b, *_ = _SEGMENT.unpack_from(raw, table + number * each)
        if kind == LOAD and size_b:
            found.append((address, memoryview(raw)[offset : offset + size_b]))
    return found


def _functions(raw: bytes) -> dict[str, int]:
    (table,) = struct.unpack_from("<I", raw, 32)
    each, count = struct.unpack_from("<HH", raw, 46)
    sections = [_SECTION.unpack_from(raw, table + number * each) for number in range(count)]
    found: dict[str, int] = {}
    symbols = next((section for section in sections if section[1] == SYMTAB), None)
    if symbols is None:
        return found
    _, _, _, _, first, size_b, link, *_ = symbols
    names = sections[link][4]
    for number in range(min(size_b // _SYMBOL.size, SYMBOLS_MOST)):
        name, address, _, info, _, _ = _SYMBOL.unpack_from(raw, first + number * _SYMBOL.size)
        if info & 0xF == FUNCTION:
            word, _, _ = raw[names + name : names + name + NAME_MOST_B].partition(b"\0")
            found[word.decode("ascii", "replace")] = address & ~1
    return found
