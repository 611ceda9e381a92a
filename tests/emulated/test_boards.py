"""Every emulated board: talks the protocol, and repeats its time to the instruction."""

import re
import shutil
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT
from tests.firmware.dut_process import FAKE_MODEL, READY, DutProcess, build
from tinybench.declare import load
from tinybench.runner.build.board import Board, load_board, names
from tinybench.runner.dut import frames
from tinybench.runner.dut.frames import Frame
from tinybench.transport.process import program_version

INPUT_B = 490
WINDOWS = (1, 2, 3, 7, 100, 333)
DECLARED = [load(path, Board) for path in names().values()]
DIFFERENT = {
    (
        one.family,
        str(one.emulator),
        "" if one.emulator and one.emulator.chip else str(one.port),
    ): one
    for one in reversed(DECLARED)
}
"""Of boards that differ in their names only, one; and of those on one of our chips, whose pins
test_chips.py has."""
EMULATED = sorted(one.name for one in DIFFERENT.values() if one.emulated)


@pytest.fixture(scope="module", params=EMULATED)
def board(request: pytest.FixtureRequest) -> Board:
    """The declaration of each emulated board, of one added tomorrow, too."""
    board = load_board(request.param, emulate=True)
    program = board.command("")[0]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    assert board.emulator is not None
    if board.emulator.too_old(program_version(program)):
        pytest.skip(f"{program} is older than {board.emulator.version}: make setup")
    return board


def ends_with_its_line(board: Board) -> bool:
    """Whether the emulator ends when its input closes: ours, or QEMU by semihosting."""
    assert board.emulator is not None
    return board.emulator.chip is not None or "-semihosting-config" in board.command("")


@pytest.fixture(scope="module")
def elf(board: Board, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The board's firmware with the fake engine."""
    return build(board, tmp_path_factory.mktemp("firmware") / board.name)


def argv(board: Board, elf: Path) -> list[str]:
    """Return the command that starts the emulated board with an image."""
    return board.command(str(elf))


@pytest.fixture(scope="module")
def dut(board: Board, elf: Path) -> Iterator[DutProcess]:
    """An emulated board, its banner read; the tests that leave it ready for the next share it."""
    with DutProcess(argv(board, elf)) as process:
        banner = process.read_until(READY)
        assert re.fullmatch(
            rb"m-timestamp-mode-performance\r\nm-lap-us-\d+\r\nm-init-done\r\nm-ready\r\n", banner
        )
        yield process


def window_us(dut: DutProcess, iterations: int, warmups: int = 0) -> int:
    """Run a window and return the time between its two stamps."""
    reply = dut.ask(b"infer %d %d" % (iterations, warmups))
    start_us, end_us = (int(us) for us in re.findall(r"m-lap-us-(\d+)\r\n", reply))
    return end_us - start_us


def test_a_whole_session(dut: DutProcess) -> None:
    """Profile, upload, verification, inference and results work on the emulated core."""
    assert "m-model-[fake01]\r\n" in dut.ask(b"profile")
    data = bytes(range(245)) * 2
    dut.upload(data)
    shown = re.findall(r"[0-9a-f]{2}(?=[-\r])", dut.ask(b"db print"))
    assert bytes.fromhex("".join(shown)) == data
    reply = dut.ask(b"infer 3 1")
    assert "m-infer-start-3\r\n" in reply
    share = sum(data) % 256 * 1000 // 256
    assert reply.endswith(f"m-results-[0.{share:03},0.007,0.996,{sum(data)}.000]\r\n")
    assert dut.ask(b"bogus") == "e-[Unknown command: bogus]\r\n"


def test_frames(dut: DutProcess) -> None:
    """The fast link gives the results and, to the microsecond, the window of the text commands."""
    assert re.search(r"\bframes-1-512-(2048|4096|32768)\b", dut.ask(b"caps"))
    data = bytes(range(245)) * 2
    dut.upload(data)
    by_text_us = window_us(dut, 100, 1)
    results = dut.ask(b"results").removeprefix("m-results-[").removesuffix("]\r\n")
    assert dut.ask(b"frames") == "m-frames-[1]\r\n"
    upload = frames.encode(Frame(frames.DATA, 5, 0, data))
    damaged = upload[:200] + bytes([upload[200] ^ 1]) + upload[201:]
    dut.send(damaged + b"\0" + upload)
    assert frames.decode(dut.read_until(b"\0")[:-1]) == Frame(frames.ACK, 5, 1, bytes(4))
    request = struct.pack("<III", 100, 1, zlib.crc32(data))
    dut.send(frames.encode(Frame(frames.INFER, 5, 9, request)))
    result = frames.decode(dut.read_until(b"\0")[:-1])
    assert result is not None
    assert result[:3] == (frames.RESULT, 5, 9)
    iterations, start_us, end_us = struct.unpack_from("<III", result.payload)
    assert (iterations, result.payload[12:].decode()) == (100, results)
    assert (end_us - start_us) % 2**32 == by_text_us
    dut.send(frames.encode(Frame(frames.LEAVE, 0, 0)))
    assert dut.read_until(READY) == b"\r\n" + READY
    assert window_us(dut, 100, 1) == by_text_us


def test_decimals_are_exact_on_the_core(dut: DutProcess) -> None:
    """Soft 64-bit arithmetic and single-precision floats print what the host prints."""
    dut.upload(b"\xe1" + bytes(INPUT_B - 1))
    assert dut.ask(b"infer 1 0").endswith("m-results-[nan,inf,-inf,-1.500]\r\n")
    dut.upload(b"\xe2" + bytes(INPUT_B - 1))
    assert dut.ask(b"infer 1 0").endswith("m-results-[4294967040.000,inf,-0.000,0.699]\r\n")


def test_equal_work_takes_exactly_equal_time(board: Board, elf: Path) -> None:
    """A window of N inferences has one length: in every window, after anything, in every run."""
    seen: dict[int, set[int]] = {iterations: set() for iterations in WINDOWS}
    for run in range(2):
        with DutProcess(argv(board, elf)) as dut:
            dut.read_until(READY)
            for _ in range(run):
                dut.ask(b"timestamp")
            # Other bytes, but one sum: software floats (M3) take their time from the value.
            dut.upload(bytes((run + i) % INPUT_B // 2 for i in range(INPUT_B)))
            for round_ in range(3):
                for iterations in WINDOWS:
                    dut.send(b"inf")  # a command in two pieces, as a slow line brings it
                    time.sleep(0.001 * round_)
                    dut.send(b"er %d %d%%" % (iterations, round_))
                    reply = dut.read_until(READY).decode()
                    start_us, end_us = map(int, re.findall(r"m-lap-us-(\d+)", reply))
                    seen[iterations].add(end_us - start_us)
    assert {iterations: len(times) for iterations, times in seen.items()} == dict.fromkeys(
        WINDOWS, 1
    )


def test_time_is_an_instruction_count(board: Board, dut: DutProcess) -> None:
    """Instructions per inference from the time stamps are a whole number, whatever the window."""
    dut.upload(bytes(INPUT_B))
    long_us, short_us = window_us(dut, 5000), window_us(dut, 1000)
    instructions = (long_us - short_us) * 1000 / board.instruction_ns / 4000
    # A port that counts SysTick's periods does so seven times a second at 120 MHz.
    rest = 0.02 * max(1.0, board.clock_hz / 120e6)
    assert instructions == pytest.approx(round(instructions), abs=rest)
    assert instructions > 1000


def test_the_emulator_says_nothing(board: Board, dut: DutProcess) -> None:
    """QEMU starts without a warning, and ends without one when its input closes."""
    dut.ask(b"name")
    if ends_with_its_line(board):
        assert dut.close_line() == 0
    assert dut.words() == ""


def test_it_ends_when_its_line_closes_in_a_window(board: Board, elf: Path) -> None:
    """A window that is running when the input closes is finished, then the emulator ends."""
    if not ends_with_its_line(board):
        return
    with DutProcess(argv(board, elf)) as dut:
        dut.read_until(READY)
        dut.upload(bytes(INPUT_B))
        dut.send(b"infer 4000 0%")
        dut.read_until(b"m-infer-start-4000\r\n")
        assert dut.close_line() == 0


UNDEFINED, OVERFLOW, TOUCH = 1, 2, 3
"""First byte of an input: what the image of `harmed` does."""


@pytest.fixture(scope="module")
def harmed(board: Board, elf: Path) -> Path:
    """An image that does what the first byte of its input asks for."""
    memory, emulator = board.memory, board.emulator
    assert memory is not None
    assert emulator is not None
    flash_end = memory.flash_origin + (emulator.flash_size_b or memory.flash_size_b)
    ram_end = memory.ram_origin + (emulator.ram_size_b or memory.ram_size_b)
    endless = (
        "static uint32_t endless(volatile uint32_t depth) {\n"
        "    volatile uint32_t room[64] = {depth};\n"
        "    return depth == 0 ? 0 : endless(room[0] + 1) + room[1];\n}\n"
    )
    head = "int model_infer(void) {\n"
    harm = (
        f"    if (model_input[0] == {UNDEFINED}) {{\n"
        '#ifdef __riscv\n        __asm volatile("unimp");\n'
        '#else\n        __asm volatile("udf #0");\n#endif\n    }\n'
        f"    if (model_input[0] == {OVERFLOW}) {{\n        model_result(endless(1));\n    }}\n"
        f"    if (model_input[0] == {TOUCH}) {{\n"
        f"        volatile uint32_t *flash_end = (uint32_t *){flash_end}u;\n"
        f"        volatile uint32_t *ram_end = (uint32_t *){ram_end}u;\n"
        "        ram_end[-1] = 0x5A5A5A5Au ^ flash_end[-1];\n"
        "        if ((ram_end[-1] ^ flash_end[-1]) != 0x5A5A5A5Au) {\n            return -5;\n"
        "        }\n    }\n"
    )
    return build(
        board,
        elf.parent.with_name(f"{board.name}-harmed"),
        "CFLAGS_EXTRA=-Wno-infinite-recursion",
        model=FAKE_MODEL.read_text().replace(head, endless + head + harm),
        built=elf,
    )


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (UNDEFINED, rb"e-\[Hard fault at 0x[0-9a-f]{8}\]\r\n"),
        (OVERFLOW, rb"e-\[Hard fault: stack overflow\]\r\n"),
    ],
    ids=["undefined instruction", "stack overflow"],
)
def test_a_fault_is_reported(board: Board, harmed: Path, harm: int, words: bytes) -> None:
    """Code that goes wrong gives a line that says so, and no result."""
    with DutProcess(argv(board, harmed)) as dut:
        dut.read_until(READY)
        dut.upload(bytes([harm]) + bytes(INPUT_B - 1))
        dut.send(b"infer 1 0%")
        reply = dut.read_until(b"]\r\n")
        assert re.search(words, reply)
        assert b"m-results" not in dut.pending()


def test_the_declared_memory_is_there(board: Board, harmed: Path) -> None:
    """Flash can be read and RAM written to the last word that the declaration promises."""
    with DutProcess(argv(board, harmed)) as dut:
        dut.read_until(READY)
        dut.upload(bytes([TOUCH]) + bytes(INPUT_B - 1))
        assert "m-results" in dut.ask(b"infer 1 0")


def test_image_has_no_build_path(elf: Path) -> None:
    """The debug data names sources relative to the repository only."""
    image = elf.read_bytes()
    assert str(elf.parent).encode() not in image
    assert str(ROOT).encode() not in image
