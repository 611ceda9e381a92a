"""What a firmware image is made of, read from its ELF file: no tool of a compiler is needed.

Ref: TIS, Executable and Linking Format, 1.2, "Sections" and "Symbol Table"; binutils, size(1),
Berkeley format.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tinybench.errors import BuildError
from tinybench.files import read_bytes

from ..results.firmware import Sections

IMAGE_MAX_B = 64 << 20
"""Larger than any firmware, debugging information included."""
SYMTAB, NOBITS = 2, 8
WRITE, ALLOC, EXECUTE = 1, 2, 4
NAME_MOST = 32
"""Characters of a section's name that matter."""
STACK = b".stack"
COUPLED = {b".coupled_code": "coupled_code_b", b".coupled_bss": "coupled_bss_b"}
"""Ref: firmware/cortex_m/coupled_kernels.ld, coupled_tensors.ld."""
ARENA = (b"arena", b"_ZL5arena")
"""The memory of a model's tensors, as generated code and glue call it in C and C++."""


class _Section(NamedTuple):
    name: bytes
    kind: int
    flags: int
    offset: int
    size_b: int
    link: int


def sizes(path: Path) -> tuple[int, int]:
    """Return (flash, RAM) of an image in bytes, as `size` counts them. Raises BuildError."""
    of = sections(path)
    ram_b = of.data_b + of.bss_b + (of.stack_b or 0)
    return of.text_b + of.rodata_b + of.data_b, ram_b


def sections(path: Path) -> Sections:
    """Return what an image is made of. Raises BuildError."""
    try:
        return _sections(read_bytes(path, IMAGE_MAX_B))
    except (OSError, struct.error, IndexError) as error:
        raise BuildError(f"{path}: not an ELF file: {error}") from error


def _sections(raw: bytes) -> Sections:
    if raw[:4] != b"\x7fELF" or raw[4] not in (1, 2) or raw[5] not in (1, 2):
        raise struct.error("it does not begin as one")
    wide, order = raw[4] == 2, "<" if raw[5] == 1 else ">"
    table = _table(raw, wide, order)
    found = dict.fromkeys(("text_b", "rodata_b", "data_b", "bss_b"), 0)
    coupled = dict.fromkeys(COUPLED.values(), 0)
    stack_b = None
    for section in table:
        if not section.flags & ALLOC:
            continue
        if section.name in COUPLED:
            coupled[COUPLED[section.name]] += section.size_b
        if section.name == STACK:
            stack_b = (stack_b or 0) + section.size_b
        elif section.flags & EXECUTE:
            found["text_b"] += section.size_b
        elif not section.flags & WRITE:
            found["rodata_b"] += section.size_b
        else:
            found["bss_b" if section.kind == NOBITS else "data_b"] += section.size_b
    symbols = next((section for section in table if section.kind == SYMTAB), None)
    arenas = list(_arenas(raw, wide, order, table, symbols)) if symbols else []
    arena_b = arenas[0] if len(arenas) == 1 else None
    return Sections(**found, **coupled, stack_b=stack_b, arena_b=arena_b)


def _table(raw: bytes, wide: bool, order: str) -> list[_Section]:
    (start,) = struct.unpack_from(order + ("Q" if wide else "I"), raw, 40 if wide else 32)
    each, count, named = struct.unpack_from(order + "HHH", raw, 58 if wide else 46)
    header = struct.Struct(order + ("IIQQQQI" if wide else "IIIIIII"))
    rows = [header.unpack_from(raw, start + number * each) for number in range(count)]
    names = raw[rows[named][4] :] if named < count else b""
    return [
        _Section(_name(names, name), kind, flags, offset, size_b, link)
        for name, kind, flags, _, offset, size_b, link in rows
    ]


def _arenas(
    raw: bytes, wide: bool, order: str, table: list[_Section], symbols: _Section
) -> Iterator[int]:
    """Yield the bytes of each arena that the symbols name."""
    symbol = struct.Struct(order + ("IBBHQQ" if wide else "IIIBBH"))
    strings = table[symbols.link]
    names = raw[strings.offset : strings.offset + strings.size_b]
    begins = {at for word in ARENA if (at := names.find(b"\0" + word + b"\0") + 1)}
    listed = raw[symbols.offset : symbols.offset + symbols.size_b]
    for fields in symbol.iter_unpack(listed[: len(listed) // symbol.size * symbol.size]):
        if fields[0] in begins:
            yield fields[5] if wide else fields[2]


def _name(names: bytes, at: int) -> bytes:
    return names[at : at + NAME_MOST].partition(b"\0")[0]
