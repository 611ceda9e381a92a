"""What is plugged in, for tests: pyserial's own records, and a backend of pyusb without a bus."""

from array import array
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import usb.backend
import usb.core
from serial.tools.list_ports_common import ListPortInfo

NUCLEO = "066DFF575251717867013127"
OTHER = "0670FF3632524B3043205426"


def serial_port(
    device: str, usb_id: str = "", serial: str | None = None, location: str | None = None
) -> ListPortInfo:
    """Return a port as pyserial lists it."""
    port = ListPortInfo(device)
    if usb_id:
        port.vid, port.pid = (int(half, 16) for half in usb_id.split(":"))
        port.product = "a product"
    port.serial_number = serial  # pyright: ignore[reportAttributeAccessIssue]
    port.location = location  # pyright: ignore[reportAttributeAccessIssue]
    return port


@dataclass(frozen=True)
class Plugged:
    """A USB device of the fake bus."""

    usb_id: str
    bus: int = 1
    ports: tuple[int, ...] = ()
    serial: str | None = None
    product: str | None = None
    hub: bytes | None = None
    """Hub descriptor; None: it is no hub."""
    bcd_usb: int = 0x0200
    openable: bool = True
    vanishes: bool = False


def hub_descriptor(ports: int, characteristics: int) -> bytes:
    """Return a hub descriptor of USB 2.0 (11.23.2.1)."""
    return bytes([9, 0x29, ports, characteristics & 0xFF, characteristics >> 8, 50, 100, 0, 255])


class Bus(usb.backend.IBackend):
    """A backend of pyusb, over devices that are data."""

    def __init__(self, *devices: Plugged, failures: int = 0) -> None:
        """The first `failures` listings fail, as when a device vanishes meanwhile."""
        super().__init__()
        self.devices = devices
        self.failures = failures
        self.opened = 0

    def enumerate_devices(self) -> Any:
        if self.failures:
            self.failures -= 1
            raise usb.core.USBError("No such device (it may have been disconnected)", -4, 19)
        return iter(self.devices)

    def get_parent(self, dev: Plugged) -> None:  # noqa: ARG002 - pyusb's signature
        return None

    def get_device_descriptor(self, dev: Plugged) -> Any:
        vendor, product = (int(half, 16) for half in dev.usb_id.split(":"))
        return SimpleNamespace(
            bLength=18,
            bDescriptorType=1,
            bcdUSB=dev.bcd_usb,
            bDeviceClass=9 if dev.hub is not None else 0,
            bDeviceSubClass=0,
            bDeviceProtocol=0,
            bMaxPacketSize0=64,
            idVendor=vendor,
            idProduct=product,
            bcdDevice=0x0100,
            iManufacturer=0,
            iProduct=1 if dev.product else 0,
            iSerialNumber=2 if dev.serial else 0,
            bNumConfigurations=1,
            address=self.devices.index(dev) + 1,
            bus=dev.bus,
            port_number=dev.ports[-1] if dev.ports else 0,
            port_numbers=dev.ports or None,
            speed=3,
        )

    def open_device(self, dev: Plugged) -> Any:
        if dev.vanishes:
            raise usb.core.USBError("No such device (it may have been disconnected)", -4, 19)
        if not dev.openable:
            raise usb.core.USBError("Access denied (insufficient permissions)", -3, 13)
        self.opened += 1
        return dev

    def close_device(self, dev_handle: Plugged) -> None:  # noqa: ARG002
        self.opened -= 1

    def ctrl_transfer(
        self,
        dev_handle: Plugged,
        bmRequestType: int,  # noqa: N803 - pyusb's names
        bRequest: int,  # noqa: N803
        wValue: int,  # noqa: N803
        wIndex: int,  # noqa: N803, ARG002
        data: Any,
        timeout: int,  # noqa: ARG002
    ) -> Any:
        kind, index = wValue >> 8, wValue & 0xFF
        if kind == 3:
            reply = self._string(dev_handle, index)
        elif dev_handle.hub is not None and (bmRequestType, bRequest) == (0xA0, 6):
            reply = dev_handle.hub if dev_handle.hub[1:2] == bytes([kind]) else b""
        else:
            raise usb.core.USBError("Pipe error", -9, 32)
        reply = reply[: len(data)]
        data[: len(reply)] = array("B", reply)
        return len(reply)

    def _string(self, dev: Plugged, index: int) -> bytes:
        if index == 0:
            return bytes([4, 3, 0x09, 0x04])
        text = (dev.product if index == 1 else dev.serial) or ""
        coded = text.encode("utf-16-le", "surrogatepass")
        return bytes([2 + len(coded), 3]) + coded
