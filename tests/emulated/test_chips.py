"""Chips that QEMU does not have: the image that is flashed, on declared models of its registers."""

import importlib.metadata
import random
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests import ROOT
from tests.firmware.dut_process import FAKE_MODEL, READY, DutProcess, build
from tinybench.declare import load, named
from tinybench.errors import DeclarationError, ToolMissingError, UsageError
from tinybench.extras import unicorn_version
from tinybench.runner.build.board import Board, Emulator, load_board, names
from tinybench.runner.build.firmware import build as build_image
from tinybench.runner.build.task import load_task
from tinybench.runner.chip.declaration import Chip
from tinybench.runner.chip.image import read_image
from tinybench.runner.chip.registers import ModelError, Registers
from tinybench.runner.cycles.estimate import estimate

INPUT_B = 490
MODEL = ROOT / "models" / "embedded" / "kws01.tflite"
DECLARED = {name: load(path, Board) for name, path in names().items()}
ON_CHIPS = [
    name
    for name, board in DECLARED.items()
    if board.emulator is not None and board.emulator.chip is not None
]
CHIPS = {name: load(path, Chip) for name, path in named("firmware", "chips").items()}


def one_of_each_chip(boards: list[str]) -> list[Any]:
    """Return boards, of which `make test` has the first of each chip: the same port drives all.

    What differs between them, pins and clocks, is held for each by tests of their registers.
    """
    seen, found = set[str | None](), list[Any]()
    for name in boards:
        emulator = DECLARED[name].emulator
        chip = emulator and emulator.chip
        found.append(pytest.param(name, marks=[pytest.mark.soak] * (chip in seen)))
        seen.add(chip)
    return found


def on_chip(board: Board, chip: str) -> Board:
    """Return a board as one of our chips emulates it."""
    return replace(board, emulator=Emulator(chip=chip, instruction_ns=32))


def ends_in_model(name: str, code: str, words: str, folder: Path) -> None:
    """Run a board whose model does `code`; it must end with these words."""
    board = load_board(name, emulate=True)
    head = "int model_infer(void) {\n"
    model = FAKE_MODEL.read_text().replace(head, head + code)
    with DutProcess(board.command(str(build(board, folder / "harm", model=model)))) as dut:
        dut.read_until(READY)
        dut.upload(bytes(INPUT_B))
        dut.send(b"infer 1 0%")
        with pytest.raises(AssertionError, match=words):
            dut.read_until(b"m-results")


def test_every_chip_is_some_board_s() -> None:
    """No model that no port runs on."""
    emulators = [board.emulator for board in DECLARED.values() if board.emulator is not None]
    instead = {one.only.chip for one in emulators if one.only is not None}
    assert set(CHIPS) == {one.chip for one in emulators if one.chip is not None} | instead


@pytest.mark.parametrize(
    "name", one_of_each_chip([n for n in ON_CHIPS if "timing_pin" in DECLARED[n].port])
)
def test_the_energy_build_speaks_on_its_own_line(name: str, tmp_path: Path) -> None:
    """No time stamps in words, the same results, and no register that the model does not know."""
    board = load_board(name, emulate=True)
    elf = build(board, tmp_path / "energy", "ENERGY=1")
    with DutProcess(board.command(str(elf))) as dut:
        assert dut.read_until(READY) == b"m-timestamp-mode-energy\r\nm-init-done\r\nm-ready\r\n"
        dut.upload(bytes(range(245)) * 2)
        reply = dut.ask(b"infer 3 1")
        assert "m-lap-us" not in reply
        assert "m-results-[" in reply


@pytest.mark.parametrize("name", one_of_each_chip(ON_CHIPS))
def test_the_line_goes_on_at_another_rate_and_loses_nothing(name: str, tmp_path: Path) -> None:
    """What is sent during an inference is answered after it, as many bytes as caps promises."""
    board = load_board(name, emulate=True)
    with DutProcess(board.command(str(build(board, tmp_path / "text")))) as dut:
        dut.read_until(READY)
        held = re.search(r"frames-1-512-(\d+)", dut.ask(b"caps"))
        assert held is not None
        dut.upload(bytes(INPUT_B))
        assert "m-baud-[230400]" in dut.ask(b"baud 230400")
        dut.ask(b"name")
        dut.send(b"infer 2000 0%")
        dut.read_until(b"m-infer-start-2000\r\n")
        commands = int(held[1]) // len(b"name%")
        dut.send(b"name%" * commands)
        assert b"m-results" in dut.read_until(READY)
        for _ in range(commands):
            assert dut.read_until(READY) == b"m-name-dut-[tinybench]\r\n" + READY


def test_a_chip_counts_as_qemu_does(tmp_path: Path) -> None:
    """One image, two emulators: the same clock from its registers, instructions, results."""
    board = load_board("nucleo-l4r5", emulate=True)
    elf = build(board, tmp_path / "image")
    seen: list[tuple[list[int], str]] = []
    for emulated in (board, on_chip(board, "stm32l4")):
        with DutProcess(emulated.command(str(elf))) as dut:
            dut.read_until(READY)
            dut.upload(bytes(range(245)) * 2)
            replies = [dut.ask(b"infer %d 1" % count) for count in (1, 7, 500)]
        laps = [[int(us) for us in re.findall(r"m-lap-us-(\d+)", reply)] for reply in replies]
        seen.append(([end - start for start, end in laps], replies[-1].rpartition("m-results")[2]))
    assert seen[0] == seen[1]


def test_a_chip_counts_cycles_as_qemu_does() -> None:
    """One image, one inference: what an estimate is priced by is the same under both emulators, but
    for constants of 64 bits across two lines, which Unicorn reads in two parts."""
    board = load_board("nucleo-l4r5", emulate=True)
    image = build_image(board, load_task("kws"), MODEL)
    seen = [
        estimate(one, image, bytes(INPUT_B), calibrated=False)
        for one in (board, on_chip(board, "stm32l4"))
    ]
    qemu, unicorn = (
        (sum(many * times for (_, many), times in one.counts.blocks.items()), *one.counts[1:-1])
        for one in seen
    )
    assert qemu == unicorn
    assert abs(seen[0].counts.data - seen[1].counts.data) < 1e-4 * seen[0].counts.data
    paid = [{**one.amounts, "data": 0} for one in seen]
    assert paid[0] == paid[1]


CLOCKS = {
    "nucleo-l4r5": ("stm32l4", 120, "hse", 8_000_000),
    "b-l475e-iot01a": ("stm32l4", 80, "hse", 8_000_000),
    "stm32-h405": ("stm32f4", 100, "hse", 8_000_000),
}


@pytest.mark.parametrize("name", CLOCKS)
def test_a_clock_that_qemu_does_not_make_is_made_by_our_chip(name: str, tmp_path: Path) -> None:
    """Both builds run on it, and time is the emulator's; the board's own clock is QEMU's."""
    chip, mhz, source, source_hz = CLOCKS[name]
    text = re.sub(r"clock_hz = [0-9_]+", f"clock_hz = {mhz}_000_000", names()[name].read_text())
    text = re.sub(r'\nsource = "\w+"(.*\n)source_hz = [0-9_]+', "", text)
    text = text.replace("[clock]\n", f'[clock]\nsource = "{source}"\nsource_hz = {source_hz}\n')
    own = tmp_path / "own.toml"
    own.write_text(text)
    board = load_board(str(own), emulate=True)
    assert board.emulator == Emulator(chip=chip, instruction_ns=32)
    usual = load_board(name, emulate=True).emulator
    assert usual is not None
    assert usual.chip is None
    took_us: list[int] = []
    for words in ((), ("ENERGY=1",)):
        elf = build(board, tmp_path / f"image{len(words)}", *words)
        with DutProcess(board.command(str(elf))) as dut:
            dut.read_until(READY)
            dut.upload(bytes(INPUT_B))
            laps = re.findall(r"m-lap-us-(\d+)", dut.ask(b"infer 20000 1"))
            if not words:
                took_us.append(int(laps[1]) - int(laps[0]))
    elf = build(load_board(name, emulate=True), tmp_path / "usual")
    with DutProcess(load_board(name, emulate=True).command(str(elf))) as dut:
        dut.read_until(READY)
        dut.upload(bytes(INPUT_B))
        laps = re.findall(r"m-lap-us-(\d+)", dut.ask(b"infer 20000 1"))
    assert took_us[0] == pytest.approx(int(laps[1]) - int(laps[0]), rel=1e-4)


HARMS = {
    "no such register": (
        "    *(volatile uint32_t *)0x40023834u = 1;\n",
        r"in model_infer: RCC \+ 0x34 \(0x40023834\) is written \(0x1\), which the model",
    ),
    "no peripheral": (
        "    (void)*(volatile uint32_t *)0x40005400u;\n",
        r"in model_infer: 0x40005400 is read, which the model of the chip does not have",
    ),
    "no clock": (
        "    (void)*(volatile uint32_t *)0x40020C00u;\n",
        r"in model_infer: GPIOD.MODER is read without its clock: RCC.AHB1ENR is 0x[0-9a-f]+, and "
        "lacks 0x8",
    ),
    "too early": (
        "    *(volatile uint32_t *)0x40023800u = 0;\n"
        "    *(volatile uint32_t *)0x40023808u = 0;\n"
        "    (void)*(volatile uint32_t *)0x40023800u;\n"
        "    *(volatile uint32_t *)0x40023808u = 2;\n",
        r"in model_infer: RCC.CFGR is written \(0x2\) while RCC.CR is 0x0: the PLL is not ready",
    ),
    "half a word": (
        "    *(volatile uint16_t *)0x40023808u = 2;\n",
        "in model_infer: 0x40023808 is written as 2 bytes, not as a word",
    ),
    "the core's own": (
        "    *(volatile uint32_t *)0xE000EDFCu = 1;\n",
        "in model_infer: 0xe000edfc of the core's control space is written",
    ),
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_the_model_does_not_know_ends_the_run(harm: str, tmp_path: Path) -> None:
    """The register's name, what was done to it, and the function: exit status 3, and no result."""
    ends_in_model("nucleo-f446re", *HARMS[harm], tmp_path)


@pytest.mark.parametrize(
    ("core", "says"), [("cortex-m4", b"m-results-["), ("cortex-m3", b"e-[Hard fault at 0x")]
)
def test_a_core_has_its_own_instructions_alone(core: str, says: bytes, tmp_path: Path) -> None:
    """An addition of four bytes at once is a fault on a core that has no instructions for DSP."""
    board = load_board("nucleo-f446re", emulate=True)
    chip = tmp_path / "chip.toml"
    declared = named("firmware", "chips")["stm32f4"].read_text()
    chip.write_text(declared.replace('"cortex-m4"', f'"{core}"'))
    head = "int model_infer(void) {\n"
    code = '    __asm volatile("uadd8 r0, r0, r0" ::: "r0");\n'
    model = FAKE_MODEL.read_text().replace(head, head + code)
    argv = board.command(str(build(board, tmp_path / "image", model=model)))
    with DutProcess([str(chip) if word == "stm32f4" else word for word in argv]) as dut:
        dut.read_until(READY)
        pieces = [b"db " + b"00" * 35 + b"%"] * (INPUT_B // 35)
        dut.send(b"db load 490%" + b"".join(pieces) + b"infer 1 0%")
        dut.read_until(says)


@pytest.mark.parametrize(
    "code",
    ['".hword 0xFBB0, 0xF0F0"', '"ldr r0, [%0]" :: "l"(0x20000001) : "r0"'],
    ids=["division", "unaligned"],
)
def test_armv6m_faults_on_what_it_has_not(code: str, tmp_path: Path) -> None:
    """A division, and a word that is not at a multiple of four, as on the chip."""
    board = load_board("nucleo-g0b1re", emulate=True)
    head = "int model_infer(void) {\n"
    model = FAKE_MODEL.read_text().replace(head, f"{head}    __asm volatile({code});\n")
    with DutProcess(board.command(str(build(board, tmp_path / "image", model=model)))) as dut:
        dut.read_until(READY)
        dut.upload(bytes(INPUT_B))
        dut.send(b"infer 1 0%")
        dut.read_until(b"e-[Hard fault at 0x")


def test_an_image_of_another_family_is_refused(tmp_path: Path) -> None:
    """Its flash is elsewhere, or its registers are not there; another architecture, or no image."""
    f4 = load_board("nucleo-f446re", emulate=True)
    other = build(load_board("mps2-an386"), tmp_path / "other")
    riscv = build(load_board("qemu-riscv32"), tmp_path / "riscv")
    l4 = build(load_board("nucleo-l4r5", emulate=True), tmp_path / "l4")
    (tmp_path / "none").write_bytes(b"\x7fELF")
    for elf, words in (
        (other, "where the chip has no memory: is it another chip's"),
        (riscv, "the image is for riscv"),
        (tmp_path / "none", "no image that an emulated chip runs"),
        (l4, "in port_enable|in clock_enable|in led_start|in pin_output"),
    ):
        with DutProcess(f4.command(str(elf))) as dut, pytest.raises(AssertionError, match=words):
            dut.read_until(READY)


def test_any_bytes_are_an_image_or_refused(tmp_path: Path) -> None:
    """An image with some bytes changed, or cut short, is read in bounded time, or refused."""
    board = load_board("nucleo-f446re", emulate=True)
    whole = build(board, tmp_path / "image").read_bytes()
    chance = random.Random(19)  # noqa: S311 - a sequence that can be repeated
    refused = 0
    path = tmp_path / "changed.elf"
    for _ in range(400):
        raw = bytearray(whole[: chance.choice((len(whole), chance.randrange(2000)))])
        for _ in range(chance.randrange(1, 6)):
            if raw:
                raw[chance.randrange(min(len(raw), 120))] = chance.randrange(256)
        path.write_bytes(raw)
        try:
            read_image(path)
        except UsageError:
            refused += 1
    assert 100 < refused < 400


@pytest.mark.parametrize("name", CHIPS)
def test_every_rule_names_registers_that_are_there(name: str) -> None:
    """Flags, demands, clocks and the PLL of a chip; one misspelt is refused when it is loaded."""
    chip = CHIPS[name]
    registers = Registers(chip)
    for peripheral in chip.peripheral:
        for clock, _ in peripheral.clock.values():
            registers.place(clock)
        assert set(peripheral.clock) <= set(peripheral.at)
        assert set(peripheral.reset) <= set(registers.places)
    if chip.pll is not None:
        for field in (chip.pll.m, chip.pll.n, *chip.pll.divide):
            registers.number(field)
    if chip.flag:
        wrong = replace(chip.flag[0], when=("RCC.NONE", 1, 1))
        with pytest.raises(DeclarationError, match=r"no register RCC\.NONE"):
            Registers(replace(chip, flag=[wrong]))


def test_a_flag_comes_some_reads_late() -> None:
    """A port that does not wait for a clock is found out: the flag is not there at once."""
    registers = Registers(CHIPS["stm32f4"])
    at = registers.place("RCC.CR")
    registers.write(at, 0x0101_0083)
    seen = [registers.read(at) >> 25 & 1 for _ in range(4)]
    assert (seen[0], seen[-1]) == (0, 1)
    registers.write(at, 0x83)
    assert registers.read(at) >> 25 & 1 == 0
    with pytest.raises(ModelError):
        registers.read(at + 0x3C0)


@pytest.mark.parametrize(
    "emulator",
    [{"chip": "stm32f4"}, {}, {"chip": "stm32f4", "argv": ["x"], "instruction_ns": 32}],
)
def test_an_emulator_is_a_program_or_a_chip(emulator: dict[str, object]) -> None:
    """Both, none, or a chip whose instructions take no time are refused."""
    with pytest.raises(ValueError, match=r"argv|instruction_ns"):
        Emulator(**emulator)  # pyright: ignore[reportArgumentType]


def test_unknown_chips_are_named(tmp_path: Path) -> None:
    """The process says which chips there are, and ends with status 2; so do words without sense."""
    board = load_board("nucleo-f446re", emulate=True)
    elf = build(board, tmp_path / "image")
    argv = on_chip(board, "stm32f44").command(str(elf))
    with DutProcess(argv) as dut, pytest.raises(AssertionError, match="did you mean 'stm32f4'"):
        dut.read_until(READY)
    argv = [*on_chip(board, "stm32f4").command(str(elf)), "0:1:x"]
    with DutProcess(argv) as dut, pytest.raises(AssertionError, match="'0:1:x' is no memory"):
        dut.read_until(READY)


def test_without_unicorn_the_run_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is built or started: the package, and the extra that it comes with."""

    def none(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", none)
    with pytest.raises(ToolMissingError, match=r"unicorn, which is not installed.*chips"):
        unicorn_version()


DMA_HARMS = {
    "flash": (
        "    *(volatile uint32_t *)0x40002544u = 0x100u;\n"
        "    *(volatile uint32_t *)0x40002548u = 4u;\n"
        "    *(volatile uint32_t *)0x40002008u = 1u;\n",
        r"UARTE0\.TXD_PTR is 0x100, and 4 bytes from there are not in RAM",
    ),
    "beyond RAM": (
        "    *(volatile uint32_t *)0x40002544u = 0x2003FFFEu;\n"
        "    *(volatile uint32_t *)0x40002548u = 4u;\n"
        "    *(volatile uint32_t *)0x40002008u = 1u;\n",
        r"UARTE0\.TXD_PTR is 0x2003fffe, and 4 bytes from there are not in RAM",
    ),
    "line off": (
        "    *(volatile uint32_t *)0x40002500u = 0u;\n"
        "    *(volatile uint32_t *)0x40002000u = 1u;\n",
        r"UARTE0\.STARTRX is written \(0x1\) while UARTE0\.ENABLE is 0x0: the UARTE is off",
    ),
    "another UARTE": (
        "    *(volatile uint32_t *)0x40028500u = 8u;\n",
        "0x40028500 is written .0x8., which the model of the chip does not have",
    ),
}


@pytest.mark.parametrize("harm", DMA_HARMS)
def test_a_transfer_reaches_ram_alone(harm: str, tmp_path: Path) -> None:
    """EasyDMA from flash or beyond RAM, of a line that is off: the run ends with the register."""
    ends_in_model("nrf52840-dk", *DMA_HARMS[harm], tmp_path)
