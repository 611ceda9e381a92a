"""The serial ports of this computer, with the USB numbers of what is behind them."""

from dataclasses import dataclass

from serial.tools import list_ports


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


def ports(vendor: int | None = None, product: int | None = None) -> list[Port]:
    """Return the serial ports, or those of one USB product, by name."""
    found = [
        Port(
            port.device,
            port.serial_number or "",
            (port.vid or 0, port.pid or 0),
            port.location or "",
        )
        for port in list_ports.comports()
    ]
    return sorted(
        (port for port in found if vendor is None or port.usb == (vendor, product)),
        key=lambda port: port.device,
    )
