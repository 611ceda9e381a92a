"""The bench file: what stands on this desk, as its user has named it."""

import contextlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from tinybench.declare import Declaration, load, nearest
from tinybench.energy.monitor import MonitorSpec, drivers, load_spec
from tinybench.errors import DeclarationError, UsageError
from tinybench.expected import like

from ..build import board as boards
from ..results.defaults import BAUDS, ENERGY_BAUD
from .labgrid import PATTERN

BENCH_FILE = "bench.toml"
Hub = Annotated[
    str,
    like(
        r"^[0-9]+(-[0-9]+(\.[0-9]+)*)?:[0-9]+\Z",
        "the port of a hub as LOCATION:PORT, such as 1-1.4:2",
    ),
]
"""Location and port as uhubctl writes them: "1-1.4:2"."""
Key = Annotated[str, like(r"^[A-Za-z0-9][A-Za-z0-9_-]*\Z", "a name of letters, digits, _ and -")]
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
    dtr: bool | None = None
    """Whether its port is opened with DTR asserted; None: as its declaration says."""
    rts: bool | None = None
    boot_wait_s: boards.BootWait | None = None
    tags: list[Text] = []
    """What a job of a lab may ask of it, such as "radio"."""
    lock: Annotated[str, like(PATTERN, "labgrid: and the name of a place")] | None = None
    """What locks it beyond this computer: "labgrid:place"."""
    quiet: Key | None = None
    """In a lab: boards of one such group are still while the energy of one of them is measured."""


class DeskPort(Declaration, frozen=True, kw_only=True):
    """What carries a serial line, such as an interface board of this desk."""

    serial: Text | None = None
    port: Text | None = None
    dtr: bool | None = None
    """Whether it is opened with DTR asserted; None: it is."""
    rts: bool | None = None
    boot_wait_s: boards.BootWait = 0.0
    """Nothing is sent for so long after it was opened, nor less than the board behind it needs."""
    dut_baud: Annotated[int, Meta(ge=BAUDS[0], le=BAUDS[-1])] = ENERGY_BAUD
    """Of an interface board: the rate between it and the DUT."""


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


def line_of(desk: DeskBoard, bench: Bench, *, energy: bool) -> DeskPort:
    """Return what carries the serial line of a board; in energy mode often another device."""
    if energy and desk.interface_board is not None:
        return bench.interface_boards[desk.interface_board]
    own = own_line(desk)
    if energy and desk.energy_port is not None:
        return replace(own, serial=None, port=desk.energy_port)
    return own


def own_line(desk: DeskBoard) -> DeskPort:
    """Return what carries the serial line of a board itself."""
    return DeskPort(serial=desk.serial, port=desk.port, dtr=desk.dtr, rts=desk.rts)
