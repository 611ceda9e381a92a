"""An image gets into a board: asked, written, asked again; on a board whose flash is a file."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from msgspec import structs

from tests.runner.desk.desk_board import FLASH, RESET, SILENT, desk_board, writer
from tinybench.energy.monitor import Monitor
from tinybench.energy.simulated.load import Windows
from tinybench.energy.simulated.lpm01a import SimulatedLpm01a
from tinybench.energy.simulated.port import PseudoPort
from tinybench.energy.simulated.scene import Scene
from tinybench.errors import FlashError, UsageError
from tinybench.runner import cli
from tinybench.runner.build.board import Board, load_board, names
from tinybench.runner.build.firmware import Image, build, converted
from tinybench.runner.build.inputs import resolve
from tinybench.runner.build.task import load_task
from tinybench.runner.desk import flash
from tinybench.runner.desk.attached import Attached, Thing
from tinybench.runner.desk.flash import Site, ask, holds, load, probe_of, write_image
from tinybench.runner.dut.line import Patience


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A board that does not answer is not waited for as long."""
    monkeypatch.setattr(flash, "PATIENCE", Patience(name_s=0.5, name_tries=3))


@pytest.fixture
def declared(tmp_path: Path) -> Path:
    """Declaration of a board with this computer's core, and a flasher of its own."""
    argv = writer(tmp_path)
    host = names()["host"].read_text()
    head, emulator, _ = host.partition("[emulator]")
    assert emulator
    path = tmp_path / "mine.toml"
    path.write_text(
        head.replace('name = "host"', 'name = "mine"')
        + f"""
[flash.mine]
write = ["{argv[0]}", "write", "{{elf}}"]
written = "Verified"
reset = ["{argv[0]}", "reset"]
"""
    )
    return path


@pytest.fixture
def board(declared: Path) -> Board:
    """The board as it is declared."""
    return load_board(str(declared))


@pytest.fixture
def image(board: Board) -> Image:
    """Its firmware."""
    return _built(board)


@pytest.fixture
def newer(board: Board) -> Image:
    """Another build of it."""
    assert board.toolchain is not None
    toolchain = structs.replace(board.toolchain, kernels="blocked")
    return _built(structs.replace(board, toolchain=toolchain))


def _built(board: Board) -> Image:
    task = load_task("kws")
    return build(board, task, resolve(task, None, None).model)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """The board on its port, with nothing in its flash."""
    with desk_board(tmp_path) as port:
        yield Site(port=port)


def _quiet(_: str) -> None:
    pass


def _flashed(tmp_path: Path) -> list[str]:
    path = tmp_path / "flashed"
    words = path.read_text().split() if path.exists() else []
    return [word for word in words if word in ("write", "reset")]


def test_an_empty_board_is_reset_written_and_answers(
    tmp_path: Path, board: Board, image: Image, site: Site
) -> None:
    """What was done is said; the next run writes nothing."""
    said: list[str] = []
    load(board, image, site, said.append, write=True)
    assert _flashed(tmp_path) == ["reset", "write"]
    assert said == [f"mine: build-{image.build_id} was written and verified by mine"]
    found = ask(site)
    assert found is not None
    assert holds(found, image)
    load(board, image, site, said.append, write=True)
    assert _flashed(tmp_path) == ["reset", "write"]
    load(board, image, site, said.append, write=True, again=True)
    assert _flashed(tmp_path) == ["reset", "write", "write"]


def test_a_board_with_another_build_is_written(
    tmp_path: Path, board: Board, image: Image, newer: Image, site: Site
) -> None:
    """Without a reset: it answers. Unless it is to be left as it is."""
    load(board, image, site, _quiet, write=True)
    load(board, newer, site, _quiet, write=False)
    assert _flashed(tmp_path) == ["reset", "write"]
    load(board, newer, site, _quiet, write=True)
    assert _flashed(tmp_path) == ["reset", "write", "write"]
    found = ask(site)
    assert found is not None
    assert holds(found, newer)


def test_a_silent_board_is_reset_before_it_is_written(
    tmp_path: Path, board: Board, image: Image, site: Site
) -> None:
    """It answers then, and holds this image: nothing is written."""
    load(board, image, site, _quiet, write=True)
    (tmp_path / SILENT).touch()
    said: list[str] = []
    load(board, image, site, said.append, write=False)
    assert _flashed(tmp_path) == ["reset", "write", "reset"]
    assert said == ["mine did not answer until it was reset by flasher"]


def test_a_board_that_does_not_answer_with_the_image_has_not_got_it(
    tmp_path: Path, board: Board, image: Image, newer: Image, site: Site
) -> None:
    """As when the port is that of another board: "verified" is not enough."""
    load(board, image, site, _quiet, write=True)
    (tmp_path / "elsewhere").mkdir()
    [argv] = writer(tmp_path / "elsewhere")
    flasher = structs.replace(board.flash["mine"], write=[argv, "write", "{elf}"])
    other = structs.replace(board, flash={"mine": flasher})
    with pytest.raises(
        FlashError, match=r"written, but the board says '.*build-.*is that the port"
    ):
        load(other, newer, site, _quiet, write=True)
    (tmp_path / FLASH).unlink()
    with pytest.raises(FlashError, match="written, but the board does not answer"):
        load(other, newer, site, _quiet, write=True)


def test_a_reset_that_fails_does_not_end_the_run(
    tmp_path: Path, board: Board, image: Image, site: Site
) -> None:
    """It is said; writing is tried all the same."""
    said: list[str] = []
    load(board, image, replace(site, hub="9-9:1"), said.append, write=True)
    assert "could not be reset by hub: cannot switch port 1 of hub 9-9" in said[0]
    assert _flashed(tmp_path) == ["reset", "write"]


class _Supply:
    """A monitor's switch."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.switched: list[bool] = []

    def power_off(self) -> None:
        self.switched.append(False)

    def power_on(self) -> None:
        self.switched.append(True)
        (self._folder / RESET).write_text("again\n")


def test_a_board_that_its_flasher_cannot_wake_is_switched_off_and_on(
    tmp_path: Path, board: Board, image: Image, site: Site
) -> None:
    """By the monitor that supplies it."""
    load(board, image, site, _quiet, write=True)
    (tmp_path / SILENT).touch()
    mute = structs.replace(board.flash["mine"], reset=[])
    said: list[str] = []
    supply = cast(Monitor, _Supply(tmp_path))
    load(structs.replace(board, flash={"mine": mute}), image, site, said.append, write=True,
         supply=supply)  # fmt: skip
    assert said == ["mine did not answer until it was reset by monitor"]
    assert cast(_Supply, supply).switched == [False, True]
    assert _flashed(tmp_path) == ["reset", "write"]


def test_in_energy_mode_the_board_is_supplied_while_it_is_asked_and_written(
    tmp_path: Path, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """And no longer than that, also when writing fails."""
    [program] = writer(tmp_path)
    Path(program).write_text(f"#!/bin/sh\necho written >>{tmp_path}/events\nexit 1\n")
    flasher = f'[flash.mine]\nwrite = ["{program}", "{{elf}}"]\n'
    head = names()["mps2-an386"].read_text().partition("[emulator]")[0]
    (tmp_path / "mine.toml").write_text(head.replace("mps2-an386", "mine") + flasher)

    def switched(on: bool) -> None:
        with (tmp_path / "events").open("a") as file:
            file.write("on\n" if on else "off\n")

    monitor = SimulatedLpm01a(Scene(Windows(), real_time=False, on_power=switched))
    with PseudoPort(monitor, real_time=False) as port:
        (tmp_path / "desk.toml").write_text(f'driver = "lpm01a"\nport = "{port.path}"\n')
        status = cli.main(
            ["--board", str(tmp_path / "mine.toml"), "--port", site.port or "", "--task", "ad",
             "--mode", "energy", "--monitor", str(tmp_path / "desk.toml"),
             "--out", str(tmp_path / "run")]
        )  # fmt: skip
    assert status == 3
    assert "cannot write the flash of mine" in capsys.readouterr().err
    assert (tmp_path / "events").read_text().split() == ["on", "off", "on", "written", "off"]


def test_a_run_flashes_its_board(
    tmp_path: Path,
    declared: Path,
    board: Board,
    image: Image,
    newer: Image,
    site: Site,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever it held, the result is of this build; with --no-flash it is as it was."""
    load(board, newer, site, _quiet, write=True)
    run = ["--board", str(declared), "--port", site.port or "", "--task", "kws", "--mode",
           "accuracy", "--limit", "3", "--out"]  # fmt: skip
    assert cli.main([*run, str(tmp_path / "left"), "--no-flash"]) == 3
    assert "holds other firmware than was built for it" in capsys.readouterr().err
    assert _flashed(tmp_path) == ["reset", "write"]
    assert cli.main([*run, str(tmp_path / "one")]) == 1  # a limit breaks a rule
    assert f"build-{image.build_id} was written and verified" in capsys.readouterr().err
    assert cli.main([*run, str(tmp_path / "two")]) == 1
    assert "written" not in capsys.readouterr().err
    assert _flashed(tmp_path) == ["reset", "write", "write"]


def test_the_commands_flash_and_reset(
    tmp_path: Path, declared: Path, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a port the board must answer; without one, it is written unasked."""
    words = ["flash", "--board", str(declared), "--task", "kws"]
    assert cli.main([*words, "--port", site.port or ""]) == 0
    assert "holds build-" in capsys.readouterr().out
    assert cli.main(words) == 0
    assert "was written and verified by mine" in capsys.readouterr().out
    assert cli.main(["reset", "--board", str(declared)]) == 0
    assert capsys.readouterr().out == "mine was reset by flasher\n"
    assert _flashed(tmp_path) == ["reset", "write", "write", "reset"]
    assert cli.main(["reset", "--board", str(declared), "--by", "line"]) == 2
    assert "there is: flasher" in capsys.readouterr().err
    assert cli.main(["reset", "--board", "host"]) == 2
    assert "no way to reset host here" in capsys.readouterr().err
    assert cli.main([*words, "--flasher", "opnocd"]) == 2
    assert "no flasher 'opnocd': mine" in capsys.readouterr().err
    assert cli.main(["flash", "--board", "host", "--task", "kws"]) == 2
    assert "declares no flasher" in capsys.readouterr().err


def test_a_raw_image_begins_at_the_first_byte_of_flash(tmp_path: Path) -> None:
    """Raw and Intel hex are made of the ELF by the board's own objcopy: the same bytes."""
    board = load_board("nucleo-l4r5")
    image = _built(board)
    raw = converted(board, image, "bin").read_bytes()
    assert board.memory is not None
    stack = int.from_bytes(raw[:4], "little")
    assert board.memory.ram_origin < stack <= board.memory.ram_origin + board.memory.ram_size_b
    high, count = 0, 0
    for line in converted(board, image, "hex").read_text().split():
        record = bytes.fromhex(line[1:])
        size, at, kind, data = record[0], int.from_bytes(record[1:3]), record[3], record[4:-1]
        if kind == 4:
            high = int.from_bytes(data) << 16
        elif kind == 0:
            start = high + at - board.memory.flash_origin
            assert raw[start : start + size] == data
            count += size
    assert count == image.flash_b
    assert converted(board, image, "elf") == Path(image.elf)


def test_a_board_is_copied_to_its_drive(tmp_path: Path) -> None:
    """The raw image, to the drive that the declaration names."""
    drive = tmp_path / "drive"
    drive.mkdir()
    text = names()["nucleo-l4r5"].read_text()
    assert '"NODE_L4R5ZI"' in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('"NODE_L4R5ZI"', f'"{drive}"'))
    board = load_board(str(path))
    image = _built(board)
    raw = converted(board, image, "bin").read_bytes()
    taken: list[bytes] = []

    def st_link() -> None:
        copied = drive / "firmware.bin"
        while not (copied.exists() and copied.stat().st_size == len(raw)):
            time.sleep(0.01)
        taken.append(copied.read_bytes())
        copied.unlink()

    thread = threading.Thread(target=st_link, daemon=True)
    thread.start()
    assert "copied to its drive" in write_image(board, image, Site(flasher="mass-storage"))
    thread.join(60)
    assert taken == [raw]


def _attached(*serials: str) -> Attached:
    things = [
        Thing(
            usb="0483:374b",
            serial=serial,
            location=f"1-{index}",
            ports=[f"/dev/ttyACM{index}"],
            probe="ST-LINK/V2-1",
        )
        for index, serial in enumerate(serials)
    ]
    other = Thing(usb="0403:6001", serial="FT1", ports=["/dev/ttyUSB0"])
    return Attached([*things, other], [], [])


def test_the_probe_is_the_one_that_carries_the_port() -> None:
    """Or the only one; of two, none is taken by guess, for OpenOCD and st-flash would."""
    board = load_board("nucleo-l4r5")
    two = _attached("066A", "066B")
    assert probe_of(board, Site(port="/dev/ttyACM1"), lambda: two) == "066B"
    assert probe_of(board, Site(probe="077"), lambda: two) == "077"
    for site in (Site(), Site(port="/dev/ttyUSB0")):
        with pytest.raises(UsageError, match=r"2 probes.*066A at 1-0; 066B.*--probe"):
            probe_of(board, site, lambda: two)
    assert probe_of(board, Site(port="/dev/ttyUSB0"), lambda: _attached("066A")) == "066A"
    assert probe_of(board, Site(), _attached) is None
    any_probe = load_board("stm32-h405")
    assert probe_of(any_probe, Site(port="/dev/ttyUSB0"), lambda: _attached("066A")) == "066A"
    with pytest.raises(UsageError, match="2 probes"):
        probe_of(any_probe, Site(port="/dev/ttyUSB0"), lambda: two)


def test_a_probe_is_enough_to_write_a_board_that_has_no_port(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The real OpenOCD is asked for it; without a probe or a port, what is attached is listed."""
    words = ["flash", "--board", "nucleo-l4r5", "--task", "kws"]
    assert cli.main([*words, "--probe", "066DFF515049657187212124"]) == 3
    assert "066DFF515049657187212124" in capsys.readouterr().err
    assert cli.main(words) == 2
    assert "give its --port" in capsys.readouterr().err


def test_a_board_that_never_shows_as_a_port_is_written_by_the_only_probe(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Any probe may be wired to it: OpenOCD takes the one there is, here none."""
    assert cli.main(["flash", "--board", "stm32-h405", "--task", "kws"]) == 3
    assert "cannot write the flash of stm32-h405" in capsys.readouterr().err


def test_a_board_that_dropped_off_its_port_is_power_cycled_by_its_hub(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The hub port is enough of it; the real uhubctl finds no such hub here."""
    words = ["reset", "--board", "nucleo-l4r5", "--by", "hub", "--hub", "9-9:2"]
    assert cli.main(words) == 2
    assert "no hub at 9-9 can switch its ports" in capsys.readouterr().err
