"""The door to this desk: what a request means is found once, and held for one run alone."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from tinybench.energy.monitor import insist_edges
from tinybench.errors import TinybenchError, UsageError
from tinybench.transport.serial_port import Opening

from ..build.board import Board
from ..build.task import Task, load_task, task_of
from ..dut.client import Dut
from ..results.defaults import STREAM
from ..results.request import MODELLED, Request
from .attached import Attached, look
from .bench import find_bench, load_bench, monitor_spec
from .choose import choose
from .labgrid import acquired, place_key
from .line import insist_attached, insist_reachable, open_line
from .lock_keys import locked_by, places_of, port_key
from .locks import hold
from .station import Site, Station

AUTO = "auto"
"""The task is that of the model the board holds."""


@contextlib.contextmanager
def reserved(
    request: Request,
    say: Callable[[str], None],
    looking: Callable[[], Attached] = look,
    *,
    port_needed: bool = True,
) -> Iterator[tuple[Station, Callable[[Path], None]]]:
    """Yield the station that a request means, while all of it is held.

    The bench file is read and this desk looked at once, here. Yields also a function that tells
    other runs the run folder. Unless `port_needed`, a probe or a hub port is enough of a board.
    Raises UsageError when there is no such board, more than one, or no such way to it, TakenError
    when another run has it, TransportError for a port that is not there; with `--task auto`
    whatever the board raises.
    """
    looking = cache(looking)
    bench = load_bench(find_bench())
    asked, board = choose(request, bench, say, looking, port_needed=port_needed)
    task = load_task(asked.task) if asked.task not in ("", AUTO) else None
    if asked.task == AUTO:
        _insist_asked(asked)
    asked = for_task(asked, task)
    if asked.ports or port_needed:
        insist_reachable(board, asked)
    monitor = None
    if asked.ports and asked.wants_energy and asked.monitor not in (None, MODELLED):
        monitor = insist_edges(monitor_spec(asked.monitor, bench))
    keys = locked_by(asked, monitor, bench, looking)
    places = places_of(keys.keys(), bench, looking)
    keys |= {place_key(one): f"labgrid's place {one}" for one in places}
    with hold(keys, asked.wait_s, say) as tell, acquired(places, asked.wait_s, say):
        insist_attached(asked)
        sites = _sites(asked, board, asked.ports or (() if port_needed else (None,)))
        if asked.task == AUTO:
            task = _task_on(sites[0], say)
            say(f"the board holds {task.model_id}: task {task.name}")
            asked = for_task(replace(asked, task=task.name), task)
        yield Station(asked, board, task, sites, monitor), tell


def order_of(request: Request, looking: Callable[[], Attached] = look) -> str:
    """Return by what boards are sorted of which one process holds several.

    That is what its port is locked by, for two desks may call a board otherwise: in the order of
    names one process would wait for the other. Empty where there is no port, or no such board,
    which is said when it is reserved.
    """
    looking = cache(looking)
    try:
        asked, _ = choose(request, load_bench(find_bench()), lambda _: None, looking)
        return port_key(asked.ports[0], looking().things) if asked.ports else ""
    except TinybenchError:
        return ""


def _sites(asked: Request, board: Board, ports: tuple[str | None, ...]) -> tuple[Site, ...]:
    opening = _opening(asked, board)
    return tuple(
        Site(
            port=port,
            baud=asked.baud,
            interface_board=asked.interface_board,
            dut_baud=asked.dut_baud,
            probe=asked.probe,
            hub=asked.hub,
            flasher=asked.flasher,
            opening=opening,
        )
        for port in ports
    )


def _opening(asked: Request, board: Board) -> Opening:
    """Return how the port is opened: as was asked, else as the board declares, if it is its own."""

    def state(line: str, wanted: bool | None, declared: bool | None) -> bool | None:
        if wanted is not None or asked.interface_board:
            return wanted
        if declared is None and board.reset is not None and board.reset.line == line:
            return False  # asserted, it would hold the board in reset
        return declared

    wait_s = board.boot_wait_s if asked.boot_wait_s is None else asked.boot_wait_s
    return Opening(
        dtr=state("dtr", asked.dtr, board.dtr),
        rts=state("rts", asked.rts, board.rts),
        wait_s=wait_s,
    )


def _insist_asked(asked: Request) -> None:
    """Raise UsageError when there is nobody to be asked for the task."""
    if not asked.ports:
        raise UsageError(
            f"--task auto asks the firmware on a board, but that of {asked.board} is built here, "
            "for a task: name it, such as --task kws"
        )
    if asked.mode == "energy":
        raise UsageError(
            "--task auto asks the board before the run, but in energy mode it has no supply then: "
            "name the task, such as --task kws"
        )


def for_task(asked: Request, task: Task | None) -> Request:
    """Return a request with the mode that its task has: a stream is a mode of its own.

    Raises UsageError for what means nothing for it.
    """
    if task is None or not task.streams:
        word = "--whole" if asked.whole else "--compatible" if asked.compatible else ""
        if word and task is not None:
            raise UsageError(f"{word} is of a stream, and task {task.name} is none: leave it out")
        return asked
    if asked.mode not in ("all", STREAM):
        raise UsageError(
            f"task {task.name} is a stream, which has no mode {asked.mode}: it is heard as a "
            "whole, and scored. Leave --mode and --scenario out"
        )
    if asked.engine is not None:
        raise UsageError(
            f"--engine {Path(asked.engine).name} hears nothing: the firmware of task {task.name} "
            "is built of a model: leave --engine out"
        )
    idle = {
        "--limit": asked.limit is not None,
        "--iterations": asked.iterations is not None,
        "--shards": asked.shards > 1,
        "a second --port": len(asked.ports) > 1,
    }
    for word in (word for word, given in idle.items() if given):
        raise UsageError(
            f"{word} means nothing for task {task.name}, one stream on one board: leave it out"
        )
    return replace(asked, mode=STREAM)


def _task_on(site: Site, say: Callable[[str], None]) -> Task:
    """Ask the board which model it holds."""
    with closing(open_line(site, say=say)) as port:
        dut = Dut(port, fast=False)
        model_id = dut.handshake().model_id
        with contextlib.suppress(TinybenchError):
            dut.leave()
    return task_of(model_id)
