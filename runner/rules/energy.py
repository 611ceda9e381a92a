"""Rules of the energy mode: supply, build, windows by the monitor's clock, their median."""

import statistics
from collections.abc import Iterator, Sequence

from tinybench.uncertain import uncertain

from ..results import score
from ..results.clock import HOST_DELAY_S
from ..results.defaults import WARMUP
from ..results.result import Energy, EnergyWindow, Performance, Result
from . import windows as judge
from .clock import OSCILLATORS
from .profile import Profile
from .rule import ENERGY_README, MOBILE, RULES, Rule, Ruling

BUILD = Rule("energy-build", ENERGY_README + ", a build that marks time on a pin")
SUPPLY = Rule("energy-supply", ENERGY_README + ", an isolated DUT with exactly one supply")
WINDOWS = Rule("energy-windows", ENERGY_README)
FIRST_INPUTS = Rule("energy-inputs", ENERGY_README + ", the first five inputs")
WINDOW = Rule("energy-window", ENERGY_README + ", edges and samples")
DURATION = Rule(
    "energy-duration", ENERGY_README + ", run time; elsewhere in it: 10 s or 10 iterations"
)
ITERATIONS = Rule("energy-iterations", MOBILE + ", minimum query count")
NOTHING_SUBTRACTED = Rule("energy-whole", ENERGY_README + ", nothing is subtracted")
CLOCKS = Rule("energy-clock", ENERGY_README + ", edges of the timing pin")
SAME_TIME = Rule("energy-latency", RULES + ", every mode runs the same inference")
RECOMPUTED = Rule("energy-recomputed", ENERGY_README + ", median energy")

EDGES_S = 0.003
"""Of two edges and of a timer that counts milliseconds."""


def rulings(result: Result, profile: Profile) -> Iterator[Ruling]:
    """Yield what the rules of the energy mode say."""
    energy = result.energy
    windows = energy.windows if energy else []
    yield judge.count(WINDOWS, windows, profile, "energy")
    if energy is None or not windows:
        return
    yield _build(result)
    yield _supply(result, energy)
    yield judge.first_inputs(FIRST_INPUTS, result, windows, "energy")
    yield from _windows(energy)
    spans_s = [window.monitor_s for window in windows]
    done = [window.iterations for window in windows]
    clock = ", by the monitor's clock"
    yield from judge.duration(DURATION, spans_s, done, profile.window_min_s, clock)
    if profile.window_min_iterations > 1:
        yield from judge.iterations(ITERATIONS, spans_s, done, profile)
    if not result.emulated and not energy.modelled:
        yield from _clocks(windows)
    if result.performance is not None and result.performance.windows:
        yield from _same_time(result, result.performance, energy)
    yield from _nothing_subtracted(energy)
    yield from _recomputed(energy)


def _clocks(windows: Sequence[EnergyWindow]) -> Iterator[Ruling]:
    """Judge the DUT's clock, where it has one in energy mode, and the host's by the edges."""
    wanted = f"the time between the monitor's edges, within {OSCILLATORS:.1%}"
    compared, broken = {"DUT": 0, "computer": 0}, False
    for number, window in enumerate(windows, start=1):
        if window.monitor_s is None:
            continue
        for whose, own_s, beyond_s in _beyond(window, window.monitor_s):
            compared[whose] += 1
            if beyond_s > 0:
                broken = True
                yield CLOCKS.broken(
                    wanted,
                    f"window {number}: {own_s:.3f} s by the {whose}, {window.monitor_s:.3f} s "
                    "between the monitor's edges",
                    "look at the prescaler of the DUT's timer, at the monitor's rate, and whether "
                    "both edges are those of this window",
                )
    if any(compared.values()) and not broken:
        said = ", ".join(
            f"in {count} windows by the {who}" for who, count in compared.items() if count
        )
        yield CLOCKS.kept(wanted, said)


def _beyond(window: EnergyWindow, monitor_s: float) -> Iterator[tuple[str, float, float]]:
    """Yield whose clock, its time of a window, and by how much that is beyond what it may be."""
    unsure_s = OSCILLATORS * monitor_s + EDGES_S
    if window.dut_s is not None:
        yield "DUT", window.dut_s, abs(window.dut_s - monitor_s) - unsure_s
    if window.host_s is not None and window.iterations:
        # The host sees the untimed inferences as well.
        own_s = window.host_s * window.iterations / (window.iterations + WARMUP)
        yield "computer", own_s, abs(own_s - monitor_s) - unsure_s - HOST_DELAY_S


def _same_time(result: Result, performance: Performance, energy: Energy) -> Iterator[Ruling]:
    """Judge that an inference lasts as long under the monitor as by the DUT's clock before."""
    wanted = "an inference that takes as long as in the performance mode"
    if result.emulated and not energy.modelled:
        why = "time is emulated there, and the monitor's here"
        yield SAME_TIME.not_judged(wanted, why)
        return
    each_s = [
        (window.monitor_s / window.iterations, window.iterations)
        for window in energy.windows
        if window.monitor_s is not None and window.iterations
    ]
    if not each_s:
        yield SAME_TIME.not_judged(wanted, "no window of the energy mode has two edges")
        return
    energy_s, latency_s = statistics.median(one_s for one_s, _ in each_s), performance.latency_s
    performance_s = performance.latency_uncertainty_s or 0.0
    unsure_s = (
        OSCILLATORS * latency_s
        + EDGES_S / min(count for _, count in each_s)
        + performance_s
        + 2 * score.median_spread_s([one_s for one_s, _ in each_s])
    )
    yield SAME_TIME.judged(
        abs(energy_s - latency_s) <= unsure_s,
        f"{wanted}, within {uncertain(latency_s * 1e3, unsure_s * 1e3)} ms",
        f"{energy_s * 1e3:.6g} ms between the monitor's edges",
        "the energy build must run the same inference at the same clock: look at the DUT's timer, "
        "and at what else the energy build does",
    )


def _build(result: Result) -> Ruling:
    wanted = "the energy build of the firmware"
    if result.firmware is None:
        return BUILD.declared(wanted, "what the board held; its edges were counted")
    return BUILD.kept(wanted, "built so for this run")


def _supply(result: Result, energy: Energy) -> Ruling:
    wanted = "the monitor is the only supply, and the DUT is isolated"
    volts = "" if energy.voltage_v is None else f" at {energy.voltage_v:.3f} V"
    if energy.modelled:
        return SUPPLY.kept(wanted, f"{energy.monitor}{volts}: a model has no other supply")
    through = "behind an interface board" if result.interface_board else "without interface board"
    return SUPPLY.declared(wanted, f"{energy.monitor}{volts}, {through}")


def _windows(energy: Energy) -> Iterator[Ruling]:
    wanted = (
        "two edges for each infer (closer than 50 us are one), equally long for an inference, at "
        "most 0.1 % of the samples lost, none clipped"
    )
    faults = [
        *energy.faults,
        *(
            f"window {number}: {fault}"
            for number, window in enumerate(energy.windows, start=1)
            for fault in window.faults
            if fault not in energy.faults
        ),
    ]
    for fault in faults:
        advice = "mend the wiring or the monitor's settings, and run the energy mode again"
        yield WINDOW.broken(wanted, fault, advice)
    if not faults:
        lost = sum(window.lost for window in energy.windows)
        yield WINDOW.kept(wanted, f"{energy.edges} edges, {lost} samples lost in windows")


def _nothing_subtracted(energy: Energy) -> Iterator[Ruling]:
    wanted = "the energy of a window is its mean power times its time"
    known = [
        (number, window.energy_j, window.power_w * window.monitor_s)
        for number, window in enumerate(energy.windows, start=1)
        if window.energy_j is not None
        and window.power_w is not None
        and window.monitor_s is not None
    ]
    if not known:
        return
    less = [one for one in known if abs(one[1] - one[2]) > 1e-6 * abs(one[2])]
    for number, found_j, whole_j in less:
        yield NOTHING_SUBTRACTED.broken(
            wanted,
            f"window {number}: {found_j * 1e6:.4f} uJ, power times time is {whole_j * 1e6:.4f} uJ",
            "the stored result was changed after the run: run it again",
        )
    if not less:
        yield NOTHING_SUBTRACTED.kept(wanted, "it is, in every window")


def _recomputed(energy: Energy) -> Iterator[Ruling]:
    good = [
        window.energy_j / window.iterations
        for window in energy.windows
        if window.energy_j is not None and window.iterations
    ]
    if not good or energy.per_inference_j is None:
        return
    recomputed = statistics.median(good)
    yield RECOMPUTED.judged(
        abs(energy.per_inference_j - recomputed) <= 1e-9 * recomputed,
        f"{recomputed * 1e6:.4f} uJ/inference, from the stored windows",
        f"{energy.per_inference_j * 1e6:.4f}",
        "the stored result was changed after the run: run it again",
    )
