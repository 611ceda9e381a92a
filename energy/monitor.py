"""What an energy monitor is to the runner: found by name, opened by a spec, read in chunks."""

import contextlib
import importlib
import pkgutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Annotated, Literal, Protocol, TypeVar

import msgspec

from tinybench.declare import Declaration, load, nearest
from tinybench.errors import BenchError, TinybenchError, UsageError

from .trace import Chunk, TraceHead

STOP_TIMEOUT_S = 15.0
"""Longest time a monitor may take from `stop` to its last chunk."""


WANTED = {"falling": (0,), "rising": (1,), "both": (0, 1)}
"""Levels of the pin after an edge that counts."""


VOLTAGE_V = 3.0
"""What a DUT is supplied with where nobody says otherwise."""
UNSTATED = 0.0
THROUGH = ("joulescope", "replay")
"""Drivers that supply nothing: the DUT's own supply passes through, or did so once."""


class MonitorSpec(Declaration, frozen=True, kw_only=True):
    """Which monitor, and how it is set; part of a bench file. What is None is the driver's own."""

    driver: str
    """Name of a module in `energy/drivers/`."""
    serial: str | None = None
    """Serial number, where two of a kind are attached ('tinybench monitors' lists them)."""
    port: str | None = None
    """Serial port, `host:port`, VISA resource or file, where it is not found by itself."""
    mode: Literal["source", "ampere"] = "source"
    """PPK2: "ampere" measures a DUT with a supply of its own, whose voltage must be stated."""
    voltage_v: Annotated[float, msgspec.Meta(gt=0, le=60)] = UNSTATED
    """What the DUT is supplied with; VOLTAGE_V where it is not stated."""
    rate_hz: Annotated[float, msgspec.Meta(gt=0, le=1e9)] | None = None
    pin: Annotated[int, msgspec.Meta(ge=0, le=63)] = 0
    """Digital input that the DUT's timing pin is wired to, where there are several."""
    edge: Literal["falling", "rising", "both"] = "falling"
    """Which edges of the pin count; the DUT marks by falling ones."""
    output: Literal["current", "energy"] = "current"
    """LPM01A: "energy" is integrated by the instrument itself."""
    wire_format: Literal["ascii", "binary"] = "ascii"
    """LPM01A: "binary" has no edges."""
    dialect: Literal["lpm01a", "stlink-v3pwr"] | None = None
    """LPM01A; None: by the port that was found."""
    channel: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    """N6705: output that supplies the DUT."""
    marks: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 1
    """Edges before the first window in what is recorded without a run: the boot pulse."""

    def __post_init__(self) -> None:
        """Raise ValueError for an ampere meter whose voltage nobody states."""
        if self.voltage_v == UNSTATED:
            if self.mode == "ampere":
                raise ValueError(
                    'mode = "ampere" measures no voltage: state the DUT\'s own supply, as '
                    "voltage_v = 3.0"
                )
            msgspec.structs.force_setattr(self, "voltage_v", VOLTAGE_V)


class _Opened(Protocol):
    def set_up(self) -> None: ...
    def close(self) -> None: ...


_Kind = TypeVar("_Kind", bound=_Opened)


class Monitor(Protocol):
    """An open instrument. Close it on every way out: that switches the DUT's supply off."""

    @property
    def head(self) -> TraceHead:
        """What it is, and how it samples as now set."""
        ...

    def power_on(self) -> None:
        """Supply the DUT."""
        ...

    def power_off(self) -> None:
        """Take the supply from the DUT."""
        ...

    def read_voltage(self) -> float | None:
        """Return the DUT's supply in V as the instrument reads it; None where it cannot."""
        ...

    def start(self) -> None:
        """Start to sample; sample 0 comes next."""
        ...

    def chunks(self, silent_s: float = 3.0) -> Iterator[Chunk]:
        """Yield what is sampled, in order, until `stop` was called and the rest has come.

        Raises DeadlineError when nothing comes for `silent_s`, MonitorError when the instrument
        stops by itself or sends what cannot be; what came before has been yielded.
        """
        ...

    def stop(self) -> None:
        """Ask `chunks` to end; may be called from another thread, and twice."""
        ...

    def close(self) -> None:
        """Stop, switch the supply off and let go; may be called twice, raises nothing."""
        ...


class Found(msgspec.Struct, frozen=True):
    """A monitor that is attached."""

    driver: str
    model: str
    serial: str
    port: str


def drivers() -> list[str]:
    """Return the names of all drivers, sorted."""
    from . import drivers as package

    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


def monitors_by_usb() -> dict[str, str]:
    """Return the driver of each VID:PID, such as "0483:5740", that an energy monitor shows."""
    return {usb: name for name in drivers() for usb in _driver(name).USB_IDS}


def open_monitor(spec: MonitorSpec) -> Monitor:
    """Open a monitor; the DUT's supply is off afterwards.

    Raises UsageError for an unknown driver or a setting it cannot do, ToolMissingError when its
    library is missing, BenchError when the instrument does not answer as it should.
    """
    driver = _driver(spec.driver)
    if spec.mode == "ampere" and spec.driver != "ppk2":
        raise UsageError(f"mode = 'ampere' is for a ppk2, not for the {spec.driver}")
    return driver.open(spec)


def insist_edges(spec: MonitorSpec) -> MonitorSpec:
    """Return a spec. Raises UsageError where that monitor sees no timing pin, and so no window."""
    if spec.driver == "n6705" or (spec.driver == "lpm01a" and spec.wire_format == "binary"):
        which = "an n6705" if spec.driver == "n6705" else 'an lpm01a with wire_format = "binary"'
        raise UsageError(
            f"{which} records no edges of the timing pin, and so energy mode finds no window: take "
            "another monitor or format, or record with 'tinybench energy live' and give the edges "
            "of a logic analyser: tinybench energy analyse TRACE --edges FILE"
        )
    return spec


def supply_of(spec: MonitorSpec) -> str:
    """Return what the DUT is about to be supplied with, as a sentence to say before it is."""
    if spec.driver in THROUGH:
        return f"the {spec.driver} supplies nothing: the DUT has a supply of its own"
    if spec.mode == "ampere":
        return (
            f"the {spec.driver} is an ampere meter: the DUT's own supply, stated as "
            f"{spec.voltage_v:g} V, is switched through to it"
        )
    return f"the DUT is supplied with {spec.voltage_v:g} V by the {spec.driver}"


def ready(monitor: _Kind) -> _Kind:
    """Set up an instrument just opened; one that cannot be set up is closed again."""
    try:
        monitor.set_up()
    except BaseException:
        monitor.close()
        raise
    return monitor


def ending(*lasts: Callable[[], object]) -> contextlib.ExitStack:
    """Return what does `lasts`, in their order, when it is closed: once, and all that can be."""
    stack = contextlib.ExitStack()
    for last in reversed(lasts):
        stack.callback(_quietly, last)
    return stack


def _quietly(last: Callable[[], object]) -> None:
    with contextlib.suppress(Exception):  # a supply is switched off although a command failed
        last()


def load_spec(name: str) -> MonitorSpec:
    """Return the spec of a driver's name, or that in a .toml file.

    Raises UsageError for an unknown name, DeclarationError for a wrong file.
    """
    if name.endswith(".toml"):
        return load(Path(name), MonitorSpec)
    if name not in drivers():
        raise UsageError(f"there is no monitor '{name}': {nearest(name, drivers())}")
    return MonitorSpec(driver=name)


def attached() -> tuple[list[Found], list[str]]:
    """Return the monitors that can be seen from here, and why some could not be looked for."""
    found: list[Found] = []
    unseen: list[str] = []
    for name in drivers():
        try:
            found += _driver(name).attached()
        except TinybenchError as error:
            unseen.append(str(error))
    return found, unseen


def choose(found: list[Found], spec: MonitorSpec) -> Found:
    """Return the one of `found` that the spec means. Raises UsageError when that is not one."""
    wanted = [one for one in found if spec.serial in (None, one.serial)]
    if len(wanted) == 1:
        return wanted[0]
    if not found:
        raise UsageError(
            f"no {spec.driver} is attached; plug it in, or name its port in the spec of the monitor"
        )
    listed = "; ".join(f"{one.serial} at {one.port}" for one in found)
    if not wanted:
        raise UsageError(
            f"no {spec.driver} has the serial number {spec.serial}; attached: {listed}"
        )
    raise UsageError(
        f"{len(wanted)} {spec.driver} are attached ({listed}); name one by its serial number"
    )


class Capture:
    """Reads a monitor in a thread while the runner talks to the DUT.

        with Capture(monitor, writer.write) as capture:
            ...; capture.check(); ...

    Leaving it stops the monitor and waits for the last chunk. What went wrong in the thread is
    raised by `check`, and on leaving when nothing else was.
    """

    def __init__(self, monitor: Monitor, sink: Callable[[Chunk], None]) -> None:
        self._monitor = monitor
        self._sink = sink
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)

    def __enter__(self) -> "Capture":
        self._monitor.start()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._monitor.stop()
        self._thread.join(STOP_TIMEOUT_S)
        if kind is None:
            if self._thread.is_alive():
                raise BenchError(
                    f"the monitor does not stop within {STOP_TIMEOUT_S:.0f} s; unplug it"
                )
            self.check()

    def check(self) -> None:
        """Raise what ended the capture early, if anything did."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            for chunk in self._monitor.chunks():
                self._sink(chunk)
        except BaseException as error:  # raised again where the runner looks
            self._error = error


class _Driver(Protocol):
    """What a module in `energy/drivers/` has."""

    USB_IDS: list[str]
    """VID:PID of each model, such as "0483:5740"; none where a server or VISA stands between."""

    def open(self, spec: MonitorSpec) -> Monitor: ...

    def attached(self) -> list[Found]: ...


def _driver(name: str) -> _Driver:
    known = drivers()
    if name not in known:
        raise UsageError(f"there is no monitor '{name}': {nearest(name, known)}")
    module: object = importlib.import_module(f".drivers.{name}", __package__)
    return module  # pyright: ignore[reportReturnType]
