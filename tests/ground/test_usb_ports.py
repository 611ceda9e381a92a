"""The serial ports of this computer, and which monitors are behind them."""

from types import SimpleNamespace

import pytest
from serial.tools import list_ports

from tinybench.energy.drivers import lpm01a, ppk2
from tinybench.energy.monitor import Found, MonitorSpec, open_monitor
from tinybench.errors import UsageError
from tinybench.transport.usb_ports import Port, ports


def port(device: str, vid: int | None, pid: int | None, serial: str | None) -> SimpleNamespace:
    """Return a port as pyserial lists it."""
    return SimpleNamespace(
        device=device, vid=vid, pid=pid, serial_number=serial, location="1-1:1.0"
    )


@pytest.fixture(autouse=True)
def plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    """An LPM01A, an STLINK-V3PWR, a PPK2 with its two ports, and a port that is no USB device."""
    there = [
        port("/dev/ttyACM3", 0x1915, 0xC00A, "PPK"),
        port("/dev/ttyACM2", 0x1915, 0xC00A, "PPK"),
        port("/dev/ttyACM1", 0x0483, 0x3757, "V3PWR"),
        port("/dev/ttyACM0", 0x0483, 0x5740, "LPM"),
        port("/dev/ttyS0", None, None, None),
    ]
    monkeypatch.setattr(list_ports, "comports", lambda: there)


def test_ports_are_listed_by_name_and_product() -> None:
    """A port that is no USB device has no numbers."""
    assert [one.device for one in ports()] == [f"/dev/ttyACM{n}" for n in range(4)] + ["/dev/ttyS0"]
    assert ports()[-1] == Port("/dev/ttyS0", "", (0, 0), "1-1:1.0")
    assert [one.serial for one in ports(0x0483, 0x5740)] == ["LPM"]


def test_each_instrument_is_listed_once_by_its_serial_number() -> None:
    """A PPK2 shows two ports; the first one measures."""
    assert ppk2.attached() == [Found("ppk2", "PPK2", "PPK", "/dev/ttyACM2")]
    assert lpm01a.attached() == [
        Found("lpm01a", "X-NUCLEO-LPM01A", "LPM", "/dev/ttyACM0"),
        Found("lpm01a", "STLINK-V3PWR", "V3PWR", "/dev/ttyACM1"),
    ]


@pytest.mark.parametrize(
    ("spec", "dialect", "device"),
    [
        (MonitorSpec(driver="lpm01a", serial="LPM"), "lpm01a", "/dev/ttyACM0"),
        (MonitorSpec(driver="lpm01a", dialect="stlink-v3pwr"), "stlink-v3pwr", "/dev/ttyACM1"),
        (MonitorSpec(driver="lpm01a", port="/dev/ttyACM1"), "stlink-v3pwr", "/dev/ttyACM1"),
        (MonitorSpec(driver="lpm01a", port="/dev/pts/9"), "lpm01a", "/dev/pts/9"),
    ],
)
def test_the_dialect_is_that_of_the_port(spec: MonitorSpec, dialect: str, device: str) -> None:
    """By its USB numbers, unless the spec says otherwise."""
    found = lpm01a._found(spec)
    assert (found.dialect, found.port) == (dialect, device)


def test_an_lpm01a_and_a_v3pwr_together_need_a_choice() -> None:
    """Both speak the protocol; neither is taken by guess."""
    with pytest.raises(UsageError, match="2 lpm01a are attached"):
        open_monitor(MonitorSpec(driver="lpm01a"))
