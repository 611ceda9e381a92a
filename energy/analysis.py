"""From a trace to energy per inference: windows by their edges, with an uncertainty (k = 2).

Every figure is by the monitor's own clock. Nothing is subtracted, and nothing is made up: what is
missing makes a window invalid, or is within its uncertainty and said.
"""

import itertools
import math
import statistics
from collections.abc import Sequence

import msgspec
import numpy as np

from tinybench.errors import TraceError

from . import pairing
from .integrate import Integral, highest_w, integrate, step_at
from .pairing import Span, debounced
from .trace import CHUNK, Edge, Floats, Infer, Trace

COVERAGE_FACTOR = 2
LOST_MAX = 1e-3
"""Share of a window's samples that may be lost. Ref: energyrunner README, energy mode."""
SKEW_MAX_PPM = 500.0
CLOCK_PPM = 100.0
"""Half width of the monitor's clock where nobody states it: any quartz keeps it."""
HOST_LATENCY_S = 0.25
"""The host sees the start and the end of an infer this much too late at most."""
TIMED_SHARE = 0.01
"""The DUT's clock is off by no more where it is a witness, two samples aside."""
RANDOM = ("edges", "losses")
"""Terms that differ from window to window; the others are the instrument's, the same in all."""
SPREAD_OF_MEDIAN = {1: 1.0, 2: 0.7071, 3: 0.6698, 4: 0.5460, 5: 0.5356}
"""Standard deviation of the median of n normal values, in theirs."""


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One infer between its two edges. Energies in J, uncertainties of them at k = 2.

    Of a window with faults there is no energy: a doubtful number is no number.
    """

    number: int
    input: str
    start_s: float | None
    stop_s: float | None
    energy_j: float | None
    uncertainty_j: float | None
    """Of the terms that are known."""
    terms_j: dict[str, float | None]
    """Standard uncertainties (k = 1), by name; None where nobody states it."""
    iterations: int | None
    per_inference_j: float | None
    power_w: float | None
    """Mean, by the monitor's clock."""
    monitor_s: float | None
    dut_s: float | None
    host_s: float | None
    """The same time by three clocks; never mixed."""
    dut_skew_ppm: float | None
    voltage_v: float | None
    samples: int
    lost: int
    clipped: int
    faults: list[str]
    """Why this window is no result; empty when it is one."""
    warnings: list[str]


class Analysis(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a trace says. Medians are over valid windows only, None where there is none."""

    valid: bool
    """Every window is valid, and there is one for each infer."""
    modelled: bool
    """No measurement."""
    windows: list[Window]
    median_j: float | None
    """Energy of one inference; of a window, where the iterations are not known."""
    uncertainty_j: float | None
    """Of the terms that are known: incomplete where `not_stated` names others."""
    terms_j: dict[str, float | None]
    per_inference: bool
    host_skew_ppm: float | None
    edges: int
    """After debouncing."""
    gaps: int
    lost: int
    """Samples in the whole trace, by its list of gaps."""
    not_stated: list[str]
    """Terms of the uncertainty that nobody states for this monitor: null in `terms_j`."""
    faults: list[str]
    warnings: list[str]


def analyse(trace: Trace) -> Analysis:
    """Find the windows of a trace and their energy.

    Raises TraceError where samples cannot become energy: current without any voltage, a damaged
    file, values beyond all numbers. A window that cannot be trusted is in the result, with its
    faults.
    """
    try:
        with np.errstate(invalid="ignore", over="ignore"):  # lost samples are counted
            found = _analyse(trace)
    except OverflowError as error:
        raise _beyond(trace) from error
    for window in found.windows:
        figures = (window.energy_j, window.uncertainty_j, window.power_w)
        if not all(figure is None or math.isfinite(figure) for figure in figures):
            raise _beyond(trace)
    return found


def _beyond(trace: Trace) -> TraceError:
    return TraceError(
        f"{trace.name}: its energy is beyond what a number can hold; look at the voltage, the "
        "scale and the accuracy that the file states"
    )


def _analyse(trace: Trace) -> Analysis:
    edges = debounced(trace.edges)
    spans, faults, warnings = pairing.spans(trace, edges)
    if not trace.complete:
        warnings.append("the recording ended early: the file was not finished")
    windows = [_window(trace, number, span, faults) for number, span in enumerate(spans, start=1)]
    if not windows and not faults:
        faults = ["there is no window: no infer, or too few edges"]
    if not faults and (fault := _misplaced(trace, spans, edges, windows)):
        faults = [fault]
        windows = [_refused(window, fault) for window in windows]
    good = [window for window in windows if not window.faults]
    infers = [infer for infer in trace.infers if not infer.again]
    skew_ppm = _host_skew_ppm(infers, windows)
    if skew_ppm is not None and abs(skew_ppm) > SKEW_MAX_PPM:
        warnings.append(f"the host's clock and the monitor's differ by {skew_ppm:.0f} ppm")
    per_inference = bool(windows) and all(window.iterations for window in windows)
    median_j, terms_j = _median(good, per_inference) if good else (None, {})
    return Analysis(
        valid=bool(windows)
        and len(good) == len(windows)
        and len(windows) == (len(infers) or len(windows)),
        modelled=trace.head.modelled,
        windows=windows,
        median_j=median_j,
        uncertainty_j=None if median_j is None else COVERAGE_FACTOR * _combined(terms_j),
        terms_j=terms_j,
        per_inference=per_inference,
        host_skew_ppm=skew_ppm,
        edges=len(edges),
        gaps=len(trace.gaps),
        lost=sum(gap.count for gap in trace.gaps),
        not_stated=_not_stated(trace),
        faults=faults,
        warnings=warnings,
    )


def _misplaced(
    trace: Trace, spans: list[Span], edges: list[Edge], windows: list[Window]
) -> str | None:
    """Return why the windows are none: unequal, or with less power than between them."""
    marks = trace.head.marks
    if trace.windows:  # whose lengths say something only where their work is known
        if not all(window.iterations for window in windows):
            return None
        why = f"windows by {trace.windows_by} do not hold that many inferences each"
        return pairing.unequal(spans, [], 0, pairing.LENGTHS_MAX, why)
    again = any(infer.again for infer in trace.infers)
    if again:
        edges = []  # they are not those of these windows alone: none is named as a false one
    if pairing.placed(trace) or _timed(trace, windows):
        return pairing.unequal(spans, edges, marks, pairing.LENGTHS_MAX)
    within_w = [window.power_w for window in windows if window.power_w]
    between_w = [] if again else _between_w(trace, windows)
    seen = pairing.told_by_power(within_w, between_w)
    if isinstance(seen, str):
        return seen
    most = pairing.LENGTHS_MAX if seen else pairing.LENGTHS_ALONE_MAX
    return pairing.unequal(spans, edges, marks, most)


def _between_w(trace: Trace, windows: list[Window]) -> list[float]:
    """Return the power of each pause between windows, as far as it is known."""
    found = []
    for before, after in itertools.pairwise(windows):
        start_s, stop_s = before.stop_s or 0.0, after.start_s or 0.0
        if 0 <= start_s < stop_s and stop_s * trace.head.rate_hz <= trace.count:
            pause = integrate(trace, start_s, stop_s)
            if not pause.lost:
                found.append(pause.energy_j / (stop_s - start_s))
    return found


def _timed(trace: Trace, windows: list[Window]) -> bool:
    """Return whether the DUT or the host has timed every window, and agrees."""
    for window in windows:
        if window.monitor_s is None:
            return False
        if window.dut_s is not None:
            late_s = abs(window.dut_s - window.monitor_s) - 2 / trace.head.rate_hz
            share = TIMED_SHARE
        elif window.host_s is not None:
            late_s, share = abs(window.host_s - window.monitor_s), pairing.LENGTHS_ALONE_MAX - 1
        else:
            return False
        if late_s > share * window.monitor_s:
            return False
    return True


def _refused(window: Window, fault: str) -> Window:
    """Return a window without its energy."""
    return msgspec.structs.replace(
        window,
        energy_j=None,
        uncertainty_j=None,
        terms_j={},
        per_inference_j=None,
        power_w=None,
        faults=[*window.faults, fault],
    )


def _window(trace: Trace, number: int, span: Span, faults: list[str]) -> Window:
    start, stop = span.start, span.stop
    faults = [*faults, *span.faults]
    known = span.infer or Infer(0)
    iterations = known.iterations or None
    warnings: list[str] = []
    whole: Integral | None = None
    energy_j = uncertainty_j = monitor_s = dut_ppm = None
    terms_j: dict[str, float | None] = {}
    if start and stop:
        monitor_s = stop.time_s - start.time_s
        if start.time_s < 0 or stop.time_s * trace.head.rate_hz > trace.count:
            faults.append("the samples end before the window does")
        else:
            whole = integrate(trace, start.time_s, stop.time_s)
            for what, count in (("lost", whole.lost), ("clipped", whole.clipped)):
                said = f"{count} of {whole.count} samples are {what} ({count / whole.count:.3%})"
                if count > LOST_MAX * whole.count:
                    faults.append(f"{said}, more than {LOST_MAX:.1%}")
                elif count:
                    warnings.append(said)
            if whole.lost < whole.count:
                faults += _negative(whole)
        dut_ppm = _clocks(known, start, stop, warnings)
    if start and stop and whole and monitor_s and not faults:
        lost_s = whole.lost / trace.head.rate_hz
        energy_j = whole.energy_j * monitor_s / (monitor_s - lost_s)
        terms_j = _terms(trace, start, stop, energy_j, whole)
        uncertainty_j = COVERAGE_FACTOR * _combined(terms_j)
    return Window(
        number=number,
        input=known.input,
        start_s=start.time_s if start else None,
        stop_s=stop.time_s if stop else None,
        energy_j=energy_j,
        uncertainty_j=uncertainty_j,
        terms_j=terms_j,
        iterations=iterations,
        per_inference_j=energy_j / iterations if energy_j is not None and iterations else None,
        power_w=energy_j / monitor_s if energy_j is not None and monitor_s else None,
        monitor_s=monitor_s,
        dut_s=known.dut_s,
        host_s=known.host_s,
        dut_skew_ppm=dut_ppm,
        voltage_v=whole.voltage_v if whole else trace.head.voltage_v,
        samples=whole.count if whole else 0,
        lost=whole.lost if whole else 0,
        clipped=whole.clipped if whole else 0,
        faults=faults,
        warnings=warnings,
    )


def _negative(whole: Integral) -> list[str]:
    """Return what is wrong with a sum that is not above zero, or that samples below it lessened."""
    if not whole.energy_j > 0:
        return [
            f"its energy is {whole.energy_j * 1e6:.3f} uJ, and no DUT runs on that: is the current "
            "counted the other way round?"
        ]
    if -whole.below_j > LOST_MAX * whole.energy_j:
        share = -whole.below_j / whole.energy_j
        return [f"samples below zero take {share:.2%} of its energy away, more than {LOST_MAX:.1%}"]
    return []


def _clocks(infer: Infer, start: Edge, stop: Edge, warnings: list[str]) -> float | None:
    """Return by how much the DUT's clock is faster, in ppm; warn where clocks do not agree."""
    monitor_s = stop.time_s - start.time_s
    if infer.host_s is not None:
        late_s = infer.host_s - monitor_s
        if abs(late_s) > HOST_LATENCY_S + monitor_s * SKEW_MAX_PPM * 1e-6:
            warnings.append(f"{monitor_s:.3f} s by the monitor, {infer.host_s:.3f} s by the host")
    if infer.dut_s is None:
        return None
    skew_ppm = (infer.dut_s / monitor_s - 1) * 1e6
    resolution_ppm = (start.uncertainty_s + stop.uncertainty_s) / monitor_s * 1e6
    if abs(skew_ppm) > SKEW_MAX_PPM + resolution_ppm:
        warnings.append(f"the DUT's clock and the monitor's differ by {skew_ppm:.0f} ppm")
    return skew_ppm


def _terms(
    trace: Trace,
    start: Edge,
    stop: Edge,
    energy_j: float,
    whole: Integral,
) -> dict[str, float | None]:
    """Return the standard uncertainties of a window's energy, in J, by name; None: not stated.

    A half width of a data sheet is that of a uniform distribution: divided by the root of three.
    """
    head, states = trace.head, trace.head.accuracy
    time_s = stop.time_s - start.time_s
    volts = whole.voltage_v or 0.0
    sample_s = 1 / head.rate_hz
    to_j = _to_j(trace, volts)
    highest_j = 0.0
    if whole.lost:
        highest_j = highest_w(trace, start.time_s, stop.time_s) * sample_s
    steps = [(edge, step_at(trace, edge.time_s, edge.uncertainty_s)) for edge in (start, stop)]
    terms = {
        "gain": energy_j * (states.gain or 0.0),
        "offset": (states.offset_a or 0.0) * volts * time_s,
        "voltage": energy_j * (states.voltage or 0.0),
        "clock": energy_j * _clock_ppm(trace) * 1e-6,
        "quantisation": _quantisation_j(trace, start.time_s, stop.time_s, energy_j, to_j),
        # A lost sample may have been anything from nothing to the highest; a clipped one is
        # above the range, by as much again at most; one below zero may have been above it.
        "losses": whole.lost * highest_j
        + whole.clipped * (head.range_max or 0.0) * to_j
        - 2 * whole.below_j,
    }
    unknown = _not_stated(trace)
    terms_j: dict[str, float | None] = {
        name: None if name in unknown else half_width / math.sqrt(3)
        for name, half_width in terms.items()
    }
    edges_j2 = 0.0
    for edge, step in steps:
        # The edge itself; and the power of the sample that it cuts, which is not even.
        share = edge.time_s * head.rate_hz % 1
        uneven_j = step.step_w * share * (1 - share) * sample_s
        edges_j2 += (step.high_w * edge.uncertainty_s) ** 2 / 3 + uneven_j**2
    return terms_j | {"edges": math.sqrt(edges_j2)}


def _to_j(trace: Trace, volts: float) -> float:
    """Return the energy of a sample of 1, in J."""
    sample_s = 1 / trace.head.rate_hz
    return {"A": volts * sample_s, "W": sample_s, "J": 1.0, "uJ": 1e-6}[trace.head.unit]


def _quantisation_j(
    trace: Trace, start_s: float, stop_s: float, energy_j: float, to_j: float
) -> float:
    """Return the half width that rounding of the samples leaves, in J.

    Equal samples are rounded by the same error, so what averages out is counted over different
    ones only.
    """
    head, states = trace.head, trace.head.accuracy
    first, last = math.floor(start_s * head.rate_hz), math.ceil(stop_s * head.rate_hz)
    linear_j = states.quantisation_a * to_j * (last - first)
    code = states.code
    if not code and not states.quantisation and not states.quantisation_a:
        code = seen_code(trace.read(first, min(first + CHUNK, last, trace.count))[0])
    if not states.quantisation and not code:
        return linear_j
    counts: dict[float, int] = {}
    for chunk in trace.chunks(first, last):
        values, times = np.unique(chunk.samples, return_counts=True)
        for value, count in zip(values.tolist(), times.tolist(), strict=True):
            if math.isfinite(value):
                counts[value] = counts.get(value, 0) + count
    total = sum(abs(value) * count for value, count in counts.items())
    if not total:
        return linear_j
    squares = (
        (half_step(value, code, states.quantisation) * count) ** 2
        for value, count in counts.items()
    )
    return linear_j + math.sqrt(sum(squares)) / total * energy_j


def seen_code(samples: Floats) -> str:
    """Return the code that all samples are in, of those `half_step` knows; "" where there is none.

    Where nobody states a resolution, the samples show a coarse one. Ref: GUM, F.2.2.1.
    """
    there = np.unique(samples[np.isfinite(samples) & (samples != 0)])
    if not len(there):
        return ""
    mantissas = np.frexp(there.astype(np.float64))[0] * 2**12
    if (mantissas == np.rint(mantissas)).all():
        return "hex12"
    digits = np.abs(there.astype(np.float64))
    digits /= 10.0 ** (np.floor(np.log10(digits)) - 3)
    return "dec4" if (np.abs(digits - np.rint(digits)) < 1e-3).all() else ""


def half_step(value: float, code: str, relative: float) -> float:
    """Return half a step of the code that `value` was sent in, in its unit.

    Ref: UM2269, "hex12" is a mantissa of 12 bits times a power of 16, "dec4" one of four digits
    times a power of ten.
    """
    if value == 0:
        return 0.0
    if code == "hex12":
        return 0.5 * 16.0 ** (math.floor(math.log(abs(value), 16)) - 2)
    if code == "dec4":
        return 0.5 * 10.0 ** (math.floor(math.log10(abs(value))) - 3)
    return abs(value) * relative


def _median(windows: list[Window], per_inference: bool) -> tuple[float, dict[str, float | None]]:
    """Return the median and its standard uncertainties."""

    def scaled(window: Window, value_j: float) -> float:
        return value_j / window.iterations if per_inference and window.iterations else value_j

    values_j = [scaled(window, window.energy_j or 0.0) for window in windows]
    narrowed = SPREAD_OF_MEDIAN.get(len(windows), 1.2533 / math.sqrt(len(windows)))
    terms_j: dict[str, float | None] = {}
    for name in windows[0].terms_j:
        known = [(window, window.terms_j[name]) for window in windows]
        of_windows = [scaled(window, term_j) for window, term_j in known if term_j is not None]
        if not of_windows:
            terms_j[name] = None
        elif name in RANDOM:
            terms_j[name] = narrowed * math.sqrt(statistics.fmean(x * x for x in of_windows))
        else:
            terms_j[name] = statistics.fmean(of_windows)
    if len(values_j) > 1:
        # What the windows differ by, beyond what their edges and losses explain.
        explained = sum(((terms_j[name] or 0.0) / narrowed) ** 2 for name in RANDOM)
        excess = max(statistics.variance(values_j) - explained, 0.0)
        terms_j["repeatability"] = narrowed * math.sqrt(excess)
    return statistics.median(values_j), terms_j


def _combined(terms_j: dict[str, float | None]) -> float:
    return math.sqrt(sum(term * term for term in terms_j.values() if term is not None))


def _clock_ppm(trace: Trace) -> float:
    stated = trace.head.accuracy.clock_ppm
    return CLOCK_PPM if stated is None else stated


def _not_stated(trace: Trace) -> list[str]:
    head, states = trace.head, trace.head.accuracy
    # An offset in A is one in W by a voltage only.
    known_v = head.voltage_measured or head.voltage_v is not None
    offset_a = states.offset_a if known_v else None
    terms = {"gain": states.gain, "offset": offset_a, "voltage": states.voltage}
    return [name for name, value in terms.items() if value is None]


def _host_skew_ppm(infers: Sequence[Infer], windows: list[Window]) -> float | None:
    """Return by how much the host's clock is faster, from the ends of the first and last window."""
    ends = [
        (window.stop_s, infer.host_stop_s)
        for infer, window in zip(infers, windows, strict=False)
        if infer.host_stop_s is not None and window.stop_s is not None
    ]
    if len(ends) < 2:
        return None
    (first_s, first_host_s), (last_s, last_host_s) = ends[0], ends[-1]
    if last_s <= first_s:
        return None
    return ((last_host_s - first_host_s) / (last_s - first_s) - 1) * 1e6
