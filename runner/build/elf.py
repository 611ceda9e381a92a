"""How large a firmware image is, read from its ELF file: no tool of a compiler is needed.

Ref: TIS, Executable and Linking Format, 1.2, "Sections"; binutils, size(1), Berkeley format.
"""

import struct
from pathlib import Path

from tinybench.errors import BuildError
from tinybench.files import read_bytes

IMAGE_MAX_B = 64 << 20
"""Larger than any firmware, debugging information included."""
NOBITS = 8
WRITE, ALLOC, EXECUTE = 1, 2, 4


def sizes(path: Path) -> tuple[int, int]:
    """Return (flash, RAM) of an image in bytes, as `size` counts them. Raises BuildError."""
    try:
        return _sizes(read_bytes(path, IMAGE_MAX_B))
    except (OSError, struct.error, IndexError) as error:
        raise BuildError(f"{path}: not an ELF file: {error}") from error


def _sizes(raw: bytes) -> tuple[int, int]:
    if raw[:4] != b"\x7fELF" or raw[4] not in (1, 2) or raw[5] not in (1, 2):
        raise struct.error("it does not begin as one")
    wide, order = raw[4] == 2, "<" if raw[5] == 1 else ">"
    (table,) = struct.unpack_from(order + ("Q" if wide else "I"), raw, 40 if wide else 32)
    each, count = struct.unpack_from(order + "HH", raw, 58 if wide else 46)
    section = struct.Struct(order + ("IIQQQQ" if wide else "IIIIII"))
    code = data = zeroed = 0
    for number in range(count):
        _, kind, flags, _, _, size_b = section.unpack_from(raw, table + number * each)
        if not flags & ALLOC:
            continue
        if flags & EXECUTE or not flags & WRITE:
            code += size_b
        elif kind != NOBITS:
            data += size_b
        else:
            zeroed += size_b
    return code + data, data + zeroed
