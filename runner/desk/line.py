"""The line to a board: the port it is on, or the child process that it is."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from tinybench.errors import UsageError
from tinybench.transport.process import ProcessTransport
from tinybench.transport.serial_port import SerialTransport, insist_there
from tinybench.transport.transport import Transport

from ..build.board import Board
from ..results.defaults import DEFAULT_BAUD, ENERGY_BAUD
from ..results.request import Request
from .station import Site

Way: TypeAlias = Site | list[str]
"""Where a board is, or the command of a child process."""


def open_line(
    way: Way, more: Sequence[str] = (), say: Callable[[str], None] = lambda _: None
) -> Transport:
    """Open the line to a board; `more` are further arguments of a child process.

    `say` is told what is missing at a port, and how long it is waited there. Raises TransportError
    or UsageError when it cannot be opened.
    """
    if isinstance(way, Site):
        if (wait_s := way.opening.wait_s) > 0:
            say(f"{way.port}: nothing is sent for {wait_s:g} s (boot_wait_s)")
        return SerialTransport(way.port or "", way.baud, way.opening, say)
    return ProcessTransport([*way, *more])


def insist_reachable(board: Board, asked: Request) -> None:
    """Raise UsageError when a board cannot be reached the way that was asked for."""
    if not asked.ports:
        board.command("")
        boot = ENERGY_BAUD if asked.mode == "energy" else DEFAULT_BAUD
        for word, said in (
            ("--probe", asked.probe is not None),
            ("--hub", asked.hub is not None),
            ("--flasher", asked.flasher is not None),
            ("--no-flash", not asked.flash),
            ("--baud", asked.baud not in (boot, DEFAULT_BAUD)),
        ):
            if said:
                raise UsageError(
                    f"{word} is for a board on a port, but board {board.name} is a child process "
                    f"here: leave {word} out"
                )
    elif asked.emulate:
        raise UsageError(
            f"board {board.name} is either on {asked.ports[0]} or emulated: leave --port or "
            "--emulate out"
        )
    elif board.emulated:
        raise UsageError(
            f"board {board.name} is emulated here, and has no port; name the board on "
            f"{asked.ports[0]} with --board, or leave --port out"
        )


def insist_attached(asked: Request) -> None:
    """Raise TransportError for a port that is not there, before anything is made for it."""
    # Without an interface board, the port may come with the supply in energy mode.
    if asked.mode != "energy" or asked.interface_board:
        for port in asked.ports:
            insist_there(port)
