"""An estimate of cycles, as a person reads it: always called one."""

from pathlib import Path

from tinybench.uncertain import bounded

from ...cycles.calibration import Calibration
from ...cycles.core import Range
from ...results.cycles import Cycles

LEAST = 0.005
"""Share of the cycles that is named."""


def estimated(found: Cycles) -> str:
    """Return time and cycles with their bounds, and whose model says so."""
    low, usual, high = bounded(*(seconds * 1e3 for seconds in found.bounds_s))
    where = f"{found.clock_hz / 1e6:g} MHz"
    if found.memory:
        where += f", {found.wait_states} wait state{'s' * (found.wait_states != 1)}"
    said = (
        f"estimated {usual} ms ({low} to {high}) an inference, {found.usual:,} cycles "
        f"({found.low:,} to {found.high:,}) at {where}: a model of {found.core}"
        + f" and {found.memory}"
        * bool(found.memory)
    )
    if found.calibrated_by:
        said += f", calibrated by {found.calibrated_by}"
    return said + ", not a measurement"


def estimated_energy(found: Cycles) -> str:
    """Return the energy with its bounds, and by which current; empty where none is declared."""
    drawn = found.energy
    if drawn is None:
        return ""
    low, usual, high = bounded(drawn.low_j * 1e6, drawn.usual_j * 1e6, drawn.high_j * 1e6)
    return (
        f"estimated {usual} uJ ({low} to {high}) an inference at "
        f"{drawn.voltage_v:g} V, not a measurement; current: {drawn.source}"
    )


def estimates(found: Cycles) -> list[tuple[str, str]]:
    """Return what is said of an estimate, as names with values."""
    total = max(1, found.usual)
    limits = ", ".join(
        f"{what} {spent / total:.0%}"
        for what, spent in found.limited_by.items()
        if spent >= LEAST * total
    )
    said = [("time", estimated(found)), ("", estimated_energy(found)), ("limited by", limits)]
    return [(name, value) for name, value in said if value]


def calibrated(calibration: Calibration, before: Range, after: Range, path: Path) -> str:
    """Return what a calibration changed of the measured inference itself, and where it is kept."""

    def cycles(of: Range) -> str:
        return f"{of.usual:,.0f} cycles ({of.low:,.0f} to {of.high:,.0f})"

    return (
        f"{calibration.board}: calibrated by {calibration.words}\n"
        f"estimated before {cycles(before)}, now {cycles(after)}, measured "
        f"{calibration.cycles:,.0f} +- {calibration.uncertainty:.2%}\n"
        f"kept in {path}: later estimates of this board are narrowed by it; others take it over "
        f"by: tinybench calibrate {calibration.board} FILE.toml"
    )
