"""Real boards under emulation: the very image that is flashed, over its USART."""

import json
import os
import re
import time
import tomllib
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from tests.emulated.test_boards import EMULATED
from tests.firmware.dut_process import READY, DutProcess, build
from tinybench.declare import load
from tinybench.errors import ModelError, ToolMissingError
from tinybench.runner import cli
from tinybench.runner.build.board import Board, Emulator, load_board, names
from tinybench.runner.build.fit import check_emulator
from tinybench.runner.desk.doctor import examine
from tinybench.runner.desk.reserve import reserved
from tinybench.runner.results.request import Request
from tinybench.runner.session.plan import Plan, make_plan
from tinybench.track import silent
from tinybench.transport.process import program_version

LOG_TOML = Path(__file__).with_name("qemu_log.toml")
INPUT_B = 490
DECLARED = {name: load(names()[name], Board) for name in EMULATED}
REAL = [
    name
    for name, one in DECLARED.items()
    if one.attached is not None and one.emulator is not None and one.emulator.argv
]
"""Those that QEMU emulates; of the others, test_chips.py."""
SERIAL = {"nucleo-l4r5": (2, 5), "stm32-h405": (1, 1), "b-l475e-iot01a": (3, 0)}
"""Which of QEMU's serial lines is that of the energy build, and of the other."""


@pytest.fixture(scope="module", params=REAL)
def board(request: pytest.FixtureRequest) -> Board:
    """Each real board, as --emulate runs it."""
    board = load_board(request.param, emulate=True)
    emulator = emulated(board)
    if emulator.too_old(program_version(emulator.argv[0])):
        pytest.skip(f"{emulator.argv[0]} is older than {emulator.version}: make setup")
    return board


@pytest.fixture(scope="module")
def elf(board: Board, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The board's firmware with the fake engine."""
    return build(board, tmp_path_factory.mktemp("firmware") / board.name)


@pytest.fixture(scope="module")
def energy_elf(board: Board, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as the energy build."""
    return build(board, tmp_path_factory.mktemp("firmware") / board.name, "ENERGY=1")


def emulated(board: Board) -> Emulator:
    """Return how a board is emulated."""
    assert board.emulator is not None
    return board.emulator


class Expected(NamedTuple):
    """A line that QEMU may say."""

    machine: str
    pattern: str
    reason: str
    boards: list[str] = []
    """Those that make QEMU say so; none: all of the machine."""


def expected(board: Board) -> list[Expected]:
    """Return what QEMU may say of a board's machine."""
    entries = tomllib.loads(LOG_TOML.read_text())["line"]
    argv = emulated(board).argv
    machine = argv[argv.index("-M") + 1]
    return [
        entry
        for entry in (Expected(**e) for e in entries)
        if entry.machine == machine and board.name in (entry.boards or [board.name])
    ]


def energy_argv(board: Board, elf: Path) -> list[str]:
    """Return the command for the energy build, whose USART may be another."""
    energy, text = SERIAL[board.name]
    argv = board.command(str(elf))
    first = argv.index("-serial") + 1
    argv[first + 2 * text] = "null"
    argv[first + 2 * energy] = "chardev:line"
    return argv


def said(log: Path) -> set[str]:
    """Return the different lines of a log of QEMU's."""
    return set(filter(None, log.read_text().splitlines()))


def test_qemu_says_nothing_that_is_not_listed_with_its_reason(
    board: Board, elf: Path, energy_elf: Path, tmp_path: Path
) -> None:
    """No register that does not exist, no bit that is reserved: both builds, a session each."""
    lines: set[str] = set()
    for name, argv in (
        ("text", board.command(str(elf))),
        ("energy", energy_argv(board, energy_elf)),
    ):
        log = tmp_path / f"{name}.log"
        with DutProcess([*argv, "-d", "guest_errors,unimp", "-D", str(log)]) as dut:
            dut.read_until(READY)
            dut.ask(b"name")
            dut.upload(bytes(INPUT_B))
            dut.ask(b"infer 10 1")
            dut.ask(b"baud 460800")
            time.sleep(0.2)  # the line has no pace, and what comes while the rate changes is lost
            dut.ask(b"profile")
        lines |= said(log)
    listed = expected(board)
    assert [line for line in sorted(lines) if not any(matches(e, line) for e in listed)] == []
    assert [e for e in listed if not any(matches(e, line) for line in lines)] == []
    assert all(entry.reason for entry in listed)


def matches(entry: Expected, line: str) -> bool:
    """Return whether a line is the one that is listed."""
    return re.fullmatch(entry.pattern, line) is not None


def test_the_energy_build_speaks_on_its_own_line(board: Board, energy_elf: Path) -> None:
    """The Arduino's USART where the board has one, no time stamps in words, the same results."""
    with DutProcess(energy_argv(board, energy_elf)) as dut:
        banner = dut.read_until(READY)
        assert banner == b"m-timestamp-mode-energy\r\nm-init-done\r\nm-ready\r\n"
        dut.upload(bytes(range(245)) * 2)
        reply = dut.ask(b"infer 3 1")
        assert "m-lap-us" not in reply
        assert "m-results-[" in reply


def test_no_byte_is_lost_while_the_board_infers(board: Board, elf: Path) -> None:
    """What is sent during an inference is answered after it, as many bytes as caps promises."""
    with DutProcess(board.command(str(elf))) as dut:
        dut.read_until(READY)
        held = re.search(r"frames-1-512-(\d+)", dut.ask(b"caps"))
        assert held is not None
        dut.upload(bytes(INPUT_B))
        dut.send(b"infer 20000 0%")
        dut.read_until(b"m-infer-start-20000\r\n")
        commands = int(held[1]) // len(b"name%")
        dut.send(b"name%" * commands)
        assert b"m-results" in dut.read_until(READY)
        for _ in range(commands):
            assert dut.read_until(READY) == b"m-name-dut-[tinybench]\r\n" + READY


@pytest.mark.parametrize("mhz", [40, 70])
def test_another_clock_is_the_one_that_is_declared(mhz: int, tmp_path: Path) -> None:
    """QEMU computes SysTick's clock from the registers: equal work takes equal emulated time."""
    text = names()["nucleo-l4r5zi-p"].read_text(encoding="utf-8")
    own = tmp_path / "own.toml"
    own.write_text(text.replace("clock_hz = 120_000_000", f"clock_hz = {mhz}_000_000"))
    took_us = [
        infer_us(load_board(name, emulate=True), tmp_path / f"image-{at}")
        for at, name in enumerate((str(own), "nucleo-l4r5zi-p"))
    ]
    assert took_us[0] == took_us[1] > 1000


def infer_us(board: Board, folder: Path) -> int:
    """Return how long the fake engine's inferences take on a board."""
    with DutProcess(board.command(str(build(board, folder)))) as dut:
        dut.read_until(READY)
        dut.upload(bytes(INPUT_B))
        laps = re.findall(r"m-lap-us-(\d+)", dut.ask(b"infer 500 1"))
    return int(laps[1]) - int(laps[0])


def planned(board: str, **asked: object) -> Plan:
    """Return the plan of a run of the smallest task."""
    request = msgspec.structs.replace(Request(board=board, task="ad"), **asked)
    with reserved(request, lambda _: None) as (station, _):
        return make_plan(station, silent, lambda _: None)


def test_the_image_is_the_one_that_is_flashed() -> None:
    """--emulate changes how an image is run, and nothing in it."""
    emulated = planned("nucleo-l4r5", emulate=True).image
    assert emulated is not None
    assert emulated == planned("nucleo-l4r5", ports=("/dev/null",)).image


def test_an_image_too_large_for_the_emulated_chip_is_refused() -> None:
    """A chip that is emulated by a smaller one says what is missing, before anything is run."""
    plan = planned("nucleo-l4r5", emulate=True)
    assert plan.image is not None
    fits = (plan.image.flash_b, plan.image.ram_b)
    check_emulator(plan.board, [fits])
    with pytest.raises(ModelError, match="98305 bytes of RAM, the emulated chip has 98304"):
        check_emulator(plan.board, [fits, (plan.image.flash_b, 98_305)])


def test_an_emulator_that_is_too_old_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run says which version it found, which it needs, and what to type; so does doctor."""
    program = tmp_path / "qemu-system-arm"
    program.write_text("#!/bin/sh\necho 'QEMU emulator version 7.2.22 (Debian)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(ToolMissingError, match=r"7\.2\.22.*9\.1 or newer.*make setup"):
        planned("nucleo-l4r5", emulate=True)
    (old,) = (finding for finding in examine() if finding.name == "qemu-system-arm 9.1")
    assert old.found == ""
    assert "nucleo-l4r5" in old.needed_for


@pytest.mark.parametrize("words", ["link --task ad", "profile --task ad"])
def test_other_commands_emulate_too(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The line and the layers of a real board's firmware; without --emulate there is no board."""
    command = [*words.split(), "--board", "nucleo-l4r5", "--json"]
    assert cli.main([*command, "--emulate"]) == 0
    assert json.loads(capsys.readouterr().out)["board"] == "nucleo-l4r5"
    assert cli.main(command) == 2
    assert "--emulate" in capsys.readouterr().err
