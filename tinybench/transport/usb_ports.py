"""The serial ports of this computer, with the USB numbers of what is behind them."""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from serial.tools import list_ports

from ..errors import TransportError

TRIES = 3
"""A list that something is unplugged from while it is made is made again."""


@dataclass(frozen=True)
class Port:
    """A serial port."""

    device: str
    serial: str
    """Serial number of the USB device; empty where it has none."""
    usb: tuple[int, int]
    """Vendor and product; (0, 0) when it is no USB device."""
    interface: str
    """Number of the interface within the device, as the system writes it; empty if unknown."""


def one_name(port: str) -> str:
    """Return the one name of a port that may be named in several ways, also by a link.

    On Windows `com3` and `\\\\.\\COM3` are COM3; on macOS /dev/tty.X is /dev/cu.X, the
    same line, which waits for no modem.
    """
    if "://" in port:
        return port
    if windows := re.fullmatch(r"(?:\\\\[.?]\\)?(COM[0-9]{1,5}):?", port, re.IGNORECASE):
        return windows[1].upper()
    if port.startswith("/dev/tty."):
        return f"/dev/cu.{port.removeprefix('/dev/tty.')}"
    return os.path.realpath(port)


def comports(listing: Callable[[], Iterable[Any]] | None = None) -> list[Any]:
    """Return the serial ports as pyserial lists them (ListPortInfo), by name.

    `listing` stands for `list_ports.comports`. Raises TransportError when the system cannot list
    them.
    """
    why: Exception | None = None
    for _ in range(TRIES):
        try:
            return sorted((listing or list_ports.comports)(), key=lambda port: port.device)
        except (OSError, TypeError, ValueError) as error:  # it reads files of what is unplugged
            why = error
    raise TransportError(
        f"the serial ports cannot be listed: {why}. Unplug what changes, try again"
    )


def ports(vendor: int | None = None, product: int | None = None) -> list[Port]:
    """Return the serial ports, or those of one USB product, by name; raises as `comports`."""
    return [
        Port(
            port.device,
            port.serial_number or "",
            (port.vid or 0, port.pid or 0),
            port.location or "",
        )
        for port in comports()
        if vendor is None or (port.vid or 0, port.pid or 0) == (vendor, product)
    ]
