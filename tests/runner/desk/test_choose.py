"""Which board of this desk a run means."""

import os
import pty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.runner.desk.desk_files import BOARD, load_text
from tests.runner.desk.plugged import NUCLEO, OTHER, Bus, Plugged
from tinybench.energy.monitor import MonitorSpec
from tinybench.errors import UsageError
from tinybench.runner.build import board as boards
from tinybench.runner.build.board import load_board, names
from tinybench.runner.desk.attached import Attached, Thing, look
from tinybench.runner.desk.bench import (
    Bench,
    DeskBoard,
    monitor_spec,
)
from tinybench.runner.desk.choose import choose
from tinybench.runner.desk.reserve import reserved
from tinybench.runner.desk.usb_devices import usb_devices
from tinybench.runner.results.request import Request
from tinybench.transport.serial_port import Opening

USB = boards.Attached(usb=["0000:0000"])
WITHOUT_NUMBER = [name for name in names() if (load_board(name).attached or USB).usb == []]
FULL = """\
[boards.left]
board = "serial"
serial = "AA"
probe = "BB"
hub = "1-1.4:2"
monitor = "lpm"
interface_board = "between"

[monitors.lpm]
driver = "lpm01a"
serial = "CC"
voltage_v = 3.3

[interface_boards.between]
port = "/dev/ttyUSB7"
"""


def probe(device: str, serial: str = NUCLEO, **more: str) -> Thing:
    """An ST-LINK with its port, at a place of its own."""
    fields = {"usb": "0483:374b", "probe": "ST-LINK/V2-1", "location": f"1-{device[-1]}"} | more
    return Thing(ports=[device], serial=serial, **fields)  # pyright: ignore[reportArgumentType]


def resolve(request: Request, *things: Thing, bench: Bench | None = None) -> Request:
    """Return the request on a desk with these things, and nothing said."""
    found, _ = choose(
        request, bench or Bench(), lambda _: None, lambda: Attached(list(things), [], [])
    )
    return found


def test_the_only_attached_board_of_its_kind_is_taken(board: str) -> None:
    """By the name of its port that stays the same, with its debug probe; and it is said."""
    said = []
    thing = Thing(
        usb="0483:374b",
        serial=NUCLEO,
        ports=["/dev/ttyACM0"],
        by_id=["/dev/serial/by-id/usb-STM"],
        probe="ST-LINK/V2-1",
    )
    other = Thing(usb="1a86:7523", ports=["/dev/ttyUSB0"])
    found, kind = choose(
        Request(board=board, task="kws"),
        Bench(),
        said.append,
        lambda: Attached([thing, other], [], []),
    )
    assert found.ports == ("/dev/serial/by-id/usb-STM",)
    assert (found.probe, found.hub, found.monitor) == (NUCLEO, None, None)
    assert kind == load_board(board)
    assert said == [f"board test-nucleo: {NUCLEO} at /dev/ttyACM0"]


def test_two_boards_of_one_kind_need_a_choice(board: str) -> None:
    """Both are listed, with serial numbers and ports, and the two ways to choose."""
    with pytest.raises(UsageError) as error:
        resolve(
            Request(board=board, task="kws"),
            probe("/dev/ttyACM0"),
            probe("/dev/ttyACM1", OTHER, usb="0483:3752"),
        )
    for word in (NUCLEO, "/dev/ttyACM0", OTHER, "/dev/ttyACM1", "--port", "bench.toml"):
        assert word in str(error.value)
    assert error.value.exit_status == 2


def test_without_the_board_it_is_said_what_was_looked_for(board: str) -> None:
    """Its VID:PIDs, what is there instead, and whether it can be emulated."""
    with pytest.raises(UsageError) as error:
        resolve(Request(board=board, task="kws"), Thing(usb="1a86:7523", ports=["/dev/ttyUSB0"]))
    assert "0483:374b, 0483:3752" in str(error.value)
    assert "1a86:7523 no serial number at /dev/ttyUSB0" in str(error.value)
    assert "--emulate" not in str(error.value)


def test_a_board_that_shows_by_its_own_usb_says_what_to_do() -> None:
    """It runs a sketch: which of all that is and how firmware gets into it, as no port is known."""
    bus = Bus(Plugged("2e8a:0009", ports=(1,)), Plugged("2341:805a", ports=(2,)))
    found = look(lambda: (), lambda: usb_devices(bus, Path("/none")), Path("/none"))
    for board, usb in (("nano-33-ble", "2341:805a"), ("pico-2", "2e8a:0009")):
        with pytest.raises(UsageError) as error:
            choose(Request(board=board, task="kws"), Bench(), print, lambda: found)
        own, _, besides = str(error.value).partition("; attached besides: ")
        assert f"by its own USB this may be it: {usb} no serial number at 1-" in own
        assert ("next: press reset twice" in own) == (board == "nano-33-ble")
        assert usb not in besides
        assert "2e8a:0009" in besides or "2341:805a" in besides


@pytest.mark.parametrize(("board", "enough"), [("pico", True), ("nucleo-l4r5", False)])
def test_a_board_in_its_boot_loader_is_flashed_without_a_serial_port(
    board: str, enough: bool
) -> None:
    """A Pico with BOOTSEL held has none; another board's boot loader is not it."""
    bus = Bus(Plugged("2e8a:0003", ports=(1,), product="RP2 Boot"))
    found = look(lambda: (), lambda: usb_devices(bus, Path("/none")), Path("/none"))
    assert found.things[0].boot_loader == "RP2040"

    def chosen(*, port_needed: bool) -> Request:
        request = Request(board=board, task="")
        return choose(
            request, Bench(), lambda _: None, lambda: found, port_needed=port_needed
        )[0]  # fmt: skip

    if enough:
        assert chosen(port_needed=False).ports == ()
    for needed in (True,) if enough else (True, False):
        with pytest.raises(UsageError, match=f"no {board} is attached"):
            chosen(port_needed=needed)


def test_a_packaged_board_that_can_be_emulated_says_so() -> None:
    """Of all boards that have both."""
    for name in ("nucleo-l4r5",):
        real = load_board(name)
        if real.attached is None:
            continue
        with pytest.raises(UsageError) as error:
            resolve(Request(board=name, task="kws"))
        assert all(usb in str(error.value) for usb in real.attached.usb)
        assert "attached: nothing" in str(error.value)
        assert "--emulate" in str(error.value)


@pytest.mark.parametrize(
    "request_",
    [
        Request(board="mps2-an386", task="kws"),
        Request(board="host", task="kws"),
        Request(board="serial", task="kws", ports=("/dev/ttyACM0",)),
    ],
)
def test_what_needs_no_desk_is_left_as_it_is(request_: Request) -> None:
    """Nothing is looked for: an emulated board, and a given port."""

    def nobody() -> Attached:
        raise AssertionError

    assert choose(request_, Bench(), lambda _: None, nobody)[0] == request_


def test_emulate_wants_no_board(board: str) -> None:
    """A real board's firmware in an emulator, by its name on the desk too; else it is refused."""
    bench = Bench(boards={"left": DeskBoard(board="nucleo-l4r5", serial=NUCLEO)})
    wanted = Request(board="nucleo-l4r5", task="kws", emulate=True)
    assert resolve(wanted) == wanted
    assert resolve(replace(wanted, board="left"), bench=bench) == wanted
    with pytest.raises(UsageError, match="no emulator"):
        resolve(replace(wanted, board=board))


def test_a_name_of_the_bench_file_chooses_between_two(board: str) -> None:
    """And brings its probe and the hub port that switches its power."""
    bench = Bench(
        boards={
            "left": DeskBoard(board=board, serial=NUCLEO, hub="1-1:4"),
            "right": DeskBoard(board=board, serial=OTHER, probe="JLINK", flasher="pyocd"),
        }
    )
    things = (probe("/dev/ttyACM0"), probe("/dev/ttyACM1", OTHER))
    left = resolve(Request(board="left", task="kws"), *things, bench=bench)
    assert (left.board, left.ports) == (board, ("/dev/ttyACM0",))
    assert (left.probe, left.hub) == (NUCLEO, "1-1:4")
    right = resolve(Request(board="right", task="kws"), *things, bench=bench)
    assert (right.ports, right.probe, right.hub) == (("/dev/ttyACM1",), "JLINK", None)
    assert (left.flasher, right.flasher) == (None, "pyocd")
    own = resolve(
        Request(board="right", task="kws", probe="MINE", hub="2-1:1", flasher="openocd"),
        *things,
        bench=bench,
    )
    assert (own.probe, own.hub, own.flasher) == ("MINE", "2-1:1", "openocd")
    with pytest.raises(UsageError, match=r"2 boards of the kind test-nucleo.*left: .*right: .*--b"):
        resolve(Request(board=board, task="kws"), *things, bench=bench)


def test_a_probe_chooses_between_two(board: str) -> None:
    """By the serial number of the probe that carries the port, or that the bench file gives it."""
    things = (probe("/dev/ttyACM0"), probe("/dev/ttyACM1", OTHER))
    wanted = Request(board=board, task="kws", probe=OTHER)
    assert resolve(wanted, *things).ports == ("/dev/ttyACM1",)
    bench = Bench(
        boards={
            "left": DeskBoard(board=board, serial=NUCLEO, hub="1-1:4"),
            "right": DeskBoard(board=board, serial=OTHER, probe="JLINK", hub="1-1:2"),
        }
    )
    assert resolve(wanted, *things, bench=bench).hub == "1-1:2"
    assert resolve(replace(wanted, probe="JLINK"), *things, bench=bench).hub == "1-1:2"
    with pytest.raises(UsageError, match="2 boards"):
        resolve(replace(wanted, probe="NONE"), *things)


def test_the_only_named_board_is_taken_among_others_of_its_kind(board: str) -> None:
    """Naming one in the bench file is the choice; so is having only one of them plugged in."""
    bench = Bench(boards={"left": DeskBoard(board=board, serial=NUCLEO)})
    things = (probe("/dev/ttyACM0"), probe("/dev/ttyACM1", OTHER))
    assert resolve(Request(board=board, task="kws"), *things, bench=bench).ports == (
        "/dev/ttyACM0",
    )
    both = Bench(boards=bench.boards | {"right": DeskBoard(board=board, serial="AWAY")})
    assert resolve(Request(board=board, task="kws"), *things, bench=both).probe == NUCLEO
    with pytest.raises(UsageError, match=r"left \(.*\) of bench.toml is not attached; attached:"):
        resolve(Request(board=board, task="kws"), things[1], bench=bench)


def test_a_given_port_keeps_what_else_is_known_of_the_board(board: str) -> None:
    """--board left --port PORT."""
    bench = Bench(boards={"left": DeskBoard(board=board, serial=NUCLEO, hub="1-1:4", probe="P")})
    found = resolve(
        Request(board="left", task="kws", ports=("/dev/ttyS1",)), probe("/dev/x0"), bench=bench
    )
    assert (found.board, found.ports) == (board, ("/dev/ttyS1",))
    assert (found.hub, found.probe) == ("1-1:4", "P")


@pytest.mark.parametrize(
    ("declared", "desk", "words", "wanted"),
    [
        ("", "", {}, Opening()),
        ("dtr = false", "", {}, Opening(dtr=False)),
        ("dtr = false", "dtr = true\nrts = false", {}, Opening(dtr=True, rts=False)),
        ('[reset]\nline = "rts"', "", {}, Opening(rts=False)),
        ('rts = true\n[reset]\nline = "rts"', "", {}, Opening(rts=True)),
        ("", "dtr = false", {"dtr": True}, Opening(dtr=True)),
        ("dtr = false", "rts = false", {"mode": "energy"}, Opening(dtr=True, wait_s=2)),
        ("dtr = false", "rts = false", {"mode": "energy", "interface_board": True}, Opening()),
        ("boot_wait_s = 3", "", {}, Opening(wait_s=3)),
        ("boot_wait_s = 3", "boot_wait_s = 0.5", {}, Opening(wait_s=0.5)),
        ("boot_wait_s = 3", "", {"mode": "energy"}, Opening(dtr=True, wait_s=3)),
        ("boot_wait_s = 3", "boot_wait_s = 0", {"mode": "energy"}, Opening(dtr=True, wait_s=2)),
    ],
)
def test_a_port_is_opened_as_that_of_whom_it_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    declared: str,
    desk: str,
    words: dict[str, Any],
    wanted: Opening,
) -> None:
    """As asked, else as the bench file says, else as declared; a line that resets is released.

    Of an interface board by its own keys; before either talks, the slower of both has started.
    """
    (tmp_path / "mine.toml").write_text(BOARD.replace("[attached]", f"{declared}\n[attached]"))
    (tmp_path / "bench.toml").write_text(
        f'[boards.left]\nboard = "mine.toml"\nport = "/dev/null"\ninterface_board = "b"\n{desk}\n'
        '[interface_boards.b]\nport = "/dev/zero"\ndtr = true\nboot_wait_s = 2\ndut_baud = 19200\n'
    )
    monkeypatch.setenv("TINYBENCH_BENCH", str(tmp_path / "bench.toml"))
    monkeypatch.setenv("TINYBENCH_LOCKS", str(tmp_path / "locks"))
    asked = Request(board="left", task="kws", **words)
    if asked.interface_board:
        asked = replace(asked, ports=("/dev/tty",))
    for _ in ("a run", "resume"):
        with reserved(asked, lambda _: None, lambda: Attached([], [], [])) as (station, _):
            (site,) = station.sites
            assert site.opening == wanted
            assert site.dut_baud == (19200 if site.port == "/dev/zero" else 9600)
        asked = station.asked


def test_a_device_with_two_ports_needs_one_named(board: str) -> None:
    """Neither is taken by guess."""
    thing = Thing(usb="0483:374b", serial=NUCLEO, ports=["/dev/ttyACM0", "/dev/ttyACM1"])
    with pytest.raises(UsageError, match=r"2 serial ports \(/dev/ttyACM0, /dev/ttyACM1\)"):
        resolve(Request(board=board, task="kws"), thing)


def test_a_name_that_is_no_board_suggests_those_of_the_desk(board: str) -> None:
    """As well as the declared ones."""
    bench = Bench(boards={"bench-left": DeskBoard(board=board, serial=NUCLEO)})
    with pytest.raises(UsageError, match="did you mean 'bench-left'"):
        resolve(Request(board="bench-lfet", task="kws"), bench=bench)
    with pytest.raises(UsageError, match="did you mean 'mps2-an386'"):
        resolve(Request(board="mps2-an368", task="kws"), bench=bench)


def test_one_serial_number_on_two_devices_names_neither(board: str) -> None:
    """Cheap adapters come with the same one."""
    bench = Bench(boards={"left": DeskBoard(board=board, serial="0001")})
    with pytest.raises(UsageError, match="2 devices have the serial number 0001"):
        resolve(
            Request(board="left", task="kws"),
            probe("/dev/ttyUSB0", "0001"),
            probe("/dev/ttyUSB1", "0001"),
            bench=bench,
        )


@pytest.fixture
def terminal() -> Iterator[str]:
    """The path of a real port of this computer."""
    near, far = pty.openpty()
    yield os.ttyname(far)
    os.close(near)
    os.close(far)


def test_a_port_names_a_board_without_serial_number(terminal: str) -> None:
    """A real port, or a URL; one that is not there is not attached."""
    bench = Bench(
        boards={
            "left": DeskBoard(board="serial", port=terminal),
            "far": DeskBoard(board="serial", port="socket://bench:7000"),
            "away": DeskBoard(board="serial", port="/dev/ttyACM99"),
        }
    )
    assert resolve(Request(board="left", task="kws"), bench=bench).ports == (terminal,)
    assert resolve(Request(board="far", task="kws"), bench=bench).ports == ("socket://bench:7000",)
    with pytest.raises(UsageError, match=r"away .*ttyACM99.* is not attached; attached: nothing"):
        resolve(Request(board="away", task="kws"), bench=bench)


def test_energy_mode_takes_monitor_and_interface_board_of_the_desk(terminal: str) -> None:
    """Only energy mode; the interface board's own line is fast."""
    bench = load_text(FULL.replace("/dev/ttyUSB7", terminal).replace('probe = "BB"\n', ""))
    thing = Thing(usb="0403:6001", serial="AA", ports=["/dev/ttyUSB0"])
    plain = resolve(Request(board="left", task="kws"), thing, bench=bench)
    assert (plain.ports, plain.monitor, plain.interface_board) == (("/dev/ttyUSB0",), None, False)
    energy = resolve(
        Request(board="left", task="kws", mode="energy", baud=9600), thing, bench=bench
    )
    assert (energy.ports, energy.monitor) == ((terminal,), "lpm")
    assert (energy.interface_board, energy.baud) == (True, 115_200)
    assert monitor_spec("lpm", bench) == MonitorSpec(driver="lpm01a", serial="CC", voltage_v=3.3)
    assert monitor_spec("ppk2", bench) == MonitorSpec(driver="ppk2")
    with pytest.raises(UsageError, match=r"no monitor 'lpn'.*; on this desk: lpm"):
        monitor_spec("lpn", bench)
    away = load_text(FULL)
    with pytest.raises(UsageError, match=r"left \(/dev/ttyUSB7\) of bench.toml is not attached"):
        resolve(Request(board="left", task="kws", mode="energy"), thing, bench=away)


def test_in_energy_mode_the_board_itself_may_be_unplugged(terminal: str, tmp_path: Path) -> None:
    """Its debugger would supply it; what is wired to the energy build's pins carries the line."""
    path = tmp_path / "test-nucleo.toml"
    path.write_text(BOARD + "energy = false\n")
    kind = DeskBoard(board=str(path), serial=NUCLEO, energy_port=terminal)
    bench = Bench(boards={"left": kind})
    energy = Request(board=str(path), task="kws", mode="energy")
    assert resolve(energy, bench=bench).ports == (terminal,)
    both = resolve(energy, probe("/dev/ttyACM0"), bench=bench)
    assert (both.ports, both.probe, both.interface_board) == ((terminal,), NUCLEO, False)
    plain = resolve(replace(energy, mode="all"), probe("/dev/ttyACM0"), bench=bench)
    assert plain.ports == ("/dev/ttyACM0",)
    unwired = Bench(boards={"left": replace(kind, energy_port=None)})
    for known in (Bench(), unwired):
        with pytest.raises(UsageError, match=r"talks on other pins.*--port.*energy_port"):
            resolve(energy, probe("/dev/ttyACM0"), bench=known)


def test_boards_whose_energy_build_talks_on_other_pins_say_so() -> None:
    """Of all that are declared."""
    for board in map(load_board, names()):
        if board.attached is not None and board.attached.usb:
            same = all(
                board.port.get(f"energy_{name}", board.port.get(name)) == board.port.get(name)
                for name in ("usart", "uart")
            )
            pin = board.port.get("uarte_tx_pin")
            same &= pin is None or board.port["energy_tx_pin"] == pin
            assert board.attached.energy == same, board.name


@pytest.mark.parametrize("name", WITHOUT_NUMBER)
def test_a_board_without_usb_number_is_named_by_its_port(terminal: str, name: str) -> None:
    """Whatever adapter its port is."""
    with pytest.raises(UsageError, match=r"has no USB number to be found by.*--port"):
        resolve(Request(board=name, task="kws"), probe("/dev/ttyACM0"))
    bench = Bench(boards={"mine": DeskBoard(board=name, port=terminal)})
    assert resolve(Request(board=name, task="kws"), bench=bench).ports == (terminal,)
