"""Starts a simulated instrument by its name."""

import contextlib
import math
from collections.abc import Callable, Collection, Iterator, Mapping

from tinybench.declare import nearest
from tinybench.errors import UsageError

from . import interface_board, lpm01a, otii, ppk2
from .foreign import Foreign, Straight
from .interface_board import SimulatedInterfaceBoard, SimulatedIoManager
from .load import Load
from .port import PseudoPort
from .scene import Scene
from .studio import FAULTS as STUDIO_FAULTS
from .studio import Studio

FAULTS: dict[str, tuple[str, ...]] = {
    "lpm01a": lpm01a.FAULTS,
    "ppk2": ppk2.FAULTS,
    "otii": otii.FAULTS,
}
"""The instruments that can be reached from another program, and the faults of each."""

BETWEEN: dict[str, tuple[str, ...]] = {
    "interface-board": (*interface_board.FAULTS, *STUDIO_FAULTS),
    "io-manager": (),
}
"""The boards between this computer and a DUT, and the faults of each."""


@contextlib.contextmanager
def instrument(
    name: str,
    load: Load,
    faults: frozenset[str] = frozenset(),
    on_power: Callable[[bool], None] | None = None,
    *,
    real_time: bool = True,
) -> Iterator[str]:
    """Run an instrument; yield what a spec has as its port.

    Without `real_time` it goes at the pace of its load: an emulated DUT has a time of its own.

    Raises UsageError for an unknown instrument or fault.
    """
    if name not in FAULTS:
        raise UsageError(f"there is no simulated '{name}': {nearest(name, [*FAULTS, *BETWEEN])}")
    _insist_faults(name, faults, FAULTS[name])
    scene = Scene(load, faults, on_power=on_power, real_time=real_time)
    if name == "otii":
        with otii.SimulatedOtii(scene) as server:
            yield server.address
        return
    device = {"lpm01a": lpm01a.SimulatedLpm01a, "ppk2": ppk2.SimulatedPpk2}[name]
    with PseudoPort(device(scene), real_time=real_time) as port:
        yield port.path


@contextlib.contextmanager
def between(
    name: str,
    dut: Foreign,
    faults: frozenset[str] = frozenset(),
    card: Mapping[str, bytes] | None = None,
) -> Iterator[str]:
    """Run an interface board in front of a DUT, or for "dut" nothing; yield its port.

    `card`: wav files that it can play, by their names. Raises UsageError for an unknown board or
    fault.
    """
    if name == "dut":
        device = Straight(dut.line)
    elif name not in BETWEEN:
        raise UsageError(f"there is no simulated '{name}': {nearest(name, [*BETWEEN, *FAULTS])}")
    elif name == "interface-board":
        _insist_faults(name, faults, BETWEEN[name])
        studio = Studio(card or {}, dut.ear, faults=faults)
        device = SimulatedInterfaceBoard(dut.line, faults=faults, studio=studio)
    else:
        _insist_faults(name, faults, BETWEEN[name])
        device = SimulatedIoManager(dut.line, falls=lambda: dut.load.falling_s(0.0, math.inf))
    with PseudoPort(device) as port:
        yield port.path


def _insist_faults(name: str, faults: frozenset[str], known: Collection[str]) -> None:
    for fault in faults - set(known):
        raise UsageError(f"a simulated {name} has no fault '{fault}': {nearest(fault, known)}")
