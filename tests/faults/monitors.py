"""Runs a monitor against a simulated one with a fault, and says what became of the windows."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from tinybench.energy.analysis import analyse
from tinybench.energy.drivers import joulescope, lpm01a, otii, ppk2
from tinybench.energy.monitor import Monitor, MonitorSpec
from tinybench.energy.simulated import joulescope as sim_joulescope
from tinybench.energy.simulated import lpm01a as sim_lpm01a
from tinybench.energy.simulated import otii as sim_otii
from tinybench.energy.simulated import ppk2 as sim_ppk2
from tinybench.energy.simulated.load import Windows
from tinybench.energy.simulated.port import PseudoPort
from tinybench.energy.simulated.scene import Scene, Supply
from tinybench.energy.trace import Chunk, Infer, Trace, memory_trace
from tinybench.errors import TinybenchError

LOAD = Windows()
VOLTAGE_V = 3.0
LASTS_S = 4.5
TOLERANCE = 1e-3
"""Of the energy of a window of 1 s: two edges of half a sample, and the damage the rules allow."""
IN_STREAM = (
    "lost bytes",
    "corrupt bytes",
    "lost lines",
    "overflow",
    "overcurrent",
    "power down",
    "stamp lost",
    "stamp corrupt",
    "silence",
)
"""Faults of the LPM01A that its formats meet differently."""


@dataclass(frozen=True)
class Outcome:
    """What one session with a monitor came to."""

    verdict: str
    """"right", "flagged", "refused", or "WRONG"."""
    why: str = ""


def session(monitor: Monitor, load: Windows = LOAD) -> Outcome:
    """Measure with an open monitor until the load has ended, and judge every window."""
    chunks: list[Chunk] = []
    count = 0
    try:
        monitor.power_on()
        monitor.start()
        for chunk in monitor.chunks(silent_s=1.0):
            assert chunk.start_index == count
            count += len(chunk.samples)
            chunks.append(chunk)
            if count >= LASTS_S * monitor.head.rate_hz:
                monitor.stop()
    except TinybenchError as error:
        return Outcome("refused", str(error))
    gaps = [gap for chunk in chunks for gap in chunk.gaps]
    samples = np.concatenate([chunk.samples for chunk in chunks])
    lost = np.zeros(count + 1, np.bool_)
    for gap in gaps:
        lost[gap.start_index : gap.start_index + gap.count] = True
    if not np.all(np.isfinite(samples) | lost[:-1]):
        return Outcome("WRONG", "NaN outside a gap")
    volts = [chunk.voltage_v for chunk in chunks if chunk.voltage_v is not None]
    return judge(
        memory_trace(
            monitor.head,
            samples,
            np.concatenate(volts) if volts else None,
            edges=[edge for chunk in chunks for edge in chunk.edges],
            gaps=gaps,
            infers=[Infer(1, dut_s=stop_s - start_s) for start_s, stop_s in load.windows_s],
        ),
        load,
    )


def whole(monitor: Monitor) -> Outcome:
    """Measure without edges: the charge of all samples, or how many were lost."""
    total, count, lost = 0.0, 0, 0
    try:
        monitor.power_on()
        monitor.start()
        for chunk in monitor.chunks(silent_s=1.0):
            there = np.isfinite(chunk.samples)
            count += len(there)
            lost += sum(gap.count for gap in chunk.gaps)
            if int((~there).sum()) != sum(gap.count for gap in chunk.gaps):
                return Outcome("WRONG", "NaN outside a gap")
            total += float(chunk.samples[there].astype(np.float64).sum())
            if count >= LASTS_S * monitor.head.rate_hz:
                monitor.stop()
    except TinybenchError as error:
        return Outcome("refused", str(error))
    if lost:
        return Outcome("flagged", f"{lost} samples lost")
    true = float(LOAD.current_a(0.0, 1 / monitor.head.rate_hz, count).sum())
    right = abs(total / true - 1) < 2 * TOLERANCE  # the format alone is 0.2 % off
    return Outcome("right" if right else "WRONG", f"{total / true - 1:+.4%}")


def judge(trace: Trace, load: Windows, tolerance: float = TOLERANCE) -> Outcome:
    """Compare what the analysis finds with what the load was."""
    found = analyse(trace)
    doubts = list(found.faults)
    for number, window in enumerate(found.windows):
        doubts += window.faults + window.warnings
        if window.energy_j is None or window.warnings:
            continue
        error = window.energy_j / load.energy_j(number, VOLTAGE_V) - 1
        if not abs(error) < tolerance:
            return Outcome("WRONG", f"window {number}: {window.energy_j} J, {error:+.3%}")
    return Outcome("flagged", "; ".join(doubts)) if doubts else Outcome("right")


def run_lpm01a(
    fault: str,
    wire_format: Literal["ascii", "binary"] = "ascii",
    output: Literal["current", "energy"] = "current",
) -> Outcome:
    """Run the LPM01A driver against the simulated LPM01A."""
    faults = frozenset({fault} if fault else ())
    at = 150_300 if wire_format == "binary" else 7300
    device = sim_lpm01a.SimulatedLpm01a(Scene(LOAD, faults, at, real_time=False))
    with PseudoPort(device, real_time=False) as port:
        outcome = _opened(
            lambda: lpm01a.open(
                MonitorSpec(
                    driver="lpm01a",
                    port=port.path,
                    voltage_v=VOLTAGE_V,
                    wire_format=wire_format,
                    output=output,
                    marks=1,
                )
            ),
            total=wire_format == "binary",
        )
        return _insist_off(outcome, device.supply)


def run_ppk2(fault: str) -> Outcome:
    """Run the PPK2 driver against the simulated PPK2."""
    faults = frozenset({fault} if fault else ())
    real_time = fault == "lost 64 words"  # which only the clock can tell
    device = sim_ppk2.SimulatedPpk2(Scene(LOAD, faults, real_time=real_time))
    with PseudoPort(device, real_time=real_time) as port:
        outcome = _opened(
            lambda: ppk2.open(MonitorSpec(driver="ppk2", port=port.path, voltage_v=VOLTAGE_V))
        )
        return _insist_off(outcome, device.supply)


def run_joulescope(fault: str, model: str = "js220") -> Outcome:
    """Run the Joulescope driver with the simulated driver object."""
    faults = frozenset({fault} if fault else ())
    device = sim_joulescope.SimulatedJoulescope(Scene(LOAD, faults, real_time=False), model=model)
    outcome = _opened(lambda: joulescope.open(MonitorSpec(driver="joulescope"), device))
    return _insist_off(outcome, device.supply)


def run_otii(fault: str, model: str = "Ace") -> Outcome:
    """Run the Otii driver, and the maker's client, against the simulated server."""
    faults = frozenset({fault} if fault else ())
    at = 75_000 if model == "Ace" else 6000
    scene = Scene(LOAD, faults, at, real_time=False)
    with sim_otii.SimulatedOtii(scene, model=model) as device:
        outcome = _opened(lambda: otii.open(MonitorSpec(driver="otii", port=device.address)))
        if device.reserved and fault not in ("hangs", "hangs up", "not json"):
            return Outcome("WRONG", "the licence is still reserved")
        return outcome if fault in ("hangs", "hangs up") else _insist_off(outcome, device.supply)


def _opened(open_it: Callable[[], Monitor], *, total: bool = False) -> Outcome:
    try:
        monitor = open_it()
    except TinybenchError as error:
        return Outcome("refused", str(error))
    try:
        return whole(monitor) if total else session(monitor)
    finally:
        monitor.close()


def _insist_off(outcome: Outcome, supply: Supply) -> Outcome:
    """Turn an outcome wrong when the supply stays on, unless the instrument was unplugged."""
    end_s = time.monotonic() + 2.0
    while supply.on and time.monotonic() < end_s and "vanished" not in outcome.why:
        time.sleep(0.01)
    if supply.on and "vanished" not in outcome.why:
        return Outcome("WRONG", f"the supply is still on after: {outcome}")
    return outcome


CASES: dict[str, Callable[[], Outcome]] = {
    **{f"lpm01a {fault}": partial(run_lpm01a, fault) for fault in sim_lpm01a.FAULTS},
    **{f"lpm01a energy {f}": partial(run_lpm01a, f, output="energy") for f in IN_STREAM},
    **{f"lpm01a binary {f}": partial(run_lpm01a, f, "binary") for f in IN_STREAM},
    **{f"ppk2 {fault}": partial(run_ppk2, fault) for fault in sim_ppk2.FAULTS},
    **{f"joulescope {fault}": partial(run_joulescope, fault) for fault in sim_joulescope.FAULTS},
    **{f"otii {fault}": partial(run_otii, fault) for fault in sim_otii.FAULTS},
    **{f"otii arc {fault}": partial(run_otii, fault, "Arc") for fault in sim_otii.FAULTS[8:]},
}
"""Every fault of every simulated instrument."""
