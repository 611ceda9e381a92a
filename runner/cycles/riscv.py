"""Tell the kinds of RV32IMAC instructions apart.

Ref: The RISC-V Instruction Set Manual, volume I, "RV32/64G Instruction Set Listings" and
"RVC Instruction Set Listings".
"""

from .instruction import Instruction

SP = 2


def decode(code: bytes) -> Instruction:
    """Return the instruction that some code begins with. Raises ValueError where it is cut."""
    size_b = 4 if code and code[0] & 3 == 3 else 2
    if len(code) < size_b:
        raise ValueError("an instruction is cut")
    word = int.from_bytes(code[:size_b], "little")
    return _long(word) if size_b == 4 else _short(word)


def _short(word: int) -> Instruction:
    low, base, register = 8 + (word >> 2 & 7), 8 + (word >> 7 & 7), word >> 7 & 31
    found = Instruction("alu", 2)
    match word & 3, word >> 13:
        case 0, 2:
            found = Instruction("load", 2, address=1 << base, loaded=1 << low)
        case 0, 6:
            found = Instruction("store", 2, address=1 << base)
        case 2, 2:
            found = Instruction("load", 2, address=1 << SP, loaded=1 << register)
        case 2, 6:
            found = Instruction("store", 2, address=1 << SP)
        case 1, 1 | 5 | 6 | 7:
            found = Instruction("branch", 2)
        case 2, 4 if register and not word >> 2 & 31:
            found = Instruction("branch", 2)
        case _:
            pass
    return found


def _long(word: int) -> Instruction:
    base, register = word >> 15 & 31, word >> 7 & 31
    match word & 0x7F:
        case 0x03 | 0x2F:
            return Instruction("load", 4, address=1 << base, loaded=1 << register)
        case 0x23:
            return Instruction("store", 4, address=1 << base)
        case 0x63 | 0x67 | 0x6F:
            return Instruction("branch", 4)
        case 0x33 if word >> 25 == 1:
            function = word >> 12 & 7
            kinds = ("multiply", *["multiply_long"] * 3, *["divide"] * 4)
            return Instruction(kinds[function], 4)
        case _:
            return Instruction("alu", 4)
