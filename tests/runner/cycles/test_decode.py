"""Kinds of instructions, held against what binutils calls them in whole images."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinybench.runner.build.board import load_board
from tinybench.runner.build.firmware import build
from tinybench.runner.build.inputs import resolve
from tinybench.runner.build.task import load_task
from tinybench.runner.cycles import riscv, thumb
from tinybench.runner.cycles.code import functions, parse_code, read_image
from tinybench.runner.cycles.instruction import Instruction
from tinybench.runner.cycles.price import LIMITS

Decode = Callable[[bytes], Instruction]
LINE = re.compile(r" *([0-9a-f]+):\t([0-9a-f]+(?: [0-9a-f]+)*) +\t([a-z][a-z0-9.]*)(?:\t(.*))?")
CONDITION = "(eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)?"
KINDS = {
    "thumb": [
        (r"(push|stm\w*|strd)", "store_many"),
        (r"(pop|ldm\w*|ldrd)", "load_many"),
        (r"vldr[bhwd]\.\w+|vld[24]\w\.\w+", "vector_load"),
        (r"vstr[bhwd]\.\w+|vst[24]\w\.\w+", "vector_store"),
        (r"vldr|vldmia|vldmdb|vpop", "load_many"),
        (r"vstr|vstmia|vstmdb|vpush", "store_many"),
        (r"ldr\w*|tb[bh]", "load"),
        (r"str\w*", "store(_offset)?"),
        (r"mla|mls", "multiply_add"),
        (r"[su]m(ull|lal)(bb|bt|tb|tt|d|dx)?|umaal|smlsld", "multiply_long"),
        (r"mul|smul\w*|smla[bdtw]\w*|smlsd\w*|smm\w+|smu[as]d\w*", "multiply"),
        (r"[su]div", "divide"),
        (rf"b|bl|bx|blx|b{CONDITION}|cbn?z|le|wls|dls|udf|svc", "branch"),
        (r"(vdiv|vsqrt)\.f32", "fpu_divide"),
        (r"v(n?ml|fn?m)[as]\.f32", "fpu_multiply_add"),
        (r"(adds?|subs?|adcs?|sbcs?|rsbs?|mov[swt]?|mvns?|cmp|tst|lsls?|lsrs?|asrs?|rors?)", "alu"),
        (r"(ands?|orrs?|eors?|bics?|[su]bfx|bfi|it[te]*|[su]xt\w+|pkh\w+|[su]sat|rev\w*)", "alu"),
    ],
    "riscv": [
        (r"l[bhw]u?", "load"),
        (r"s[bhw]", "store"),
        (r"mul", "multiply"),
        (r"mulh\w*", "multiply_long"),
        (r"(div|rem)u?", "divide"),
        (r"j|jal|jr|jalr|ret|call|b(eq|ne|lt|ge|gt|le)(z|u|uz)?", "branch"),
        (r"(add|sub|and|or|xor|sll|srl|sra)i?|li|lui|auipc|mv|neg|not|snez|seqz|slti?u?", "alu"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("board", "task", "objdump", "decode"),
    [
        ("mps2-an386", "kws", "arm-none-eabi-objdump", thumb.decode),
        ("mps3-an547", "kws", "arm-none-eabi-objdump", thumb.decode),
        ("qemu-riscv32", "kws", "riscv64-unknown-elf-objdump", riscv.decode),
    ],
)
def test_every_instruction_of_an_image_is_of_the_kind_that_its_name_says(
    board: str, task: str, objdump: str, decode: Decode
) -> None:
    """Its length, too."""
    if shutil.which(objdump) is None:
        pytest.skip(f"{objdump} is not installed")
    declared = load_task(task)
    elf = Path(build(load_board(board), declared, resolve(declared).model).elf)
    raw = read_image(elf)
    code = parse_code(raw)
    assert functions(raw)["model_infer"]
    words = [objdump, "-d", "--section=.text", str(elf)]
    shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    isa = "riscv" if "riscv" in objdump else "thumb"
    seen, named, wrong = 0, 0, []
    for line in shown.splitlines():
        found = LINE.match(line)
        if found is None or found[3].startswith("."):
            continue
        seen += 1
        size_b = len(found[2].replace(" ", "")) // 2
        one = decode(code.at(int(found[1], 16), 4))
        name = found[3].removesuffix(".n").removesuffix(".w")
        for pattern, kind in KINDS[isa]:
            if re.fullmatch(pattern + (CONDITION if isa == "thumb" else ""), name):
                named += 1
                if one.size_b != size_b or not re.fullmatch(kind, one.kind):
                    wrong.append((line, one))
                break
    assert wrong[:10] == []
    # An older objdump shows half of the vector instructions as those of some coprocessor.
    assert named > 0.8 * seen > 2400


@pytest.mark.parametrize(
    ("code", "elements"),
    [
        ("93fc002e", 16),  # vldrb.u8 q1, [r3, q0]
        ("93fc412f", 4),  # vldrw.u32 q1, [r3, q0, uxtw #2]
        ("90fd013f", 2),  # vldrd.u64 q1, [q0, #8]
        ("83ec002e", 16),  # vstrb.8 q1, [r3, q0]
        ("13ed103e", 0),  # vldrb.8 q1, [r3, #-16]
        ("93fc001e", 0),  # vld20.8 {q0, q1}, [r3]
    ],
)
def test_a_vector_that_is_gathered_takes_an_access_an_element(code: str, elements: int) -> None:
    """One whose elements lie side by side has a price of its own."""
    assert thumb.decode(bytes.fromhex(code)).words == elements


@given(st.binary(max_size=4))
def test_whatever_code_is_it_is_some_instruction_or_cut(code: bytes) -> None:
    """No bytes raise anything else."""
    for decode in (thumb.decode, riscv.decode):
        try:
            one = decode(code)
        except ValueError as error:
            assert "cut" in str(error)
            assert len(code) < 4
        else:
            assert one.kind in LIMITS
            assert one.size_b <= len(code)


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("0068", Instruction("load", 2, address=1 << 0, loaded=1 << 0)),  # ldr r0, [r0]
        ("d158", Instruction("load", 2, address=1 << 2 | 1 << 3, loaded=1 << 1)),  # r1, [r2, r3]
        ("d1501840"[:4], Instruction("store_offset", 2, address=1 << 2 | 1 << 3)),
        ("2de9f04f", Instruction("store_many", 4, 9)),  # push {r4-r11, lr}
        ("10bd", Instruction("load_many", 2, 2)),  # pop {r4, pc}
        ("d1e90023", Instruction("load_many", 4, 2)),  # ldrd r2, r3, [r1]
        ("f0ec040a", Instruction("load_many", 4, 4)),  # vldmia r0!, {s1-s4}, nearly
        ("91f800f0", Instruction("alu", 4)),  # pld [r1]
    ],
)
def test_words_and_registers_of_thumb_are_known(code: str, wanted: Instruction) -> None:
    """As the encodings of the manual have them."""
    assert thumb.decode(bytes.fromhex(code)) == wanted


@given(st.binary(max_size=200))
def test_a_damaged_image_is_refused(tail: bytes) -> None:
    """In words of our own, or it holds no code."""
    from tinybench.errors import BuildError

    for raw in (tail, b"\x7fELF\x01\x01" + tail):
        try:
            assert len(parse_code(raw).at(0, 4)) <= 4
            assert isinstance(functions(raw), dict)
        except BuildError as error:
            assert "code of an image" in str(error)
