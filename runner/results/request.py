"""What the user asks of a run; kept in its journal, so that the run can go on later."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from tinybench.declare import named

from .defaults import CLOCK_END_HZ, DEFAULT_BAUD, ENERGY_BAUD
from .result import Environment
from .scenario import Asked

MODELLED = "modelled"
Count = Annotated[int, msgspec.Meta(ge=1, le=2**32 - 1)]
Mode = Literal["accuracy", "performance", "energy", "all", "scenario", "stream"]


class Request(msgspec.Struct, frozen=True):
    """What the user asked for."""

    board: str
    task: str
    mode: str = "all"
    scenario: Asked | None = None
    """In mode "scenario"."""
    division: str = "closed"
    profile: str = "mlperf-tiny"
    """How much is measured, and what judges it."""
    emulate: bool = False
    """Run the firmware of a real board in an emulator."""
    clock_hz: Annotated[int, msgspec.Meta(ge=1, lt=CLOCK_END_HZ)] | None = None
    """Of a board of the package, instead of its own; found, it is that of the board's file."""
    cores: Literal[1, 2] | None = None
    """That compute, on a board with two; None: as the board declares."""
    state: Literal["reset", "keep"] = "reset"
    """Of a model that keeps one, in the accuracy mode: put back for each input, or kept from each
    to the next: they are one stream."""
    limit: Count | None = None
    iterations: Count | None = None
    """Of a window, instead of calibrated ones; a short one is timed again with more."""
    data: Path | None = None
    model: Path | None = None
    """With an engine of one's own: the .tflite that it is said to run."""
    engine: str | None = None
    """An inference engine other than ours: its folder, or the name of the recipe that builds it."""
    engine_source: Path | None = None
    """Source tree for the recipe; None: where the recipe's variable says."""
    whole: bool = False
    """Of a stream: infer on the whole history each time, not on its newest frame."""
    compatible: bool = False
    """Of a stream: features beyond int8 go around, as in the reference firmware."""
    prune: bool = True
    """Leave out channels that are constants or that nobody reads; the outputs are the same."""
    strips: bool = True
    """Compute operators strip by strip where the arena is smaller for it; likewise."""
    out: Path | None = None
    ports: tuple[str, ...] = ()
    """Serial ports of equal boards; none: the board is a child process."""
    flasher: str | None = None
    """One of those that the board declares; None: its first."""
    flash: bool = True
    """Write the firmware into the board, where it holds another and the board says how."""
    baud: Count = DEFAULT_BAUD
    raise_baud: bool = False
    """Go to the fastest rate the firmware offers."""
    verify: bool = True
    """Prove each upload also over the stock protocol, which has no check sum."""
    shards: Count = 1
    """Emulators that share the accuracy set."""
    monitor: str | None = None
    """Energy monitor by name or spec file; None or "modelled": a model, of an emulated board."""
    interface_board: bool = False
    """The port is that of an interface board, which isolates the DUT in energy mode."""
    probe: str | None = None
    """Serial number of the debug probe; None: the only one."""
    hub: str | None = None
    """Hub port that switches the board's power, as uhubctl writes it: "1-1.4:2"."""
    dtr: bool | None = None
    """Whether the port is opened with DTR asserted; None: as the board declares."""
    rts: bool | None = None
    boot_wait_s: float | None = None
    """How long nothing is sent after the port was opened; None: as the board declares."""
    dut_baud: Count = ENERGY_BAUD
    """The rate between an interface board and the DUT."""
    ambient_c: Annotated[float, msgspec.Meta(ge=-60, le=200)] | None = None
    """Temperature of the room, as stated."""
    supply_v: Annotated[float, msgspec.Meta(gt=0, le=60)] | None = None
    """Supply of the board, as stated."""
    wait_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """Longest wait for a board or monitor that another run has."""

    @property
    def wants_energy(self) -> bool:
        """Whether energy is to be measured: when asked for, or when there is a monitor."""
        return self.mode == "energy" or (self.mode == "all" and self.monitor is not None)

    @property
    def environment(self) -> Environment | None:
        """Where the board stands, as stated; None where nothing is."""
        if self.ambient_c is None and self.supply_v is None:
            return None
        return Environment(ambient_c=self.ambient_c, supply_v=self.supply_v)

    def absolute(self) -> "Request":
        """Return the same request as it can be read from another working folder."""
        return replace(
            self,
            board=_absolute(self.board),
            task=_absolute(self.task),
            profile=_absolute(self.profile),
            monitor=self.monitor and _absolute(self.monitor),
            data=self.data and self.data.resolve(),
            model=self.model and self.model.resolve(),
            engine=self.engine and _absolute_engine(self.engine),
            engine_source=self.engine_source and self.engine_source.resolve(),
            out=self.out and self.out.resolve(),
        )


def is_recipe(engine: str | None) -> bool:
    """Return whether an engine is named that a recipe builds, and not a folder of one."""
    return engine in named("firmware", "engines")


def _absolute_engine(engine: str) -> str:
    """Return a recipe's name as it is, and a folder's path made absolute."""
    return engine if is_recipe(engine) else str(Path(engine).resolve())


def _absolute(name: str) -> str:
    """Return a declaration's name as it is, and its path made absolute."""
    return str(Path(name).resolve()) if name.endswith(".toml") else name
