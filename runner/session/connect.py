"""The way to a board and back: its line opened and recorded, its identity insisted on."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from tinybench.energy.monitor import open_monitor
from tinybench.errors import OtherDutError, TinybenchError
from tinybench.transport.process import ProcessTransport
from tinybench.transport.recorder import Recorder
from tinybench.transport.serial_port import SerialTransport
from tinybench.transport.transport import Transport

from ..desk.bench import find_bench, load_bench, monitor_spec
from ..desk.flash import Site, load
from ..desk.identity import insist_task
from ..dut.client import Dut
from ..dut.interface_board import InterfaceBoard
from ..measure import energy_mode
from ..results.journal import Entry, Journal
from ..results.request import Request
from ..results.result import Link
from .plan import Plan

TRANSCRIPT_FILE = "transcript.jsonl"
ENERGY_TRANSCRIPT_FILE = "transcript-energy.jsonl"


def load_boards(plan: Plan, say: Callable[[str], None]) -> None:
    """Make sure that each board on a port holds the image that was built for it.

    Only where the board says how; `say` takes a sentence for the user. Raises any TinybenchError.
    """
    request, board = plan.request, plan.board
    image = plan.energy_image if request.mode == "energy" else plan.image
    if image is None or not (board.flash or board.reset or request.hub):
        return
    with ExitStack() as stack:
        supply = None
        if request.ports and request.wants_energy:
            supply = stack.enter_context(
                closing(open_monitor(monitor_spec(request.monitor or "", load_bench(find_bench()))))
            )
            supply.power_on()
        for port in request.ports:
            site = Site(
                port=port,
                baud=request.baud,
                interface_board=request.interface_board,
                probe=request.probe,
                hub=request.hub,
                flasher=request.flasher,
            )
            load(board, image, site, say, write=request.flash, supply=supply)


def open_dut(plan: Plan, index: int, folder: Path, stack: ExitStack) -> Dut:
    """Open the line to the board number `index`, recorded; it is closed with the stack.

    Raises TransportError or UsageError when it cannot be opened.
    """
    request = plan.request
    if request.ports:
        line: Transport = SerialTransport(request.ports[index], request.baud)
    else:
        line = ProcessTransport(plan.board.command(plan.image.elf if plan.image else ""))
    line = stack.enter_context(closing(line))
    name = TRANSCRIPT_FILE if index == 0 else f"transcript-{index}.jsonl"
    recorded = stack.enter_context(closing(Recorder(line, folder / name)))
    dut = Dut(recorded, verify=request.verify, probe=request.raise_baud)
    if request.ports:
        stack.callback(_leave, dut)
    return dut


@dataclass
class Met:
    """Who was met on the line, and how the line was."""

    vendor: str = ""
    link: Link | None = None


@contextlib.contextmanager
def energy_bench(plan: Plan, met: Met, folder: Path) -> Iterator[energy_mode.Bench]:
    """Yield the monitor and the way to the DUT behind it; a model of both for an emulated board.

    `met` is told who answers there. Raises any TinybenchError.
    """
    request, board = plan.request, plan.board

    @contextlib.contextmanager
    def connect(pin: str | None) -> Iterator[Dut]:
        with ExitStack() as stack:
            if request.ports:
                line: Transport = SerialTransport(request.ports[0], request.baud)
            else:
                elf = plan.energy_image.elf if plan.energy_image else ""
                line = ProcessTransport(board.command(elf, pin))
            line = stack.enter_context(closing(line))
            path = folder / ENERGY_TRANSCRIPT_FILE
            line = stack.enter_context(closing(Recorder(line, path)))
            if request.interface_board:
                line = InterfaceBoard(line)
                line.prepare()
            fast = not request.interface_board  # frames do not pass through it
            dut = Dut(line, verify=request.verify, fast=fast, marks=True)
            identity = dut.handshake()
            insist_task(identity, plan.task, plan.energy_image)
            if met.link is None:
                met.vendor = identity.vendor

                @stack.callback
                def tell() -> None:
                    met.link = link_of([dut], request)

            yield dut

    if request.ports:
        spec = monitor_spec(request.monitor or "", load_bench(find_bench()))
        yield energy_mode.Bench(spec, lambda: connect(None))
        return
    assert board.power is not None  # noqa: S101 - _insist_measurable
    with energy_mode.modelled_monitor(board.power) as (spec, pin):
        yield energy_mode.Bench(spec, lambda: connect(pin), board.power.source)


def _leave(dut: Dut) -> None:
    """Leave a board as other programs expect it; a run that has failed already fails no more."""
    with contextlib.suppress(TinybenchError):
        dut.leave()


def handshake(dut: Dut, plan: Plan, before: list[Entry], journal: Journal) -> str:
    """Insist that it is the board for this task, and the one that began the run; return its name.

    Raises ProtocolError and OtherDutError.
    """
    identity = dut.handshake()
    insist_task(identity, plan.task, plan.image)
    told = " ".join((identity.vendor, identity.model_id, *identity.caps))
    for entry in before:
        if entry.dut not in (None, told):
            raise OtherDutError(
                f"the run began with the DUT '{entry.dut}', now '{told}' answers: connect the "
                "board that began it, or start a new run"
            )
    journal.append(Entry(dut=told))
    if plan.request.raise_baud:
        dut.raise_baud(plan.request.baud)
    return identity.vendor


def link_of(duts: list[Dut], request: Request) -> Link:
    """Return how the boards were reached, with what went wrong on all their lines together."""
    tallies = [dut.tally for dut in duts]
    return Link(
        protocol=duts[0].protocol,
        verified=all(dut.verified for dut in duts),
        baud=duts[0].baud(request.baud) if request.ports else None,
        chunk_b=duts[0].chunk_b,
        boards=len(duts),
        retries=sum(tally.retries for tally in tallies),
        restarts=sum(tally.restarts for tally in tallies),
        reopened=sum(tally.reopened for tally in tallies),
        resent_frames=sum(tally.resent_frames for tally in tallies),
        quarantined_lines=sum(tally.quarantined_lines for tally in tallies),
    )
