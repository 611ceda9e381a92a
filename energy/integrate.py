"""Energy between two moments of a trace: added up in chunks, with what was lost on the way."""

import math
from dataclasses import dataclass, replace

import numpy as np

from tinybench.errors import TraceError

from .trace import CHUNK, Floats, Trace, TraceHead

ROW = 4096
"""Products that are added up in float32 before float64 takes over: 1e-7 relative at worst."""
STEP_SAMPLES = 2
"""Samples on either side of an edge in which its step in power is looked for."""
STEP_SAMPLES_MAX = 4096


@dataclass(frozen=True)
class Integral:
    """Energy between two moments, in J, by samples that are there."""

    energy_j: float
    count: int
    """Samples of which at least a part lies between."""
    lost: int
    """... of which no number is there."""
    clipped: int
    voltage_v: float | None
    """Mean over whole samples, where each has its own; else what the head says."""
    below_j: float = 0.0
    """What samples below zero took away, of whole samples; 0 or less."""


@dataclass(frozen=True)
class Step:
    """Power around an edge, in W: the highest value, and the highest less the lowest."""

    high_w: float
    step_w: float


def integrate(trace: Trace, start_s: float, stop_s: float) -> Integral:
    """Integrate power from `start_s` to `stop_s` of the monitor's clock, fractions at both ends.

    Sample k covers k to k + 1 sample times; of a monitor that samples points it stands at k, and
    power runs straight from point to point. Raises TraceError where there are no such samples.
    """
    rate_hz = trace.head.rate_hz
    first, last = start_s * rate_hz, stop_s * rate_hz
    if not 0 <= first < last <= trace.count:
        raise TraceError(
            f"{trace.name or 'trace'}: no samples from {start_s:.6f} s to {stop_s:.6f} s; it has "
            f"{trace.count / rate_hz:.6f} s"
        )
    if trace.head.point_sampled:
        return _points(trace, first, last)
    head, tail = math.floor(first), min(math.floor(last), trace.count - 1)
    if head == tail:
        return _ends(trace, [(head, last - first)])
    ends = _ends(trace, [(head, head + 1 - first), (tail, last - tail)])
    return _added(ends, _whole(trace, head + 1, tail))


def step_at(trace: Trace, time_s: float, uncertainty_s: float) -> Step:
    """Return how much power varies about a moment, within its uncertainty and two samples."""
    at = math.floor(time_s * trace.head.rate_hz)
    reach = min(math.ceil(uncertainty_s * trace.head.rate_hz) + STEP_SAMPLES, STEP_SAMPLES_MAX)
    near_w = powers_w(trace, max(at - reach, 0), min(at + reach + 1, trace.count))
    near_w = near_w[np.isfinite(near_w)]
    if not len(near_w):
        return Step(0.0, 0.0)
    return Step(float(near_w.max()), float(near_w.max() - near_w.min()))


def highest_w(trace: Trace, start_s: float, stop_s: float) -> float:
    """Return the highest power between two moments, in W."""
    rate_hz = trace.head.rate_hz
    highest = 0.0
    for first in range(math.floor(start_s * rate_hz), math.ceil(stop_s * rate_hz), CHUNK):
        near_w = powers_w(
            trace, first, min(first + CHUNK, math.ceil(stop_s * rate_hz), trace.count)
        )
        highest = max(highest, float(near_w[np.isfinite(near_w)].max(initial=0.0)))
    return highest


def powers_w(trace: Trace, start: int, stop: int) -> Floats:
    """Return the power of each sample from `start` to `stop`, in float64; NaN where it is lost."""
    return _energies_j(trace, start, stop) * trace.head.rate_hz


def energy_sum_j(head: TraceHead, samples: Floats, voltage_v: Floats | None) -> float:
    """Return the energy of successive samples, shape [n]; NaN where one of them is."""
    scale = 1 / head.rate_hz if head.unit in ("A", "W") else 1e-6 if head.unit == "uJ" else 1.0
    if head.unit != "A":
        return float(np.sum(samples, dtype=np.float64)) * scale
    if voltage_v is not None:
        return _dot(samples, voltage_v) * scale
    return float(np.sum(samples, dtype=np.float64)) * _voltage_v(head) * scale


def _dot(left: Floats, right: Floats) -> float:
    """Return the dot product, in float32 within rows and in float64 between them."""
    rows = len(left) // ROW
    cut = rows * ROW
    total = float(np.dot(left[cut:], right[cut:]))
    if rows:
        products = np.matmul(left[:cut].reshape(rows, 1, ROW), right[:cut].reshape(rows, ROW, 1))
        total += float(products.sum(dtype=np.float64))
    return total


def _voltage_v(head: TraceHead) -> float:
    if head.voltage_v is None:
        raise TraceError("current alone is no power: give the voltage, with --voltage in V")
    return head.voltage_v


def _energies_j(trace: Trace, start: int, stop: int) -> Floats:
    """Return the energy of each of a few samples, in float64, shape [stop - start]."""
    samples, voltage_v = trace.read(start, stop)
    energies = np.asarray(samples, np.float64)
    head = trace.head
    if head.unit == "A":
        volts = _voltage_v(head) if voltage_v is None else np.asarray(voltage_v, np.float64)
        return energies * volts / head.rate_hz
    return energies * {"W": 1 / head.rate_hz, "J": 1.0, "uJ": 1e-6}[head.unit]


def _whole(trace: Trace, start: int, stop: int) -> Integral:
    """Add up whole samples."""
    head = trace.head
    energy_j, below_j, volts, lost, clipped = 0.0, 0.0, 0.0, 0, 0
    for chunk in trace.chunks(start, stop):
        samples, voltage_v = chunk.samples, chunk.voltage_v
        added_j = energy_sum_j(head, samples, voltage_v)
        if not math.isfinite(added_j):
            there = np.isfinite(samples)
            if voltage_v is not None:
                there &= np.isfinite(voltage_v)
                voltage_v = voltage_v[there]
            lost += len(samples) - int(there.sum())
            samples = samples[there]
            added_j = energy_sum_j(head, samples, voltage_v)
        energy_j += added_j
        below_j += _below_j(head, samples, voltage_v)
        if voltage_v is not None:
            volts += float(voltage_v.sum())
        if head.range_max is not None and len(samples) and samples.max() >= head.range_max:
            clipped += int((samples >= head.range_max).sum())
    count = max(stop - start, 0)
    mean_v = volts / (count - lost) if head.voltage_measured and count > lost else head.voltage_v
    return Integral(energy_j, count, lost, clipped, mean_v, below_j)


def _below_j(head: TraceHead, samples: Floats, voltage_v: Floats | None) -> float:
    """Return the energy of the samples whose power is below zero."""
    if not len(samples) or (samples.min() >= 0 and (voltage_v is None or voltage_v.min() >= 0)):
        return 0.0
    if voltage_v is None:
        return energy_sum_j(head, samples[samples < 0], None)
    low = samples * voltage_v < 0
    return energy_sum_j(head, samples[low], voltage_v[low])


def _ends(trace: Trace, parts: list[tuple[int, float]]) -> Integral:
    """Add up parts of samples, each (index, share of it)."""
    energy_j, lost, clipped = 0.0, 0, 0
    for index, share in parts:
        one_j = float(_energies_j(trace, index, index + 1)[0])
        if math.isfinite(one_j):
            energy_j += one_j * share
        else:
            lost += 1
        if trace.head.range_max is not None:
            clipped += int(trace.read(index, index + 1)[0][0] >= trace.head.range_max)
    return Integral(energy_j, len(parts), lost, clipped, trace.head.voltage_v)


def _points(trace: Trace, first: float, last: float) -> Integral:
    """Integrate straight lines between points; `first` and `last` in sample times."""
    head, tail = math.ceil(first), min(math.floor(last), trace.count - 1)
    if head > tail:
        left_j, right_j = _at(trace, tail, min(head, trace.count - 1))
        middle = (first + last) / 2 - tail
        energy_j = (left_j + (right_j - left_j) * middle) * (last - first)
        lost = 0 if math.isfinite(energy_j) else 2
        return Integral(0.0 if lost else energy_j, 2, lost, 0, trace.head.voltage_v)
    inside = _whole(trace, head, tail + 1)
    energy_j, lost = inside.energy_j, inside.lost
    before, after = max(head - 1, 0), min(tail + 1, trace.count - 1)
    near_j = dict(
        zip((before, head, tail, after), _at(trace, before, head, tail, after), strict=True)
    )
    if all(map(math.isfinite, near_j.values())):
        # Half of each end point, then the two pieces outside them.
        energy_j -= (near_j[head] + near_j[tail]) / 2
        left, right = head - first, last - tail
        energy_j += left * (near_j[head] + (near_j[before] - near_j[head]) * left / 2)
        energy_j += right * (near_j[tail] + (near_j[after] - near_j[tail]) * right / 2)
    else:
        lost = max(lost, 1)
    return replace(inside, energy_j=energy_j, lost=lost)


def _at(trace: Trace, *indexes: int) -> list[float]:
    return [float(_energies_j(trace, index, index + 1)[0]) for index in indexes]


def _added(left: Integral, right: Integral) -> Integral:
    return Integral(
        left.energy_j + right.energy_j,
        left.count + right.count,
        left.lost + right.lost,
        left.clipped + right.clipped,
        right.voltage_v,
        left.below_j + right.below_j,
    )
