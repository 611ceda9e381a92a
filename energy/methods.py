"""How published figures were computed: each rule to the letter, right or not.

They exist to reproduce published results exactly, so that ours can stand beside them. They know
no uncertainty, no gaps and no debouncing. Figures are in uJ, as they are published.
"""

import math
import statistics
from collections.abc import Callable

import msgspec
import numpy as np

from tinybench.errors import TraceError

from .integrate import energy_sum_j
from .trace import CHUNK, Edge, Floats, Infer, Trace


class RuleWindow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A window by a published rule, in the units of its log."""

    number: int
    """As its log counts: the index of its last edge, or the trial."""
    start_s: float
    stop_s: float
    elapsed_s: float
    energy_uj: float
    power_uw: float
    iterations: int | None
    per_inference_uj: float | None


class RuleResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The windows by a published rule, and their median."""

    method: str
    windows: list[RuleWindow]
    median_uj: float | None
    """Energy of one inference; None where the number of inferences is unknown."""


def eembc(trace: Trace) -> RuleResult:
    """Compute windows as EEMBC's runner did from v0.5 to v1.2.

    Window i = 2, 4, ... lies between edges i - 1 and i, counted from 0. Time is added up sample by
    sample in double precision, and a sample counts when start <= time < stop.
    """
    times_s = [_stamp_s(edge) for edge in trace.edges]
    windows = []
    for number in range(2, len(times_s), 2):
        start_s, stop_s = times_s[number - 1], times_s[number]
        windows.append((number, start_s, stop_s, _infer(trace, number // 2 - 1)))
    bounds = [window[1] for window in windows] + [window[2] for window in windows]
    indexes = _first_at(bounds, trace)
    found = []
    for place, (number, start_s, stop_s, iterations) in enumerate(windows):
        first, last = indexes[place], indexes[place + len(windows)]
        energy_uj = 0.0
        for chunk in trace.chunks(first, last):
            # One by one, as the runner adds them up; numpy's own sum would go in pairs.
            values_uj = _samples_uj(trace, chunk.samples, chunk.voltage_v)
            values_uj[:1] += energy_uj
            energy_uj = float(np.add.accumulate(values_uj)[-1])
        found.append(_window(number, start_s, stop_s, stop_s - start_s, energy_uj, iterations))
    return _result("eembc", found)


def v13(trace: Trace) -> RuleResult:
    """Compute windows as the MLPerf Tiny v1.3 runner does.

    Of the edges that came with an infer's samples the last two are taken, whatever they are; the
    window is the samples between, and their time by the nominal rate.
    """
    rate_hz = trace.head.rate_hz
    stamps = [round(_stamp_s(edge) * rate_hz) for edge in trace.edges]
    found = []
    for number, infer in enumerate(trace.infers):
        start_s = 0.0 if infer.start_s is None else infer.start_s
        stop_s = trace.count / rate_hz if infer.stop_s is None else infer.stop_s
        offset = round(start_s * rate_hz)
        own = [at for at in stamps if offset <= at <= round(stop_s * rate_hz)]
        if len(own) < 2:
            raise TraceError(
                f"{trace.name}: {len(own)} edges with infer {number + 1}; the rule of v1.3 takes "
                "the last two"
            )
        first, last = own[-2] - offset, own[-1] - offset
        samples, voltage_v = trace.read(own[-2], own[-1])
        # Rounded once: numpy's sum differs in the last bit from one processor to another.
        values_j = _samples_uj(trace, samples, voltage_v, scale=1.0)
        energy_j = math.fsum(values_j) if np.isfinite(values_j).all() else math.nan
        # The runner divides counts by the rate before it subtracts.
        elapsed_s = last / rate_hz - first / rate_hz
        start_s, stop_s = own[-2] / rate_hz, own[-1] / rate_hz
        iterations = infer.iterations or None
        found.append(_window(number, start_s, stop_s, elapsed_s, energy_j, iterations, 1e6))
    return _result("v1.3", found)


METHODS: dict[str, Callable[[Trace], RuleResult]] = {"eembc": eembc, "v1.3": v13}


def _stamp_s(edge: Edge) -> float:
    return edge.time_s if edge.stamp_s is None else edge.stamp_s


def _infer(trace: Trace, number: int) -> int | None:
    """Return the iterations of a window; the runner was told one number for all."""
    known: Infer | None = None
    if trace.infers:
        known = trace.infers[min(number, len(trace.infers) - 1)]
    return known.iterations or None if known else None


def _first_at(times_s: list[float], trace: Trace) -> list[int]:
    """Return for each time the first sample whose added-up time is not before it."""
    found = [trace.count] * len(times_s)
    wanted = np.array(times_s)
    step_s, time_s = 1 / trace.head.rate_hz, 0.0
    done = np.zeros(len(times_s), bool)
    for first in range(0, trace.count, CHUNK):
        steps = np.full(min(CHUNK, trace.count - first) + 1, step_s)
        steps[0] = time_s
        times = np.add.accumulate(steps)
        time_s = float(times[-1])
        for place in np.flatnonzero(~done & (wanted <= times[-2])):
            found[place] = first + int(np.searchsorted(times[:-1], wanted[place]))
            done[place] = True
        if done.all():
            break
    return found


def _samples_uj(
    trace: Trace, samples: Floats, voltage_v: Floats | None, scale: float = 1e6
) -> Floats:
    """Return the energy of each sample in float64, in uJ; in J with a scale of 1."""
    head = trace.head
    values = np.array(samples, np.float64)
    if head.unit == "uJ":
        return values if scale == 1e6 else values * (1e-6 * scale)
    if head.unit == "A" and voltage_v is not None:
        values *= voltage_v
        return values * (scale / head.rate_hz)
    factor = energy_sum_j(head, np.ones(1), None) * scale
    return values if factor == 1.0 else values * factor


def _window(
    number: int,
    start_s: float,
    stop_s: float,
    elapsed_s: float,
    energy: float,
    iterations: int | None,
    to_uj: float = 1.0,
) -> RuleWindow:
    """Divide first and convert after, as both runners do: published digits depend on it."""
    return RuleWindow(
        number=number,
        start_s=start_s,
        stop_s=stop_s,
        elapsed_s=elapsed_s,
        energy_uj=energy * to_uj,
        power_uw=energy / elapsed_s * to_uj if elapsed_s else 0.0,
        iterations=iterations,
        per_inference_uj=energy / iterations * to_uj if iterations else None,
    )


def _result(method: str, windows: list[RuleWindow]) -> RuleResult:
    each = [window.per_inference_uj for window in windows]
    known = [value for value in each if value is not None]
    median_uj = statistics.median(known) if known and len(known) == len(each) else None
    return RuleResult(method=method, windows=windows, median_uj=median_uj)
