"""What a run locks its board, probe and monitor by: serial numbers, else ports."""

import os
from collections.abc import Callable, Set

from tinybench.energy.monitor import MonitorSpec
from tinybench.files import is_there
from tinybench.transport.usb_ports import one_name

from ..results.request import Request
from .attached import Attached, Thing, look, thing_at
from .bench import Bench, DeskPort, line_of, own_line


def locked_by(
    request: Request,
    monitor: MonitorSpec | None,
    bench: Bench,
    looking: Callable[[], Attached] = look,
) -> dict[str, str]:
    """Return what a run must have for itself: {key of the lock: its name in messages}."""
    if not (request.ports or request.probe or request.hub):
        return {}
    found = looking()
    keys = {}
    for port in request.ports:
        key = port_key(port, found.things)
        keys[key] = f"the {'interface board' if request.interface_board else 'board'} at {port}"
    if request.mode == "energy" and request.ports:
        keys = _behind(request.ports[0], bench, found.things) | keys
    if request.probe is not None:
        keys.setdefault(_serial_key(request.probe, found.things), f"the probe {request.probe}")
    if request.hub is not None and not request.ports:
        keys[f"hub {request.hub}"] = f"the hub port {request.hub}"
    if monitor is not None:
        keys |= monitor_keys(monitor, found.things)
    return keys


def places_of(keys: Set[str], bench: Bench, looking: Callable[[], Attached] = look) -> list[str]:
    """Return what locks boards of the bench file beyond this computer; `keys`: those of a run."""
    locked = [desk for desk in bench.boards.values() if desk.lock is not None]
    if not keys or not locked:
        return []
    things = looking().things
    return [one.lock for one in locked if one.lock and keys & set(_keys_of(own_line(one), things))]


def _behind(port: str, bench: Bench, things: list[Thing]) -> dict[str, str]:
    """Return the keys of the boards of the bench file whose line in energy mode is that port."""
    keys = {}
    for name, desk in bench.boards.items():
        if port_key(port, things) in _keys_of(line_of(desk, bench, energy=True), things):
            keys |= dict.fromkeys(_keys_of(own_line(desk), things), f"the board {name}")
    return keys


def _keys_of(line: DeskPort, things: list[Thing]) -> list[str]:
    if line.serial is not None:
        return [_serial_key(line.serial, things)]
    return [port_key(line.port, things)] if line.port is not None else []


def port_key(port: str, things: list[Thing]) -> str:
    """Return what a port is locked by: the serial number behind it, else its resolved path."""
    if "://" in port:
        return port
    thing = thing_at(port, things)
    if thing is not None and thing.serial:
        return _serial_key(thing.serial, things, one_name(port))
    return one_name(port)


def monitor_keys(spec: MonitorSpec, things: list[Thing]) -> dict[str, str]:
    """Return what a monitor is locked by: its serial number, else its port."""
    if spec.driver == "replay":
        return {}
    name = f"the monitor {spec.driver}"
    if spec.serial is not None:
        return {_serial_key(spec.serial, things): f"{name} {spec.serial}"}
    if spec.port is not None:
        path = one_name(spec.port) != os.path.realpath(spec.port) or is_there(spec.port)
        return {port_key(spec.port, things) if path else spec.port: f"{name} at {spec.port}"}
    here = [thing for thing in things if thing.monitor == spec.driver and thing.serial]
    if len(here) == 1:
        return {_serial_key(here[0].serial, things): f"{name} {here[0].serial}"}
    return {spec.driver: name}  # opening it says what is wrong


def _serial_key(serial: str, things: list[Thing], otherwise: str | None = None) -> str:
    """Return a key for a serial number; of cheap adapters several may have the same one."""
    same = [thing for thing in things if thing.serial == serial]
    return otherwise if otherwise is not None and len(same) > 1 else f"serial {serial}"
