"""Trials of noise on a board: weights are written over the link, or else built in and flashed."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tinybench.errors import (
    BenchError,
    ModelError,
    OtherDutError,
    TinybenchError,
    UsageError,
)
from tinybench.models.compiler.emit import bytes_of, constants_of, form_of, printed_as
from tinybench.models.compiler.graph import Graph
from tinybench.models.compiler.lower import lower
from tinybench.models.model_file import read_model_file
from tinybench.models.patched_file import written
from tinybench.scratch import scratch

from ...build.board import Board
from ...build.firmware import Image, build
from ...build.inputs import resolve
from ...build.task import Task, load_task
from ...desk.flash import load
from ...desk.identity import insist_task
from ...desk.line import open_line
from ...desk.reserve import order_of, reserved
from ...desk.station import Station
from ...dut.client import Dut
from ...dut.inference import answered
from ...dut.patches import holds, patch, takes_patches
from ...results.provenance import board_serial
from ...results.request import Request
from ...results.words import request_of
from ..host_engine import Floats, Values
from ..shards import Boards, well
from ..subject import Subject
from ..work import Work

TRIES = 3
"""Times that a trial is done whose board lost its weights, as by a restart."""


@dataclass(frozen=True)
class Seat:
    """A board that trials are done on, one at a time."""

    name: str
    """On this desk, and at which serial number or port; of one that is emulated empty."""
    station: Station
    dut: Dut | None
    """That takes patches; None: it is built, and loaded, anew for each trial."""


@dataclass(frozen=True)
class There:
    """Where trials are done beside this computer."""

    of: Subject
    board: Board
    task: Task
    model: bytes
    form: bytes
    """Of the steps whose constants the boards hold."""
    seats: Boards[Seat]
    patched: bool
    """Whether all of them take patches."""
    on_ports: bool
    """Whether each has one line, and is no child process."""
    decimals: int
    """That a board prints of each result."""
    say: Callable[[str], None]


@contextmanager
def opened(of: Subject, work: Work) -> Iterator[There]:
    """Build firmware that takes patches, and open as many boards with it as work at a time.

    Where there is none, as of a port without frames or of too little RAM, each trial is built. Of
    several boards those that cannot be opened are out. Raises UsageError, ModelError where no trial
    fits, and what a board raises; BoardOutError where all are out.
    """
    if any(one.type == "FLOAT32" for one in of.graph.tensors if one.data is not None):
        raise UsageError(
            f"{of.model} has weights of floats: on a board those of integers are studied"
        )
    words, shards, say = work.words, work.shards, work.say
    said: dict[str, Any] = {k: v for k, v in words.items() if v and k != "board"}
    found = resolve(load_task(words["task"]), words.get("data"), words.get("model")).model
    with ExitStack() as held, ExitStack() as stack:
        out = dict[str, TinybenchError]()

        def request(name: str) -> Request:
            return request_of(**said, board=name, division="open")

        def station_of(name: str) -> Station:
            return held.enter_context(reserved(request(name), say))[0]

        # In one order, so that no two studies wait for each other.
        names = sorted(work.boards, key=lambda name: order_of(request(name))) or (words["board"],)
        stations = well(names, station_of, out, say)
        station = next(iter(stations.values()))
        board, task = station.board, station.task
        if task is None or board.toolchain is None:
            raise UsageError(f"board {board.name} holds firmware of its own: none is built for it")
        on_ports = bool(station.sites)
        if not on_ports:
            stations = {f"{board.name} {n}": station for n in range(1, shards + 1)}
        duts: dict[str, Dut | None] = dict.fromkeys(stations)
        try:
            image = build(board, task, found, patches=True)
        except ModelError as error:  # as where RAM does not hold the weights
            say(f"{board.name} takes no weights over its line: {error}")
        else:
            met = partial(_met, stations, task, image, stack, say)
            duts = well(stations, met, out, say) if on_ports else {n: met(n) for n in stations}
        patched = all(duts.values())
        if not patched:
            say(f"{board.name} is built, and loaded, anew for each trial")
            stack.close()
            build(board, task, found)  # what does not fit is said before there is a folder
        seats = {
            name: Seat(_called(name, stations[name]), stations[name], one if patched else None)
            for name, one in duts.items()
        }
        _, steps = lower(of.graph, board.toolchain.kernels)
        yield There(
            of=of, board=board, task=task, model=read_model_file(found),
            form=form_of(steps), patched=patched,
            seats=Boards(seats, say, out, named=on_ports), on_ports=on_ports,
            decimals=printed_as(of.graph, of.interface)[0], say=say,
        )  # fmt: skip


def _met(
    stations: Mapping[str, Station],
    task: Task,
    image: Image,
    stack: ExitStack,
    say: Callable[[str], None],
    name: str,
) -> Dut | None:
    """Return a board with the image on it; None where it takes no patches."""
    board, sites = stations[name].board, stations[name].sites[:1]
    if sites:
        load(board, image, sites[0], say, write=True)
    way = sites[0] if sites else board.command(image.elf)
    dut = Dut(stack.enter_context(closing(open_line(way))))
    insist_task(dut.handshake(), task, image)
    return dut if takes_patches(dut) else None


def _called(name: str, station: Station) -> str:
    """Return what tells a board from others, though two are called by one name, or by their kind.

    Empty for a child process.
    """
    port = station.sites[0].port if station.sites else None
    return "" if port is None else f"{name} at {board_serial(port) or port}"


def infer_there(there: There, graph: Graph, stop: threading.Event) -> tuple[Values, str]:
    """Return a board's results [inputs][values] with the weights of a graph, and its name.

    Who waits for a board is interrupted once `stop` is set.
    Raises what a board raises, and OtherDutError where it lost the weights again and again.
    """
    assert there.board.toolchain is not None  # noqa: S101 - asked for when it was opened
    _, steps = lower(graph, there.board.toolchain.kernels)
    fits = form_of(steps) == there.form
    if there.patched and not fits and there.on_ports:
        raise BenchError(
            f"weights of a trial do not fit the kernels that {there.board.name} was built with, "
            "and its one line is in use: ask for less noise"
        )
    constants = [bytes_of(one) for _, one in constants_of(steps)]
    with there.seats.one(stop) as seat:
        if seat.dut is None or not fits:
            return _built(there, seat.station, graph), seat.name
        for _ in range(TRIES):
            patch(seat.dut, constants)
            found = _inferred(there, seat.dut)
            if holds(seat.dut, constants):
                return found, seat.name
        raise OtherDutError(
            f"{there.board.name} lost the weights of a trial {TRIES} times while it inferred: does "
            "it restart, as by a watchdog or a weak supply?"
        )


def _inferred(there: There, dut: Dut) -> Values:
    rows = [answered(dut.infer(one.tobytes(), 1, 0).results) for one in there.of.inputs]
    return np.array(rows, np.float64)


def _built(there: There, station: Station, graph: Graph) -> Values:
    """Build the firmware with these weights in it, load it, and infer."""
    try:
        data = written(there.model, there.of.graph, graph)
    except BenchError as error:
        raise BenchError(f"{error}; take a board whose line takes patches") from error
    sites = station.sites[:1]
    with scratch() as folder:
        model = folder / "model.tflite"
        model.write_bytes(data)
        image: Image = build(there.board, there.task, model)
        if sites:
            load(there.board, image, sites[0], there.say, write=True)
        way = sites[0] if sites else there.board.command(image.elf)
        with closing(open_line(way)) as line:
            dut = Dut(line)
            insist_task(dut.handshake(), there.task, image)
            return _inferred(there, dut)


def same(there: Values, here: Floats, decimals: int) -> int:
    """Return to how many inputs a board answers what this computer does.

    A board prints so many decimals as tell any two outputs apart.
    """
    near = np.abs(there - here) <= 10.0**-decimals
    return int((near | (np.isnan(there) & np.isnan(here))).all(axis=1).sum())
