"""USB devices: listed by real pyusb, over a backend whose devices are data."""

from pathlib import Path

import pytest
import usb.core

from tests.runner.desk.plugged import NUCLEO, Bus, Plugged, hub_descriptor
from tinybench.runner.desk.usb_devices import NO_LIBUSB, TRIES, UsbDevice, usb_devices

NOWHERE = Path("/nonexistent")


def test_devices_are_listed_by_place_with_numbers_and_strings() -> None:
    """The place is written as Linux and uhubctl write it; all that was opened is closed."""
    bus = Bus(
        Plugged("0483:374b", ports=(1, 4), serial=NUCLEO, product="STM32 STLink"),
        Plugged("1d6b:0002"),
    )
    found, why = usb_devices(bus, NOWHERE)
    assert found == [
        UsbDevice("1d6b:0002", "", "", "1", node="/dev/bus/usb/001/002"),
        UsbDevice("0483:374b", NUCLEO, "STM32 STLink", "1-1.4", node="/dev/bus/usb/001/001"),
    ]
    assert why == ""
    assert bus.opened == 0


def test_what_may_not_be_opened_is_named_by_the_system(tmp_path: Path) -> None:
    """Linux has read the serial number already, and tells it to everybody; a root hub's too."""
    for place, serial in (("1-2", NUCLEO), ("usb1", "0000:00:14.0")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "serial").write_text(f"{serial}\n")
    bus = Bus(
        Plugged("0483:374b", ports=(2,), serial="hidden", openable=False),
        Plugged("0483:374b", ports=(3,), serial="hidden", openable=False),
        Plugged("1d6b:0002", openable=False, hub=hub_descriptor(4, 1)),
    )
    found, _ = usb_devices(bus, tmp_path)
    assert {device.location: device.serial for device in found} == {
        "1-2": NUCLEO,
        "1-3": "",
        "1": "0000:00:14.0",
    }


@pytest.mark.parametrize(
    ("characteristics", "bcd_usb", "kind", "ports"),
    [
        (0x0001, 0x0200, 0x29, 4),  # each port
        (0x00E9, 0x0210, 0x29, 4),  # each port, with indicators
        (0x0000, 0x0200, 0x29, 0),  # all together
        (0x0002, 0x0200, 0x29, 0),  # not at all
        (0x0001, 0x0300, 0x2A, 4),  # USB 3 has a descriptor of its own
    ],
)
def test_a_hub_switches_ports_one_by_one_or_is_of_no_use(
    characteristics: int, bcd_usb: int, kind: int, ports: int
) -> None:
    """Power that is switched for all ports together would take the other boards' too."""
    told = bytearray(hub_descriptor(4, characteristics))
    told[1] = kind
    bus = Bus(Plugged("05e3:0610", ports=(1,), hub=bytes(told), bcd_usb=bcd_usb))
    found, _ = usb_devices(bus, NOWHERE)
    assert [device.switchable for device in found] == [ports]


@pytest.mark.parametrize("told", [b"", b"\x09\x29", bytes(12)])
def test_a_hub_that_tells_nothing_switches_nothing(told: bytes) -> None:
    """Half a descriptor is none."""
    found, _ = usb_devices(Bus(Plugged("05e3:0610", ports=(1,), hub=told)), NOWHERE)
    assert [device.switchable for device in found] == [0]


def test_a_device_unplugged_during_the_listing_spoils_nothing() -> None:
    """The list is made again; one that vanishes later is listed without what it cannot say."""
    bus = Bus(
        Plugged("0483:374b", ports=(1,), serial=NUCLEO, vanishes=True),
        Plugged("0d28:0204", ports=(2,), serial="9900"),
        failures=TRIES - 1,
    )
    found, why = usb_devices(bus, NOWHERE)
    assert [device.serial for device in found] == ["", "9900"]
    assert why == ""
    found, why = usb_devices(Bus(failures=TRIES), NOWHERE)
    assert found == []
    assert "No such device" in why


def test_without_libusb_a_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serial ports are found without it."""

    def none(**_: object) -> None:
        raise usb.core.NoBackendError("No backend available")

    monkeypatch.setattr(usb.core, "find", none)
    assert usb_devices() == ([], NO_LIBUSB)
    assert "apt-get install libusb" in NO_LIBUSB


def test_the_bus_of_this_computer_is_listed_or_said_to_be_out_of_reach() -> None:
    """The real libusb, where there is one."""
    found, why = usb_devices()
    assert not (found and why)
    assert all(len(device.usb) == 9 for device in found)


def test_a_broken_string_is_no_serial_number() -> None:
    """Half a surrogate from a damaged EEPROM."""
    found, _ = usb_devices(Bus(Plugged("0403:6001", ports=(1,), serial="AB\ud800")), NOWHERE)
    assert [device.serial for device in found] == [""]
