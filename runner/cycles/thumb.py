"""Tell the kinds of Thumb instructions apart, of Armv6-M to Armv8.1-M.

Ref: Armv8-M Architecture Reference Manual, C2.2, "Instruction set encoding".
"""

from .instruction import Instruction

PC, SP = 15, 13


def decode(code: bytes) -> Instruction:
    """Return the instruction that some code begins with. Raises ValueError where it is cut."""
    if len(code) < 2:
        raise ValueError("an instruction is cut")
    first = int.from_bytes(code[:2], "little")
    if first < 0xE800:
        return _short(first)
    if len(code) < 4:
        raise ValueError("an instruction is cut")
    return _long(first, int.from_bytes(code[2:4], "little"))


def _bits(*registers: int) -> int:
    return sum({1 << number for number in registers})


def _single(
    load: int, address: int, register: int, size_b: int, *, offset: bool = False
) -> Instruction:
    """Return a load or store of one register; `offset`: another register is in the address."""
    if load:
        return Instruction("load", size_b, address=address, loaded=_bits(register))
    return Instruction("store_offset" if offset else "store", size_b, address=address)


def _many(load: int, words: int, size_b: int) -> Instruction:
    return Instruction("load_many" if load else "store_many", size_b, words)


def _short(word: int) -> Instruction:
    low, high = word & 7, word >> 8 & 7
    found = Instruction("alu", 2)
    match word >> 12:
        case 0x4 if word >> 11 == 0x9:
            found = _single(1, _bits(PC), high, 2)
        case 0x4 if word >> 6 == 0x10D:
            found = Instruction("multiply", 2)
        case 0x4 if word >> 8 == 0x47:
            found = Instruction("branch", 2)
        case 0x5:
            address = _bits(word >> 3 & 7, word >> 6 & 7)
            found = _single(word >> 9 & 7 >= 3, address, low, 2, offset=True)
        case 0x6 | 0x7 | 0x8:
            found = _single(word & 0x800, _bits(word >> 3 & 7), low, 2)
        case 0x9:
            found = _single(word & 0x800, _bits(SP), high, 2)
        case 0xB if word & 0xF600 == 0xB400:
            found = _many(word & 0x800, (word & 0x1FF).bit_count(), 2)
        case 0xB if word & 0xF500 == 0xB100:
            found = Instruction("branch", 2)
        case 0xC:
            found = _many(word & 0x800, (word & 0xFF).bit_count(), 2)
        case 0xD | 0xE:
            found = Instruction("branch", 2)
        case _:
            pass
    return found


def _long(first: int, second: int) -> Instruction:
    table = first >> 4 & 0x7F
    base, top = first & 0xF, second >> 12
    load = first & 0x10
    kind = first >> 11 & 3
    found = Instruction("alu", 4)
    if kind == 2:
        misc = second & 0xD000 == 0x8000 and first >> 7 & 7 == 7
        found = Instruction("branch" if second & 0x8000 and not misc else "alu", 4)
    elif table & 0x40:
        found = _coprocessor(first, second)
    elif kind == 1 and table & 0x64 == 0:
        found = _many(load, second.bit_count(), 4)
    elif kind == 1 and table & 0x64 == 4:
        if first & 0x120:
            found = _many(load, 2, 4)
        else:  # a table branch reads its table as any load does
            found = _single(load, _bits(base, second & 0xF), top, 4)
    elif kind == 3 and (table & 0x71 == 0 or table & 0x67 in (1, 3, 5)):
        offset = not first & 0x80 and base != PC and not second & 0xFC0
        address = _bits(base, second & 0xF) if offset else _bits(base)
        found = _single(load, address, top, 4, offset=offset)
        if load and top == PC and table & 7 != 5:
            found = Instruction("alu", 4)  # PLD and PLI, which wait for nothing
    elif kind == 3 and table & 0x78 == 0x30:
        more = table & 7 == 0 and top != PC
        found = Instruction("multiply_add" if more else "multiply", 4)
    elif kind == 3 and table & 0x78 == 0x38:
        found = Instruction("divide" if table & 7 in (1, 3) else "multiply_long", 4)
    return found


def _elements(first: int, second: int) -> int:
    """Return how many elements a vector gathers or scatters; 0 where they lie side by side."""
    if first & 0xFF00 == 0xFD00:  # by a vector of addresses
        return 2 if second & 0x100 else 4
    if first & 0x120 or second & 0x1000:
        return 0
    return 16 >> (second >> 7 & 3)


def _coprocessor(first: int, second: int) -> Instruction:
    """Return an instruction of the floating-point unit, or of the vector extension (MVE)."""
    load = first & 0x10
    memory = first & 0xEE00 == 0xEC00
    if first & 0x1000 or second >> 8 & 0xF not in (10, 11) or first & 0xFF00 == 0xEF00:
        kind = "vector"
        if memory and second & 0xE00 == 0xE00:
            kind = "vector_load" if load else "vector_store"
            return Instruction(kind, 4, _elements(first, second))
        return Instruction(kind, 4)
    if memory and first & 0xFFE0 != 0xEC40:
        single = first & 0x120 == 0x100
        return _many(load, 1 + (second >> 8 & 1) if single else second & 0xFF, 4)
    kind = "fpu"
    if not memory and not second & 0x10:
        operation = first >> 4 & 0xB
        root = operation == 0xB and first & 0xF == 1 and second & 0xC0 == 0xC0
        if operation == 8 or root:
            kind = "fpu_divide"
        elif operation in (0, 1, 9, 10):
            kind = "fpu_multiply_add"
    return Instruction(kind, 4)
