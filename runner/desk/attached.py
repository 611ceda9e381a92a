"""What is plugged into this computer: serial ports, debug probes, instruments, switchable ports."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tinybench.energy.monitor import monitors_by_usb
from tinybench.transport.usb_ports import comports, one_name

from ..build import board as boards
from .usb_devices import UsbDevice, usb_devices

BY_ID = Path("/dev/serial/by-id")

PROBES = {
    "0483:3744": "ST-LINK",
    "0483:3748": "ST-LINK/V2",
    "0483:374b": "ST-LINK/V2-1",
    "0483:3752": "ST-LINK/V2-1",
    "0483:374d": "STLINK-V3",
    "0483:374e": "STLINK-V3",
    "0483:374f": "STLINK-V3",
    "0483:3753": "STLINK-V3",
    "0483:3754": "STLINK-V3",
    "0483:3757": "STLINK-V3PWR",
    "0d28:0204": "DAPLink",
    "2e8a:000c": "Raspberry Pi Debug Probe",
}
"""Debug probes by VID:PID. Ref: OpenOCD, contrib/60-openocd.rules."""
BOOT_LOADERS = {
    "0483:df11": "STM32, by dfu-util",
    "2341:005a": "Arduino Nano 33 BLE, by bossac",
    "2886:0044": "Seeed XIAO nRF52840, by its UF2 drive",
    "2886:0045": "Seeed XIAO nRF52840 Sense, by its UF2 drive",
    "2e8a:0003": "RP2040, by picotool or its drive RPI-RP2",
    "2e8a:000f": "RP2350, by picotool or its drive RP2350",
}
"""Chips that wait in their boot loader, by VID:PID: what they are, and what writes them.

Ref: ST, AN2606; Arduino, boards.txt of the mbed_nano core; Adafruit_nRF52_Bootloader, board.h;
RP2040 datasheet, 2.8.3; RP2350 datasheet, 5.7.1.
"""
PROBE_VENDORS = {"1366": "J-Link"}
"""Vendors that make nothing else."""


@dataclass(frozen=True)
class Known:
    """What shows as each VID:PID."""

    boards: dict[str, list[str]]
    monitors: dict[str, str]
    """Driver of the energy monitor."""


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    """One device that is plugged in, with all its serial ports."""

    usb: str = ""
    """VID:PID such as "0483:374b"; empty for what is no USB device."""
    serial: str = ""
    product: str = ""
    location: str = ""
    """Bus and ports, as "1-1.4"."""
    ports: list[str] = []
    by_id: list[str] = []
    """Names of `ports` that stay the same wherever it is plugged in."""
    boards: list[str] = []
    """Boards that show in this way."""
    probe: str = ""
    """Kind of debug probe."""
    boot_loader: str = ""
    """What waits in its boot loader, and what writes it."""
    monitor: str = ""
    """Driver of energy monitor."""
    hub: str = ""
    """Hub and port whose power switches this device, as "1-1:4"."""
    node: str = ""
    """Device file by which a debugger or a driver reaches it (Linux)."""


class Attached(msgspec.Struct, frozen=True):
    """All that was found."""

    things: list[Thing]
    free_hub_ports: list[str]
    """Switchable ports with nothing of the above behind them."""
    unseen: list[str]
    """What could not be looked for, and why."""


def look(
    listing: Callable[[], Iterable[Any]] | None = None,
    devices: Callable[[], tuple[list[UsbDevice], str]] | None = None,
    by_id: Path = BY_ID,
) -> Attached:
    """Look at what is plugged in; opens no port and sends nothing to any device.

    `listing` returns pyserial's ListPortInfo, `devices` what `usb_devices` does; None: those of
    this computer. Raises TransportError when the system cannot list its serial ports.
    """
    listed, why = (devices or usb_devices)()
    names = stable_names(by_id)
    known = Known(boards_by_usb(), monitors_by_usb())
    groups: dict[str, list[Any]] = {}
    for port in comports(listing):
        groups.setdefault(_place(port) or port.device, []).append(port)
    things = []
    joined = set()
    for place, ports in groups.items():
        device = _device_of(ports[0], place, listed)
        if device is not None:
            joined.add(device.location)
        things.append(_thing(ports, device, names, known, listed))
    things += [
        _thing([], device, names, known, listed)
        for device in listed
        if device.location not in joined and _is_of_use(device, known)
    ]
    taken = {thing.hub for thing in things}
    switchable = [
        f"{device.location}:{number}"
        for device in listed
        for number in range(1, device.switchable + 1)
    ]
    things.sort(key=lambda thing: (not thing.ports, thing.ports, thing.location))
    return Attached(
        things, [name for name in switchable if name not in taken], [why] if why else []
    )


def thing_at(port: str, things: list[Thing]) -> Thing | None:
    """Return the thing that a port belongs to, by whatever name the port is given."""
    real = one_name(port)
    for thing in things:
        if any(one_name(own) == real for own in thing.ports):
            return thing
    return None


def boards_by_usb() -> dict[str, list[str]]:
    """Return the names of the declared boards that show as each VID:PID."""
    found: dict[str, list[str]] = {}
    for name in boards.names():
        attached = boards.load_board(name).attached
        for usb in attached.usb if attached is not None else []:
            found.setdefault(usb, []).append(name)
    return found


def probe_kind(usb: str, product: str) -> str:
    """Return the kind of debug probe of a USB device; "" for anything else."""
    kind = PROBES.get(usb) or PROBE_VENDORS.get(usb.partition(":")[0], "")
    return kind or ("CMSIS-DAP" if "CMSIS-DAP" in product else "")


def stable_names(by_id: Path = BY_ID) -> dict[str, str]:
    """Return {real path of a port: its name that stays the same} (Linux)."""
    try:
        return {os.path.realpath(link): str(link) for link in sorted(by_id.iterdir())}
    except OSError:
        return {}


def _place(port: Any) -> str:
    """Return where the device of a port is plugged in; "" if it is no USB device."""
    return (port.location or "").partition(":")[0] if port.vid is not None else ""


def _device_of(port: Any, place: str, devices: list[UsbDevice]) -> UsbDevice | None:
    for device in devices:
        if device.location == place:
            return device
    # Elsewhere than on Linux the places are written in other ways.
    same = [one for one in devices if one.serial and (one.usb, one.serial) == _who(port)]
    return same[0] if len(same) == 1 else None


def _who(port: Any) -> tuple[str, str]:
    usb = "" if port.vid is None else f"{port.vid:04x}:{port.pid or 0:04x}"
    return usb, port.serial_number or ""


def _is_of_use(device: UsbDevice, known: Known) -> bool:
    found = device.usb in known.boards or device.usb in known.monitors
    found = found or device.usb in BOOT_LOADERS
    return found or bool(probe_kind(device.usb, device.product))


def _thing(
    ports: list[Any],
    device: UsbDevice | None,
    names: dict[str, str],
    known: Known,
    devices: list[UsbDevice],
) -> Thing:
    usb, serial = _who(ports[0]) if ports else ("", "")
    product = (ports[0].product or "") if ports else ""
    location = _place(ports[0]) if ports else ""
    if device is not None:
        usb, serial, location = device.usb, serial or device.serial, device.location
        product = product or device.product
    stable = [names.get(os.path.realpath(port.device), "") for port in ports]
    return Thing(
        usb=usb,
        serial=serial,
        product=product,
        location=location,
        ports=[port.device for port in ports],
        by_id=[name for name in stable if name],
        boards=known.boards.get(usb, []),
        probe=probe_kind(usb, product),
        boot_loader=BOOT_LOADERS.get(usb, ""),
        monitor=known.monitors.get(usb, ""),
        hub=_hub(location, devices),
        node="" if device is None else device.node,
    )


def _hub(location: str, devices: list[UsbDevice]) -> str:
    """Return the hub and port above a device, where the hub can switch that port."""
    above, mark, number = location.rpartition("." if "." in location else "-")
    for device in devices if mark else []:
        if device.location == above and int(number) <= device.switchable:
            return f"{above}:{number}"
    return ""
