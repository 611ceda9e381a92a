"""The image that an emulated chip runs: what is loaded where, and what its functions are called.

Ref: TIS, Executable and Linking Format, 1.2, "Program Header", "Sections" and "Symbol Table".
"""

import struct
from bisect import bisect_right
from pathlib import Path
from typing import NamedTuple

from tinybench.errors import UsageError
from tinybench.files import read_bytes

IMAGE_MAX_B = 64 << 20
"""Larger than any firmware, debugging information included."""
MACHINES = {40: "arm", 243: "riscv"}
LOAD, SYMTAB, FUNCTION = 1, 2, 2
HEADER_B, SEGMENT_B, SECTION_B, SYMBOL_B = 52, 32, 40, 16


class Image(NamedTuple):
    """An ELF file of 32 bits."""

    machine: str
    entry: int
    segments: list[tuple[int, bytes]]
    """Where each is loaded to, sorted."""
    functions: list[tuple[int, str]]
    """Sorted by address."""

    def function(self, address: int) -> str:
        """Return the name of the function that an address is in, or the address."""
        at = bisect_right(self.functions, (address, "\U0010ffff")) - 1
        return self.functions[at][1] if at >= 0 else f"{address:#010x}"


def read_image(path: Path) -> Image:
    """Read an image. Raises UsageError for any other file."""
    try:
        return _read(read_bytes(path, IMAGE_MAX_B))
    except (OSError, struct.error, ValueError) as error:
        raise UsageError(f"{path} is no image that an emulated chip runs: {error}") from error


def _read(raw: bytes) -> Image:
    if raw[:6] != b"\x7fELF\x01\x01":
        raise struct.error("it does not begin as one of 32 bits")
    machine, entry = struct.unpack_from("<2xH4xI", raw, 16)
    if machine not in MACHINES:
        raise struct.error(f"it is for machine {machine}, neither Arm nor RISC-V")
    return Image(MACHINES[machine], entry, sorted(_segments(raw)), sorted(set(_functions(raw))))


def _segments(raw: bytes) -> list[tuple[int, bytes]]:
    (at,), (count,) = struct.unpack_from("<I", raw, 28), struct.unpack_from("<H", raw, 44)
    found: list[tuple[int, bytes]] = []
    for number in range(count):
        kind, offset, _, place, size_b = struct.unpack_from("<5I", raw, at + number * SEGMENT_B)
        if kind == LOAD and size_b:
            if offset + size_b > len(raw):
                raise struct.error(f"segment {number} goes beyond its end")
            found.append((place, raw[offset : offset + size_b]))
    if not found:
        raise struct.error("nothing in it is loaded")
    return found


def _functions(raw: bytes) -> list[tuple[int, str]]:
    (at,), (count,) = struct.unpack_from("<I", raw, 32), struct.unpack_from("<H", raw, 48)
    heads = [struct.unpack_from("<10I", raw, at + n * SECTION_B) for n in range(count)]
    found: list[tuple[int, str]] = []
    for head in heads:
        if head[1] != SYMTAB or head[6] >= len(heads):
            continue
        strings = heads[head[6]][4]
        for symbol in range(head[4], min(head[4] + head[5], len(raw)) - SYMBOL_B + 1, SYMBOL_B):
            name, value, _, info = struct.unpack_from("<IIIB", raw, symbol)
            end = raw.find(b"\0", strings + name)
            if info & 0xF == FUNCTION and end >= 0:
                text = raw[strings + name : min(end, strings + name + 80)]
                found.append((value & ~1, text.decode(errors="replace")))
    return found
