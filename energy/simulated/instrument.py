"""Starts a simulated instrument by its name."""

import contextlib
from collections.abc import Callable, Iterator

from tinybench.declare import nearest
from tinybench.errors import UsageError

from . import lpm01a, otii, ppk2
from .load import Load
from .port import PseudoPort
from .scene import Scene

FAULTS = {"lpm01a": lpm01a.FAULTS, "ppk2": ppk2.FAULTS, "otii": otii.FAULTS}
"""The instruments that can be reached from another program, and the faults of each."""


@contextlib.contextmanager
def instrument(
    name: str,
    load: Load,
    faults: frozenset[str] = frozenset(),
    on_power: Callable[[bool], None] | None = None,
) -> Iterator[str]:
    """Run an instrument in real time; yield what a spec has as its port.

    Raises UsageError for an unknown instrument or fault.
    """
    if name not in FAULTS:
        raise UsageError(f"there is no simulated '{name}': {nearest(name, FAULTS)}")
    for fault in faults - set(FAULTS[name]):
        raise UsageError(
            f"a simulated {name} has no fault '{fault}': {nearest(fault, FAULTS[name])}"
        )
    scene = Scene(load, faults, on_power=on_power)
    if name == "otii":
        with otii.SimulatedOtii(scene) as server:
            yield server.address
        return
    device = {"lpm01a": lpm01a.SimulatedLpm01a, "ppk2": ppk2.SimulatedPpk2}[name]
    with PseudoPort(device(scene)) as port:
        yield port.path
