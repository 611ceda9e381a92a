"""The USB devices of this computer: who they are, and which hubs can switch their ports' power."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinybench.install import command

SYSFS = Path("/sys/bus/usb/devices")
NODES = Path("/dev/bus/usb")
TRIES = 3
"""A list that something is unplugged from while it is made is made again."""
HUB_CLASS = 9
POWER_SWITCHING_MASK = 0b11
POWER_SWITCHED_EACH = 0b01
CONTROL_TIMEOUT_MS = 500
NO_LIBUSB = (
    "debug probes, USB instruments and hubs are not listed: libusb is missing; install it with: "
    + command("libusb-1.0-0")
)


@dataclass(frozen=True)
class UsbDevice:
    """A USB device."""

    usb: str
    """Vendor and product, as "0483:374b"."""
    serial: str
    """Empty where it has none, or may not be asked for it."""
    product: str
    location: str
    """Bus and ports down to it, as "1-1.4"; a root hub is its bus alone, as "1"."""
    switchable: int = 0
    """Of a hub: how many ports it says it can switch one by one; else 0."""
    node: str = ""
    """Device file by which it is reached (Linux)."""


def usb_devices(backend: Any = None, sysfs: Path = SYSFS) -> tuple[list[UsbDevice], str]:
    """Return the devices by location, and why they could not be listed ("" when they could).

    `backend` is one of pyusb's; None: libusb. `sysfs` is where Linux says serial numbers also to
    those who may not open the device. A device that is unplugged meanwhile is left out.
    """
    import usb.core

    why = ""
    for _ in range(TRIES):
        try:
            found = list(usb.core.find(find_all=True, backend=backend) or [])
        except usb.core.NoBackendError:
            return [], NO_LIBUSB
        except usb.core.USBError as error:
            why = f"USB devices cannot be listed: {error}; plug them in again"
            continue
        devices = []
        for one in found:
            with contextlib.suppress(usb.core.USBError):
                devices.append(_device(one, sysfs))
        return sorted(devices, key=lambda device: device.location), ""
    return [], why


def _device(one: Any, sysfs: Path) -> UsbDevice:
    ports = ".".join(str(port) for port in one.port_numbers or ())
    location = f"{one.bus}-{ports}" if ports else str(one.bus)
    folder = sysfs / (location if ports else f"usb{one.bus}")
    try:
        return UsbDevice(
            usb=f"{one.idVendor:04x}:{one.idProduct:04x}",
            serial=_text(folder / "serial", lambda: one.serial_number),
            product=_text(folder / "product", lambda: one.product),
            location=location,
            switchable=_switchable(one) if one.bDeviceClass == HUB_CLASS else 0,
            node=str(NODES / f"{one.bus:03d}" / f"{one.address:03d}"),
        )
    finally:
        import usb.util

        usb.util.dispose_resources(one)


def _text(file: Path, ask: Callable[[], str | None]) -> str:
    """Return a string of a device: as the system has read it, else as the device answers."""
    import usb.core

    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        pass
    try:
        return (ask() or "").strip()
    except (usb.core.USBError, ValueError, NotImplementedError):  # not ours to open; or no text
        return ""


def _switchable(hub: Any) -> int:
    """Return how many ports a hub says it can switch one by one.

    Ref: USB 2.0, 11.23.2.1, wHubCharacteristics; USB 3.2, 10.15.2.1.
    """
    import usb.core

    kind = 0x2A if hub.bcdUSB >= 0x0300 else 0x29
    try:
        told = hub.ctrl_transfer(0xA0, 0x06, kind << 8, 0, 12, timeout=CONTROL_TIMEOUT_MS)
    except (usb.core.USBError, NotImplementedError):  # not ours to open
        return 0
    if len(told) < 4 or told[3] & POWER_SWITCHING_MASK != POWER_SWITCHED_EACH:
        return 0
    return int(told[2])
