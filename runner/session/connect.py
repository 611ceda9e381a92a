"""The way to a board and back: its line opened and recorded, its identity insisted on."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tinybench.energy.monitor import MonitorSpec, open_monitor
from tinybench.errors import OtherDutError, TinybenchError
from tinybench.transport.emulator_count import emulator_count
from tinybench.transport.recorder import Recorder
from tinybench.transport.transcript import transcripts
from tinybench.transport.transport import Transport

from ..build.board import Board
from ..build.firmware import Image
from ..build.inputs import Inputs
from ..build.task import Task
from ..desk.flash import load
from ..desk.identity import insist_task
from ..desk.line import Way, open_line
from ..desk.station import Site
from ..dut.client import Dut
from ..dut.interface_board import InterfaceBoard
from ..export.kept import insist_model
from ..measure import energy_mode
from ..results.journal import Entry
from ..results.names import ENERGY_TRANSCRIPT_FILE, TRANSCRIPT_FILE
from ..results.result import Link
from .known import Known


@dataclass
class Met:
    """Who was met on the line, and how the line was."""

    vendor: str = ""
    link: Link | None = None


def load_boards(
    board: Board,
    image: Image | None,
    sites: Sequence[Site],
    monitor: MonitorSpec | None,
    say: Callable[[str], None],
    *,
    write: bool,
) -> None:
    """Make sure that each board on a port holds the image that was built for it.

    Only where the board says how. `monitor`: what supplies it; `say` takes a sentence for the
    user; `write`: where it holds another image, write this one. Raises any TinybenchError.
    """
    if image is None or not (board.flash or board.reset or any(site.hub for site in sites)):
        return
    with ExitStack() as stack:
        supply = None
        if monitor is not None:
            supply = stack.enter_context(closing(open_monitor(monitor)))
            supply.power_on()
        for site in sites:
            load(board, image, site, say, write=write, supply=supply)


@contextlib.contextmanager
def open_boards(
    board: Board,
    lines: Sequence[Way],
    folder: Path,
    verify: bool,
    raise_baud: bool,
    say: Callable[[str], None],
) -> Iterator[list[Dut]]:
    """Open the line to each board, recorded in the run folder; all are left and closed at the end.

    A line is where a board is, or the command of a child process. Raises TransportError or
    UsageError when one cannot be opened.
    """
    with ExitStack() as stack:
        counts = [
            stack.enter_context(emulator_count(board.instruction_ns)) if board.counts else None
            for _ in lines
        ]
        # All of them, before the first is recorded: a run that cannot begin leaves nothing.
        opened = [
            stack.enter_context(closing(open_line(line, count.words if count else (), say)))
            for line, count in zip(lines, counts, strict=True)
        ]
        duts = []
        for index, transport in enumerate(opened):
            name = TRANSCRIPT_FILE if index == 0 else f"transcript-{index}.jsonl"
            recorded = stack.enter_context(closing(Recorder(transport, folder / name)))
            counted = counts[index]
            answered = counted and partial(counted.ask, note=recorded.note)
            duts.append(Dut(recorded, verify=verify, probe=raise_baud, answered=answered))
            if counted is not None:
                stack.callback(counted.hear, recorded.note)
            if counted is not None or isinstance(lines[index], Site):
                stack.callback(_leave, duts[-1])
        yield duts


def line_was_open(folder: Path) -> bool:
    """Return whether a line of this run has ever been open: then it is worth going on with."""
    return bool(transcripts(folder))


@contextlib.contextmanager
def energy_bench(
    board: Board,
    task: Task,
    image: Image | None,
    inputs: Inputs,
    site: Site | None,
    monitor: MonitorSpec | None,
    folder: Path,
    met: Met,
    verify: bool,
    named: bool,
    say: Callable[[str], None],
) -> Iterator[energy_mode.Bench]:
    """Yield the monitor and the way to the DUT behind it; a model of both for an emulated board.

    `met` is told who answers there; `named` is that of `meet`. Raises any TinybenchError.
    """

    @contextlib.contextmanager
    def connect(pin: str | None) -> Iterator[Dut]:
        with ExitStack() as stack:
            way = site or board.command(image.elf if image else "", pin)
            line: Transport = stack.enter_context(closing(open_line(way, say=say)))
            line = stack.enter_context(closing(Recorder(line, folder / ENERGY_TRANSCRIPT_FILE)))
            behind = site if site is not None and site.interface_board else None
            if behind is not None:
                line = InterfaceBoard(line, behind.dut_baud)
                line.prepare()
            # Frames do not pass through an interface board.
            dut = Dut(line, verify=verify, fast=behind is None, marks=True)
            identity = dut.handshake()
            insist_task(identity, task, image)
            if image is None:
                insist_model(identity.caps, inputs, named=named)
            met.vendor = met.vendor or identity.vendor
            try:
                yield dut
            finally:
                met.link = met.link or link_of([dut], site and site.baud)

    if monitor is not None:
        yield energy_mode.Bench(monitor, lambda: connect(None))
        return
    assert board.power is not None  # noqa: S101 - _insist_measurable
    with energy_mode.modelled_monitor(board.power) as (spec, pin, load):
        source = board.power.source
        yield energy_mode.Bench(spec, lambda: connect(pin), source, load.rest, load.known_s)


def meet(
    dut: Dut, task: Task, image: Image | None, inputs: Inputs, known: Known, *, named: bool
) -> str:
    """Insist that it is the board for this task, and the one that began the run; return its name.

    `named`: the user says which model the board holds. Raises ProtocolError and OtherDutError.
    """
    identity = dut.handshake()
    insist_task(identity, task, image)
    if image is None:
        insist_model(identity.caps, inputs, named=named)
    told = " ".join((identity.vendor, identity.model_id, *identity.caps))
    for before in known.began_with:
        if before != told:
            raise OtherDutError(
                f"the run began with the DUT '{before}', now '{told}' answers: connect the "
                "board that began it, or start a new run"
            )
    known.add(Entry(dut=told))
    return identity.vendor


def link_of(duts: Sequence[Dut], baud: int | None) -> Link:
    """Return how boards were reached, with what went wrong on all their lines together.

    `baud`: the rate they booted with; None for a child process.
    """
    tallies = [dut.tally for dut in duts]
    return Link(
        protocol=duts[0].protocol,
        verified=all(dut.verified for dut in duts),
        baud=None if baud is None else duts[0].baud(baud),
        chunk_b=duts[0].chunk_b,
        boards=len(duts),
        retries=sum(tally.retries for tally in tallies),
        restarts=sum(tally.restarts for tally in tallies),
        reopened=sum(tally.reopened for tally in tallies),
        resent_frames=sum(tally.resent_frames for tally in tallies),
        quarantined_lines=sum(tally.quarantined_lines for tally in tallies),
        beside_lines=sum(dut.talk.lines for dut in duts),
        echoed_lines=sum(dut.talk.echoes for dut in duts),
        profile=duts[0].profile,
    )


def _leave(dut: Dut) -> None:
    """Leave a board as other programs expect it; a run that has failed already fails no more."""
    with contextlib.suppress(TinybenchError):
        dut.leave()
