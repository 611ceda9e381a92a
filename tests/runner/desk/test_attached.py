"""What is attached: ports, probes, monitors and hubs put together, and shown."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serial.tools import list_ports

from tests.runner.desk.plugged import NUCLEO, OTHER, Bus, Plugged, hub_descriptor, serial_port
from tinybench.errors import TransportError
from tinybench.runner import cli
from tinybench.runner.build import board as boards
from tinybench.runner.build import tool as tools
from tinybench.runner.cli.output import table_text
from tinybench.runner.desk import attached
from tinybench.runner.desk.attached import Attached, look, usb_list
from tinybench.runner.desk.usb_devices import usb_devices
from tinybench.runner.report.terminal.attached import table

HUB = Plugged("05e3:0610", ports=(1,), hub=hub_descriptor(4, 1))


def desk(*devices: Plugged, ports: tuple[Any, ...] = (), by_id: Path = Path("/none")) -> Attached:
    """Return what is attached, of ports and USB devices that are data."""
    return look(lambda: ports, lambda: usb_devices(Bus(*devices), Path("/none")), by_id)


def test_a_probe_with_a_port_behind_a_hub_is_one_thing(tmp_path: Path) -> None:
    """VID:PID, serial number, by-id path, kind of probe, and the port that switches its power."""
    link = tmp_path / "usb-STM_STLink-if02"
    link.symlink_to(tmp_path / "ttyACM0")
    port = serial_port(str(tmp_path / "ttyACM0"), "0483:374b", NUCLEO, "1-1.4:1.2")
    found = desk(
        HUB,
        Plugged("0483:374b", ports=(1, 4), serial=NUCLEO, product="STM32 STLink"),
        ports=(port,),
        by_id=tmp_path,
    )
    (thing,) = found.things
    assert (thing.usb, thing.serial, thing.location) == ("0483:374b", NUCLEO, "1-1.4")
    assert thing.ports == [str(tmp_path / "ttyACM0")]
    assert thing.by_id == [str(link)]
    assert (thing.probe, thing.hub, thing.node) == (
        "ST-LINK/V2-1",
        "1-1:4",
        "/dev/bus/usb/001/002",
    )
    assert found.free_hub_ports == ["1-1:1", "1-1:2", "1-1:3"]


def test_two_probes_two_instruments_and_a_plain_port_are_told_apart() -> None:
    """The ports of one device belong together, also when another one has the same number."""
    ports = (
        serial_port("/dev/ttyS0"),
        serial_port("/dev/ttyACM0", "1366:1051", "000760123456", "1-1:1.0"),
        serial_port("/dev/ttyACM1", "1366:1051", "000760123456", "1-1:1.2"),
        serial_port("/dev/ttyUSB0", "1a86:7523", "0001", "1-2"),
        serial_port("/dev/ttyUSB1", "1a86:7523", "0001", "1-3"),
        serial_port("/dev/ttyACM2", "0483:5740", "LPM", "1-4:1.0"),
    )
    found = desk(
        Plugged("16d0:10ba", ports=(5,), serial="002557"),
        Plugged("0d28:0204", ports=(6,), serial="9900", product="DAPLink CMSIS-DAP"),
        Plugged("046d:c31c", ports=(7,), product="Keyboard"),
        Plugged("ffff:0001", ports=(8,), product="a new probe CMSIS-DAP"),
        ports=ports,
    )
    told = [(thing.ports, thing.serial, thing.probe, thing.monitor) for thing in found.things]
    assert told == [
        (["/dev/ttyACM0", "/dev/ttyACM1"], "000760123456", "J-Link", ""),
        (["/dev/ttyACM2"], "LPM", "", "lpm01a"),
        (["/dev/ttyS0"], "", "", ""),
        (["/dev/ttyUSB0"], "0001", "", ""),
        (["/dev/ttyUSB1"], "0001", "", ""),
        ([], "002557", "", "joulescope"),
        ([], "9900", "DAPLink", ""),
        ([], "", "CMSIS-DAP", ""),
    ]


def test_places_that_other_systems_write_differently_join_by_serial_number() -> None:
    """macOS says "20-1" where libusb says "1-1"; two that are equal are not guessed."""
    port = serial_port("/dev/cu.usbmodem1", "0483:374b", NUCLEO, "20-1")
    one = Plugged("0483:374b", ports=(1,), serial=NUCLEO)
    assert [thing.location for thing in desk(one, ports=(port,)).things] == ["1-1"]
    twin = Plugged("0483:374b", ports=(2,), serial=NUCLEO)
    assert desk(one, twin, ports=(port,)).things[0].location == "20-1"


def test_a_port_unplugged_while_the_list_is_made_is_asked_for_again() -> None:
    """pyserial fails on a device whose files have gone; a list that never comes is an error."""
    tries = iter([TypeError("int() argument"), OSError("gone"), None])

    def comports() -> Iterator[Any]:
        why = next(tries)
        if why is not None:
            raise why
        return iter([serial_port("/dev/ttyACM0", "0483:374b", NUCLEO, "1-1:1.2")])

    found = look(comports, lambda: ([], ""), Path("/none"))
    assert [thing.serial for thing in found.things] == [NUCLEO]

    def never() -> Iterator[Any]:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    with pytest.raises(TransportError, match="cannot be listed"):
        look(never, lambda: ([], ""), Path("/none"))


def test_boards_are_found_by_their_declared_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that show in the same way are named."""
    monkeypatch.setattr(attached, "boards_by_usb", lambda: {"0483:374b": ["one", "two"]})
    port = serial_port("/dev/ttyACM0", "0483:374b", NUCLEO, "1-1:1.2")
    assert [thing.boards for thing in desk(ports=(port,)).things] == [["one", "two"]]
    only = Plugged("0483:374b", ports=(1,), serial=NUCLEO)
    assert [thing.boards for thing in desk(only).things] == [["one", "two"]]


def test_the_listing_shows_all_of_it_and_steers_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A serial number is whatever somebody wrote into an EEPROM."""
    hostile = "\x1b[2J[bold]" + OTHER
    ports = [serial_port("/dev/ttyACM0", "0483:374b", hostile, "1-1:1.2")]
    monkeypatch.setattr(list_ports, "comports", lambda: ports)
    assert cli.main(["boards", "--attached"]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\\x1b[2J[bold]" + OTHER in shown
    assert "/dev/ttyACM0" in shown
    assert "ST-LINK/V2-1" in shown
    assert cli.main(["boards", "--attached", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["things"][0]["serial"] == hostile
    assert document["things"][0]["probe"] == "ST-LINK/V2-1"


def test_chips_that_wait_in_their_boot_loader_are_shown() -> None:
    """With what writes them; two alike are two things, told apart by their place."""
    found = desk(
        Plugged("2e8a:0003", ports=(2,), serial="E0C9125B0D9B", product="RP2 Boot"),
        Plugged("2e8a:0003", ports=(3,), serial="E0C9125B0D9B", product="RP2 Boot"),
        Plugged("0483:df11", ports=(4,), serial="357236553036", product="STM32  BOOTLOADER"),
        ports=(serial_port("/dev/ttyACM0", "2341:005a", "7A", "1-5:1.0"),),
    )
    told = [(thing.location, thing.boot_loader) for thing in found.things]
    assert told == [
        ("1-5", "Arduino Nano 33 BLE"),
        ("1-2", "RP2040"),
        ("1-3", "RP2040"),
        ("1-4", "STM32"),
    ]
    assert not any(thing.probe or thing.boards for thing in found.things)


def test_a_board_by_its_own_usb_is_known_in_each_of_its_modes() -> None:
    """An application is told from a boot loader, and what to do next is said."""
    esp = serial_port("/dev/ttyACM2", "303a:1001", "58:CF:79:00:00:01", "1-7:1.0")
    found = desk(
        Plugged("2341:805a", ports=(1,), serial="7A"),
        Plugged("2e8a:0009", ports=(2,), serial="E6"),
        Plugged("1915:521f", ports=(3,), serial="D0"),
        Plugged("ffff:0001", ports=(4,), serial="D0"),
        ports=(esp,),
    )
    shown = {thing.usb: thing for thing in found.things}
    assert set(shown) == {"303a:1001", "2341:805a", "2e8a:0009", "1915:521f"}
    assert shown["2341:805a"].application.startswith("Arduino Nano 33 BLE")
    assert "reset twice" in shown["2341:805a"].next
    assert shown["2341:805a"].may_be == ["nano-33-ble"]
    assert "; board pico-2 or pico-2-riscv; next: " in table_text(table(found))
    assert "BOOTSEL" in shown["2e8a:0009"].next
    assert shown["1915:521f"].boot_loader.startswith("nRF52840")
    assert "esptool" in shown["303a:1001"].next
    assert not any(thing.probe for thing in found.things)


def test_the_list_of_usb_numbers_and_the_boards_agree() -> None:
    """No number twice; each board that is written by a boot loader is named there, no other."""
    listed = usb_list()
    numbers = [usb for one in (*listed.probe, *listed.own) for usb in one.usb]
    assert len(numbers) == len(set(numbers))
    assert all(one.next for one in listed.own)
    waiting = {usb: set(one.boards) for one in listed.boot_loader for usb in one.usb}
    running = {board for one in listed.application for board in one.boards}
    for name in boards.names():
        for flasher in boards.load_board(name).flash:
            ids = tools.tool(flasher, boards.load_board(name).flash[flasher]).boot_loader
            if flasher == "picotool":  # one tool, two chips
                ids = [one for one in ids if (one == "2e8a:000f") == name.startswith("pico-2")]
            assert all(name in waiting[one] for one in ids), (name, flasher)
    flashed = {
        name
        for name in boards.names()
        for flasher in boards.load_board(name).flash
        if flasher in ("uf2", "bossac", "picotool", "dfu-util")
    }
    assert set().union(*waiting.values()) == flashed
    assert running <= flashed


def test_nothing_attached_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not an empty table."""
    monkeypatch.setattr(list_ports, "comports", list)
    monkeypatch.setattr(attached, "usb_devices", lambda: ([], ""))
    assert cli.main(["boards", "--attached"]) == 0
    assert "nothing is attached" in capsys.readouterr().out
