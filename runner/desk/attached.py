"""What is plugged into this computer: serial ports, debug probes, instruments, switchable ports."""

import functools
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from tinybench.declare import Declaration, Name, load
from tinybench.energy.monitor import monitors_by_usb
from tinybench.transport.usb_ports import comports, one_name

from ..build import board as boards
from ..build.board import VidPid
from .usb_devices import UsbDevice, usb_devices

BY_ID = Path("/dev/serial/by-id")


class Listed(Declaration, frozen=True, kw_only=True):
    """One kind of device."""

    usb: Annotated[list[VidPid], Meta(min_length=1)]
    name: str
    boards: list[Name] = []
    """Declared boards that it may be."""
    next: str = ""
    """How firmware gets into it."""


class UsbList(Declaration, frozen=True, kw_only=True):
    """All that is known by its number."""

    vendors: dict[str, str]
    """Kind of probe by VID, of vendors that make nothing else."""
    probe: list[Listed]
    boot_loader: list[Listed]
    """Chips that wait to be written."""
    application: list[Listed]
    """Boards by their chip's own USB."""

    @property
    def own(self) -> list[Listed]:
        """Boards that show by their chip, not by a probe or an adapter."""
        return [*self.boot_loader, *self.application]


@functools.cache
def usb_list() -> UsbList:
    """Return the list of the package."""
    return load(Path(str(files("tinybench.firmware"))) / "usb.toml", UsbList)


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
    may_be: list[str] = []
    """Boards by their chip's own USB: which ones, in their boot loader or under an application."""
    probe: str = ""
    """Kind of debug probe."""
    boot_loader: str = ""
    """What waits in its boot loader."""
    application: str = ""
    """The board on whose own USB an application is."""
    next: str = ""
    """How firmware gets into it, where a boot loader or an application is there."""
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
    kind = usb_list().vendors.get(usb.partition(":")[0], "")
    if (probe := _listed(usb_list().probe, usb)) is not None:
        kind = probe.name
    return kind or ("CMSIS-DAP" if "CMSIS-DAP" in product else "")


def _listed(kind: list[Listed], usb: str) -> Listed | None:
    return next((one for one in kind if usb in one.usb), None)


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
    found = found or any(device.usb in one.usb for one in usb_list().own)
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
    waits, runs = (_listed(kind, usb) for kind in (usb_list().boot_loader, usb_list().application))
    one = waits or runs
    stable = [names.get(os.path.realpath(port.device), "") for port in ports]
    return Thing(
        usb=usb,
        serial=serial,
        product=product,
        location=location,
        ports=[port.device for port in ports],
        by_id=[name for name in stable if name],
        boards=known.boards.get(usb, []),
        may_be=[] if one is None else one.boards,
        probe=probe_kind(usb, product),
        boot_loader="" if waits is None else waits.name,
        application="" if runs is None else runs.name,
        next="" if one is None else one.next,
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
