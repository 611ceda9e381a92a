"""The code in a firmware image: its bytes by address, and where a function is.

Ref: TIS, Executable and Linking Format, 1.2, "Program Header", "Symbol Table".
"""

import struct
from pathlib import Path
from typing import NamedTuple

from tinybench.errors import BuildError
from tinybench.files import read_bytes

from ..build.elf import IMAGE_MAX_B

LOAD, SYMTAB = 1, 2
_SEGMENT = struct.Struct("<8I")
_SECTION = struct.Struct("<10I")
_SYMBOL = struct.Struct("<IIIBBH")


class Code(NamedTuple):
    """What is loaded, and the functions in it."""

    segments: list[tuple[int, bytes]]
    """Address and bytes of each."""
    functions: dict[str, int]

    def at(self, address: int, most_b: int) -> bytes:
        """Return up to `most_b` bytes from an address on; none where nothing is loaded."""
        for start, held in self.segments:
            if start <= address < start + len(held):
                return held[address - start : address - start + most_b]
        return b""


def read_code(path: Path) -> Code:
    """Read a 32-bit little-endian ELF image. Raises BuildError."""
    try:
        return parse_code(read_bytes(path, IMAGE_MAX_B))
    except OSError as error:
        raise BuildError(f"{path}: cannot read its code: {error}") from error


def parse_code(raw: bytes) -> Code:
    """Take the code out of a 32-bit little-endian ELF image. Raises BuildError."""
    if raw[:6] != b"\x7fELF\x01\x01":
        raise BuildError("cannot read the code of an image that is no 32-bit ELF file")
    try:
        return Code(_segments(raw), _functions(raw))
    except (struct.error, IndexError) as error:
        raise BuildError(f"cannot read the code of an image: {error}") from error


def _segments(raw: bytes) -> list[tuple[int, bytes]]:
    (table,) = struct.unpack_from("<I", raw, 28)
    each, count = struct.unpack_from("<HH", raw, 42)
    found = []
    for number in range(count):
        kind, offset, address, _, size_b, *_ = _SEGMENT.unpack_from(raw, table + number * each)
        if kind == LOAD and size_b:
            found.append((address, raw[offset : offset + size_b]))
    return found


def _functions(raw: bytes) -> dict[str, int]:
    """Return the addresses of the named symbols; a Thumb function's without its lowest bit."""
    (table,) = struct.unpack_from("<I", raw, 32)
    each, count = struct.unpack_from("<HH", raw, 46)
    sections = [_SECTION.unpack_from(raw, table + number * each) for number in range(count)]
    found: dict[str, int] = {}
    for _, kind, _, _, offset, size_b, link, *_ in sections:
        if kind != SYMTAB:
            continue
        names = raw[sections[link][4] : sections[link][4] + sections[link][5]]
        for name, address, _, info, _, _ in _SYMBOL.iter_unpack(
            raw[offset : offset + size_b // _SYMBOL.size * _SYMBOL.size]
        ):
            if info & 0xF == 2:
                end = names.find(b"\0", name)
                found[names[name:end].decode("ascii", "replace")] = address & ~1
    return found
