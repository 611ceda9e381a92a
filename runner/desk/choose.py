"""Which board of this desk a request means: by its name, its kind, its port or its probe."""

from collections.abc import Callable

from msgspec.structs import replace

from tinybench.errors import AbsentError, TinybenchError, UsageError
from tinybench.files import is_there

from ..build import board as boards
from ..build.board import Board
from ..build.clock.at import at_clock
from ..results.defaults import DEFAULT_BAUD
from ..results.request import Request
from .attached import Attached, Thing, look
from .bench import BENCH_FILE, Bench, DeskBoard, DeskPort, line_of, own_line


def choose(
    request: Request,
    bench: Bench,
    say: Callable[[str], None],
    looking: Callable[[], Attached] = look,
    *,
    port_needed: bool = True,
) -> tuple[Request, Board]:
    """Return the board, and the request with its kind, port, probe, hub and monitor.

    A request that needs none of these is returned as it is. `say` is told which board was taken.
    Unless `port_needed`, a probe, a hub port or a boot loader that waits is enough of a board.
    Raises AbsentError when there is none, or more than one without a choice; UsageError for what
    cannot be, whatever is attached.
    """
    desk = bench.boards.get(request.board)
    kind = request.board if desk is None else desk.board
    if desk is None and not kind.endswith(".toml") and kind not in boards.names():
        raise UsageError(boards.no_board(kind, [*boards.names(), *bench.boards]))
    named = {} if desk is None else {request.board: desk}
    if request.clock_hz is not None:
        named = named or of_kind(bench, boards.load_board(kind, emulate=request.emulate))
        kind = at_clock(kind, request.clock_hz)
    board = boards.load_board(kind, emulate=request.emulate).on_cores(request.cores)
    request = replace(request, board=kind, clock_hz=None)
    if request.emulate:
        return request, board
    if desk is not None:
        request = _with_desk(request, desk)
    if request.ports:
        return request, board
    try:
        return _found(request, board, named, bench, say, looking), board
    except UsageError:
        any_probe = board.attached is not None and not board.attached.usb
        enough = request.probe or request.hub or any_probe or _waits(board, looking)
        if port_needed or not enough:
            raise
        return request, board


def _found(
    request: Request,
    board: Board,
    named: dict[str, DeskBoard],
    bench: Bench,
    say: Callable[[str], None],
    looking: Callable[[], Attached],
) -> Request:
    """Look for the board among what is attached; `named`: the one that the request names."""
    named = named or of_kind(bench, board)
    if not named and board.attached is None:
        return request
    found = looking()
    energy = request.mode == "energy"
    if not named:
        thing = _only_attached(board, found, request.probe)
        insist_line(board, energy)
        port = _only_port(thing, f"the {board.name} {_described(thing)}")
        say(f"board {board.name}: {_described(thing)}")
        return replace(request, ports=(port,), probe=request.probe or _probe(thing))
    if request.probe is not None:
        of_probe = {n: d for n, d in named.items() if request.probe in (d.serial, d.probe)}
        named = of_probe or named
    lines = {name: line_of(desk, bench, energy=energy) for name, desk in named.items()}
    chosen, port = _only_named(board, lines, found)
    desk = named[chosen]
    if lines[chosen] == own_line(desk):
        insist_line(board, energy)
    say(f"board {chosen}: {board.name} at {port}")
    request = _with_desk(replace(request, ports=(port,)), desk)
    own = [thing for thing in found.things if desk.serial and thing.serial == desk.serial]
    request = replace(request, probe=request.probe or _probe(own[0] if own else None))
    if energy and desk.interface_board is not None:
        # Its line to this computer has a rate and modem lines of its own.
        line = lines[chosen]
        own_s = board.boot_wait_s if request.boot_wait_s is None else request.boot_wait_s
        request = replace(
            request,
            interface_board=True,
            baud=DEFAULT_BAUD,
            dut_baud=line.dut_baud,
            dtr=line.dtr,
            rts=line.rts,
            boot_wait_s=max(own_s, line.boot_wait_s),
        )
    return request


def absent(bench: Bench, looking: Callable[[], Attached] = look) -> dict[str, str]:
    """Return of each board of a bench file that cannot be reached why: {its name: words}.

    One that is reached in energy mode alone, by its interface board, is there. Raises
    TransportError as `look`.
    """
    found = looking()
    why = {}
    for name, desk in bench.boards.items():
        lines = [own_line(desk), line_of(desk, bench, energy=True)]
        try:
            if all(_port_of(line, found, name) is None for line in lines):
                why[name] = f"{desk.serial or desk.port} is not attached"
        except UsageError as error:
            why[name] = str(error)
    return why


def insist_line(board: Board, energy: bool) -> None:
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
    own = not request.interface_board  # whose port has other lines than the board's
    return replace(
        request,
        probe=request.probe or desk.probe,
        flasher=request.flasher or desk.flasher,
        hub=request.hub or desk.hub,
        monitor=monitor,
        dtr=desk.dtr if own and request.dtr is None else request.dtr,
        rts=desk.rts if own and request.rts is None else request.rts,
        boot_wait_s=desk.boot_wait_s if request.boot_wait_s is None else request.boot_wait_s,
    )


def of_kind(bench: Bench, board: Board) -> dict[str, DeskBoard]:
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
        raise AbsentError(
            f"{wanted} of {BENCH_FILE} {'is' if len(lines) == 1 else 'are'} not attached; "
            f"attached: {_all(found.things)}{_emulation(board)}"
        )
    listed = "; ".join(
        f"{name}: {line.serial or 'no serial number'} at {port}" for name, line, port in here
    )
    raise AbsentError(
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
        raise AbsentError(
            f"{len(here)} boards may be the {board.name} ({listed}); choose one with --port "
            f"or --probe, or name them in {BENCH_FILE} (tinybench bench init) and choose by "
            "--board NAME"
        )
    if not usb:
        raise AbsentError(
            f"board {board.name} has no USB number to be found by; {_there(board, found)}. "
            f"Give its --port, or name it in {BENCH_FILE} (tinybench bench init)"
            f"{_emulation(board)}"
        )
    raise AbsentError(
        f"no {board.name} is attached: looked for a serial port of USB {', '.join(usb)}; "
        f"{_there(board, found)}. Plug it in, or give its --port{_emulation(board)}"
    )


def _there(board: Board, found: Attached) -> str:
    """Say what is attached instead; before the rest what may be the board by its chip's own USB."""
    own = [thing for thing in found.things if board.name in thing.may_be]
    rest = [thing for thing in found.things if thing not in own]
    first = f"by its own USB this may be it: {_all(own)}; " if own else ""
    return f"{first}attached{' besides' if own else ''}: {_all(rest)}"


def _emulation(board: Board) -> str:
    """Say that the board can be emulated, where it can."""
    try:
        boards.load_board(board.name, emulate=True)
    except TinybenchError:
        return ""
    return "; without the board: --emulate"


def _waits(board: Board, looking: Callable[[], Attached]) -> bool:
    """Return whether what may be the board waits in its boot loader, where it has no port."""
    return any(thing.boot_loader and board.name in thing.may_be for thing in looking().things)


def _port_of(line: DeskPort, found: Attached, name: str) -> str | None:
    """Return the port of what a bench file names; None where it is not attached."""
    there = line.port is None or "://" in line.port or is_there(line.port)
    if line.serial is None:
        return line.port if there else None
    same = [thing for thing in found.things if thing.serial == line.serial and thing.ports]
    if len(same) > 1:
        raise AbsentError(
            f"{len(same)} devices have the serial number {line.serial} of {name} ({_all(same)}); "
            f"name it by port instead of serial in {BENCH_FILE}"
        )
    if not same or not there:
        return None
    return line.port or _only_port(same[0], name)


def _only_port(thing: Thing, name: str) -> str:
    if len(thing.ports) > 1:
        raise AbsentError(
            f"{name} has {len(thing.ports)} serial ports ({', '.join(thing.ports)}): choose one "
            f"with --port, or by port = in {BENCH_FILE}"
        )
    return thing.by_id[0] if thing.by_id else thing.ports[0]


def _probe(thing: Thing | None) -> str | None:
    """Return the serial number of the debug probe that carries the port, if one does."""
    return thing.serial or None if thing is not None and thing.probe else None


def _described(thing: Thing) -> str:
    return f"{thing.serial or 'no serial number'} at {', '.join(thing.ports) or thing.location}"


def _all(things: list[Thing]) -> str:
    return "; ".join(map(_shown, things)) or "nothing"


def _shown(thing: Thing) -> str:
    """Return what a thing is, where it is known, its number and where it is."""
    waits = f"boot loader of {thing.boot_loader}" if thing.boot_loader else thing.application
    said = f"{thing.usb} {_described(thing)}".strip()
    return f"{said} ({waits}; next: {thing.next})" if waits else said
