"""What stands on this desk: the bench file, and the one board of it that a run means."""

import contextlib
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from tinybench.declare import Declaration, load, nearest
from tinybench.energy.monitor import MonitorSpec, drivers, load_spec
from tinybench.errors import DeclarationError, TinybenchError, UsageError

from ..build import board as boards
from ..build.board import Board
from ..results.request import DEFAULT_BAUD, Request
from .attached import Attached, Thing, look

BENCH_FILE = "bench.toml"
Hub = Annotated[str, Meta(pattern=r"^[0-9]+(-[0-9]+(\.[0-9]+)*)?:[0-9]+\Z")]
"""Location and port as uhubctl writes them: "1-1.4:2"."""
Key = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*\Z")]
"""What is named on this desk."""
Text = Annotated[str, Meta(min_length=1)]


class DeskBoard(Declaration, frozen=True, kw_only=True):
    """A board of this desk."""

    board: Text
    """Name of its declaration, or a .toml file, from the folder of the bench file."""
    serial: Text | None = None
    """Serial number of the USB device that carries its serial port."""
    port: Text | None = None
    """Its serial port, where there is no serial number, or more than one port."""
    probe: Text | None = None
    """Serial number of its debug probe, where that is another device."""
    flasher: Text | None = None
    """Which of its flashers writes it; None: the first one declared."""
    hub: Hub | None = None
    """Hub port that switches its power."""
    monitor: Text | None = None
    """What supplies and measures it in energy mode: a name in `monitors`, or a driver."""
    energy_port: Text | None = None
    """Its serial port in energy mode, where the energy build talks on other pins."""
    interface_board: Text | None = None
    """What isolates it in energy mode: a name in `interface_boards`."""


class DeskPort(Declaration, frozen=True, kw_only=True):
    """What carries a serial line, such as an interface board of this desk."""

    serial: Text | None = None
    port: Text | None = None


class Bench(Declaration, frozen=True, kw_only=True):
    """What a bench file says."""

    boards: dict[Key, DeskBoard] = {}
    monitors: dict[Key, MonitorSpec] = {}
    interface_boards: dict[Key, DeskPort] = {}


def find_bench(start: Path | None = None) -> Path | None:
    """Return the bench file: the nearest upward from `start`, else the user's; None without one.

    TINYBENCH_BENCH names another one.
    """
    own = os.environ.get("TINYBENCH_BENCH")
    if own:
        return Path(own)
    places = []
    with contextlib.suppress(OSError):  # the working folder is gone
        start = (start or Path.cwd()).absolute()
        places = [folder / BENCH_FILE for folder in (start, *start.parents)]
    return next(filter(_is_file, [*places, user_bench()]), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # in a folder that this user may not look into
        return False


def user_bench() -> Path:
    """Return where the user's own bench file is, or would be."""
    import platformdirs

    return platformdirs.user_config_path("tinybench") / BENCH_FILE


def load_bench(path: Path | None) -> Bench:
    """Load a bench file; an empty bench without one.

    Raises DeclarationError naming the file, the key and the nearest valid name.
    """
    if path is None:
        return Bench()
    bench = load(path, Bench)
    at_home = {
        name: replace(desk, board=str(path.parent / desk.board))
        if desk.board.endswith(".toml")
        else desk
        for name, desk in bench.boards.items()
    }
    bench = replace(bench, boards=at_home)
    for name, desk in bench.boards.items():
        _check(path, bench, name, desk)
    for name, spec in bench.monitors.items():
        _insist(path, f"monitors.{name}.driver", spec.driver, drivers())
    for name, port in bench.interface_boards.items():
        if port.serial is None and port.port is None:
            raise DeclarationError(f"{path}: interface_boards.{name} needs the key serial or port")
    return bench


def _check(path: Path, bench: Bench, name: str, desk: DeskBoard) -> None:
    where = f"boards.{name}"
    if not desk.board.endswith(".toml"):
        _insist(path, f"{where}.board", desk.board, boards.names())
    board = boards.load_board(desk.board)
    if board.emulated:
        raise DeclarationError(
            f"{path}: key '{where}.board': board {board.name} is emulated; a desk has real ones"
        )
    if name in boards.names() and name != board.name:
        raise DeclarationError(
            f"{path}: '{where}' is called as another kind of board than it is; rename it"
        )
    if desk.flasher is not None:
        _insist(path, f"{where}.flasher", desk.flasher, board.flash)
    if desk.serial is None and desk.port is None:
        raise DeclarationError(f"{path}: {where} needs the key serial or port")
    if desk.monitor is not None and desk.monitor not in drivers():
        _insist(path, f"{where}.monitor", desk.monitor, bench.monitors)
    if desk.interface_board is not None:
        _insist(path, f"{where}.interface_board", desk.interface_board, bench.interface_boards)


def _insist(path: Path, key: str, name: str, valid: Collection[str]) -> None:
    """Raise DeclarationError unless a name is one of the valid ones."""
    if name not in valid:
        raise DeclarationError(f"{path}: key '{key}': there is no '{name}': {nearest(name, valid)}")


def monitor_spec(name: str, bench: Bench) -> MonitorSpec:
    """Return the monitor of that name on this desk, else a driver's or that of a .toml file.

    Raises UsageError for an unknown name, DeclarationError for a wrong file.
    """
    if name in bench.monitors:
        return bench.monitors[name]
    try:
        return load_spec(name)
    except DeclarationError:
        raise
    except UsageError as error:
        here = f"; on this desk: {', '.join(bench.monitors)}" if bench.monitors else ""
        raise UsageError(f"{error}{here}") from None


def on_desk(
    request: Request,
    bench: Bench,
    say: Callable[[str], None],
    looking: Callable[[], Attached] = look,
) -> Request:
    """Return the request with the port, probe, hub and monitor of the board that it means.

    A request that needs none of this is returned as it is. `say` is told which board was taken.
    Raises UsageError when there is none, or more than one without a choice.
    """
    name = request.board
    desk = bench.boards.get(name)
    kind = name if desk is None else desk.board
    if desk is None and not kind.endswith(".toml") and kind not in boards.names():
        raise UsageError(
            f"there is no board '{kind}': {nearest(kind, [*boards.names(), *bench.boards])}"
        )
    request = replace(request, board=kind)
    if request.emulate:
        return request
    if request.ports:
        return request if desk is None else _with_desk(request, desk)
    board = boards.load_board(kind)
    named = {name: desk} if desk is not None else _of_kind(bench, board)
    if not named and board.attached is None:
        return request
    found = looking()
    energy = request.mode == "energy"
    if not named:
        thing = _only_attached(board, found, request.probe)
        _insist_line(board, energy)
        port = _only_port(thing, f"the {board.name} {_described(thing)}")
        say(f"board {board.name}: {_described(thing)}")
        return replace(request, ports=(port,), probe=request.probe or _probe(thing))
    if request.probe is not None:
        of_probe = {n: d for n, d in named.items() if request.probe in (d.serial, d.probe)}
        named = of_probe or named
    lines = {name: line_of(desk, bench, energy=energy) for name, desk in named.items()}
    chosen, port = _only_named(board, lines, found)
    desk = named[chosen]
    if lines[chosen] == DeskPort(serial=desk.serial, port=desk.port):
        _insist_line(board, energy)
    say(f"board {chosen}: {board.name} at {port}")
    request = _with_desk(replace(request, ports=(port,)), desk)
    own = [thing for thing in found.things if desk.serial and thing.serial == desk.serial]
    request = replace(request, probe=request.probe or _probe(own[0] if own else None))
    if energy and desk.interface_board is not None:
        # Its line to this computer has a rate of its own.
        request = replace(request, interface_board=True, baud=DEFAULT_BAUD)
    return request


def without_port(request: Request, bench: Bench) -> Request | None:
    """Return the request for a board that has no port here, by its probe or its hub port.

    None where neither is known, and the board is of a kind that shows as a serial port. Raises
    UsageError for an unknown board.
    """
    desk = bench.boards.get(request.board)
    if desk is not None:
        request = replace(_with_desk(request, desk), board=desk.board)
    attached = boards.load_board(request.board).attached
    any_probe = attached is not None and not attached.usb
    return request if request.probe or request.hub or any_probe else None


def line_of(desk: DeskBoard, bench: Bench, *, energy: bool) -> DeskPort:
    """Return what carries the serial line of a board; in energy mode often another device."""
    if energy and desk.interface_board is not None:
        return bench.interface_boards[desk.interface_board]
    if energy and desk.energy_port is not None:
        return DeskPort(port=desk.energy_port)
    return DeskPort(serial=desk.serial, port=desk.port)


def _insist_line(board: Board, energy: bool) -> None:
    """Raise UsageError in energy mode when the board's own port does not reach the energy build."""
    if energy and board.attached is not None and not board.attached.energy:
        raise UsageError(
            f"the energy build of {board.name} talks on other pins than its own port: name what is "
            f"wired there with --port, or in {BENCH_FILE} as interface_board or energy_port"
        )


def _with_desk(request: Request, desk: DeskBoard) -> Request:
    monitor = request.monitor
    if request.mode == "energy" and monitor is None:
        monitor = desk.monitor
    return replace(
        request,
        probe=request.probe or desk.probe,
        flasher=request.flasher or desk.flasher,
        hub=request.hub or desk.hub,
        monitor=monitor,
    )


def _of_kind(bench: Bench, board: Board) -> dict[str, DeskBoard]:
    """Return the boards of this desk that are of one kind; none for one that needs no port."""
    if board.emulator is not None:
        return {}
    return {
        name: desk
        for name, desk in bench.boards.items()
        if boards.load_board(desk.board).name == board.name
    }


def _only_named(board: Board, lines: dict[str, DeskPort], found: Attached) -> tuple[str, str]:
    """Return the name and the port of the one board of the bench file that is attached."""
    here = [
        (name, line, port)
        for name, line in lines.items()
        if (port := _port_of(line, found, name)) is not None
    ]
    if len(here) == 1:
        return here[0][0], here[0][2]
    if not here:
        wanted = ", ".join(f"{name} ({line.serial or line.port})" for name, line in lines.items())
        raise UsageError(
            f"{wanted} of {BENCH_FILE} {'is' if len(lines) == 1 else 'are'} not attached; "
            f"attached: {_all(found.things)}{_emulation(board)}"
        )
    listed = "; ".join(
        f"{name}: {line.serial or 'no serial number'} at {port}" for name, line, port in here
    )
    raise UsageError(
        f"{len(here)} boards of the kind {board.name} are attached ({listed}); choose one by its "
        f"name, such as --board {here[0][0]}"
    )


def _only_attached(board: Board, found: Attached, probe: str | None) -> Thing:
    """Return the one thing that may be the board, of all that is attached; of two, the probe's."""
    usb = board.attached.usb if board.attached is not None else []
    here = [thing for thing in found.things if thing.usb in usb and thing.ports]
    if len(here) > 1 and probe is not None:
        here = [thing for thing in here if thing.serial == probe] or here
    if len(here) == 1:
        return here[0]
    if here:
        listed = "; ".join(_described(thing) for thing in here)
        raise UsageError(
            f"{len(here)} boards may be the {board.name} ({listed}); choose one with --port "
            f"or --probe, or name them in {BENCH_FILE} (tinybench bench init) and choose by "
            "--board NAME"
        )
    if not usb:
        raise UsageError(
            f"board {board.name} has no USB number to be found by; attached: {_all(found.things)}. "
            f"Give its --port, or name it in {BENCH_FILE} (tinybench bench init)"
            f"{_emulation(board)}"
        )
    raise UsageError(
        f"no {board.name} is attached: looked for a serial port of USB {', '.join(usb)}; attached: "
        f"{_all(found.things)}. Plug it in, or give its --port{_emulation(board)}"
    )


def _emulation(board: Board) -> str:
    """Say that the board can be emulated, where it can."""
    try:
        boards.load_board(board.name, emulate=True)
    except TinybenchError:
        return ""
    return "; without the board: --emulate"


def _port_of(line: DeskPort, found: Attached, name: str) -> str | None:
    """Return the port of what a bench file names; None where it is not attached."""
    there = line.port is None or "://" in line.port or Path(line.port).exists()
    if line.serial is None:
        return line.port if there else None
    same = [thing for thing in found.things if thing.serial == line.serial and thing.ports]
    if len(same) > 1:
        raise UsageError(
            f"{len(same)} devices have the serial number {line.serial} of {name} ({_all(same)}); "
            f"name it by port instead of serial in {BENCH_FILE}"
        )
    if not same or not there:
        return None
    return line.port or _only_port(same[0], name)


def _only_port(thing: Thing, name: str) -> str:
    if len(thing.ports) > 1:
        raise UsageError(
            f"{name} has {len(thing.ports)} serial ports ({', '.join(thing.ports)}): choose one "
            f"with --port, or by port = in {BENCH_FILE}"
        )
    return thing.by_id[0] if thing.by_id else thing.ports[0]


def thing_at(port: str, things: list[Thing]) -> Thing | None:
    """Return the thing that a port belongs to, by whatever name the port is given."""
    real = os.path.realpath(port)
    for thing in things:
        if any(os.path.realpath(own) == real for own in thing.ports):
            return thing
    return None


def _probe(thing: Thing | None) -> str | None:
    """Return the serial number of the debug probe that carries the port, if one does."""
    return thing.serial or None if thing is not None and thing.probe else None


def _described(thing: Thing) -> str:
    return f"{thing.serial or 'no serial number'} at {', '.join(thing.ports) or thing.location}"


def _all(things: list[Thing]) -> str:
    return "; ".join(f"{thing.usb} {_described(thing)}".strip() for thing in things) or "nothing"
