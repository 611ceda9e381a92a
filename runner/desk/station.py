"""What a run stands on: the board that is meant, and all on this desk that goes with it."""

from dataclasses import dataclass

from tinybench.energy.monitor import MonitorSpec
from tinybench.transport.serial_port import PLAIN, Opening

from ..build.board import Board
from ..build.task import Task
from ..results.defaults import DEFAULT_BAUD, ENERGY_BAUD
from ..results.request import Request


@dataclass(frozen=True)
class Site:
    """Where on this desk a board is."""

    port: str | None = None
    baud: int = DEFAULT_BAUD
    interface_board: bool = False
    """The port is that of an interface board, with the DUT behind it."""
    dut_baud: int = ENERGY_BAUD
    """The rate between that and the DUT."""
    probe: str | None = None
    """Serial number of its debug probe; None: that of its port's USB device, or the only one."""
    hub: str | None = None
    """Its supply: "HUB:PORT" of a USB hub that can switch it, as uhubctl writes it."""
    flasher: str | None = None
    """None: the first that the board declares."""
    opening: Opening = PLAIN
    """How its port is opened."""


@dataclass(frozen=True)
class Station:
    """A request resolved: each name in it looked up once, here on this desk."""

    asked: Request
    """What was asked for, with all that was found: the same words find the same station again."""
    board: Board
    task: Task | None
    """None where none was asked for, as to reset a board."""
    sites: tuple[Site, ...]
    """One for each of equal boards; none for a board that is a child process."""
    monitor: MonitorSpec | None
    """What supplies and measures the board in energy mode; None: nothing, or a model."""
