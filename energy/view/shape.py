"""What a stretch of a trace is made of: its sums, its levels, its frequencies, its inferences."""

import math

import msgspec
import numpy as np

from ..integrate import powers_w
from ..tally import Tally
from ..trace import Trace

LEVELS = 80
"""Bars of a histogram, evenly on a scale of logarithms."""
SAMPLES_MOST = 1 << 22
"""That a histogram or a spectrum is made of; of a longer stretch pieces spread over it."""
SEGMENT = 4096
"""Samples of a spectrum's segments, which overlap by half."""
PHASES = 240
"""Columns of folded inferences."""
FOLDED_MOST = 200
"""Inferences that are laid over each other, evenly chosen."""


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """Between two markers; None where nobody knows the voltage."""

    duration_s: float
    samples: int
    lost: int
    charge_c: float | None
    energy_j: float | None
    mean_a: float | None
    mean_w: float | None


class Levels(msgspec.Struct, frozen=True):
    """How often which power is drawn: bars of equal width in its logarithm."""

    edges_w: list[float]
    """One more than there are bars."""
    counts: list[int]


class Spectrum(msgspec.Struct, frozen=True):
    """Density of the power's changes, W²/Hz, without the mean."""

    frequency_hz: list[float]
    density: list[float]


class Folded(msgspec.Struct, frozen=True):
    """Inferences of a window laid over each other, in W."""

    period_s: float
    count: int
    mean: list[float]
    low: list[float]
    """Of all of them, at each phase; as `high`."""
    high: list[float]
    deviation: list[float]
    """Standard deviation from one inference to the next."""


def sums(trace: Trace, start_s: float, stop_s: float) -> Sums:
    """Add up what lies between two moments, whole samples."""
    first, stop = _span(trace, start_s, stop_s)
    tally = Tally(trace.head)
    tally.begin(first)
    for chunk in trace.chunks(first, stop):
        tally.add(chunk)
    lived_s = tally.samples / trace.head.rate_hz
    return Sums(
        duration_s=(stop - first) / trace.head.rate_hz,
        samples=tally.samples,
        lost=tally.lost,
        charge_c=tally.charge_c,
        energy_j=tally.energy_j,
        mean_a=tally.charge_c / lived_s if tally.charge_c is not None and lived_s else None,
        mean_w=tally.energy_j / lived_s if tally.energy_j is not None and lived_s else None,
    )


def levels(trace: Trace, start_s: float, stop_s: float) -> Levels:
    """Count the samples of each level of power: sleep and work are two hills of it."""
    power = np.concatenate(_pieces(trace, start_s, stop_s))
    power = power[np.isfinite(power) & (power > 0)]
    if not len(power):
        return Levels([], [])
    low, high = float(power.min()), float(power.max())
    if high <= low * 1.000001:
        low, high = low * 0.99, high * 1.01
    edges = np.geomspace(low, high * 1.000001, LEVELS + 1)
    counts, _ = np.histogram(power, edges)
    return Levels(edges.tolist(), counts.tolist())


def spectrum(trace: Trace, start_s: float, stop_s: float) -> Spectrum:
    """Return the mean spectrum of segments under a Hann window, without gaps in them.

    Ref: P. D. Welch, IEEE Trans. Audio Electroacoust. 15 (1967) 70.
    """
    window = np.hanning(SEGMENT)
    scale = 2 / (trace.head.rate_hz * float((window**2).sum()))
    total, count = np.zeros(SEGMENT // 2 + 1), 0
    for power in _pieces(trace, start_s, stop_s):
        for first in range(0, len(power) - SEGMENT + 1, SEGMENT // 2):
            part = power[first : first + SEGMENT]
            if np.isfinite(part).all():
                total += np.abs(np.fft.rfft((part - part.mean()) * window)) ** 2
                count += 1
    if not count:
        return Spectrum([], [])
    frequency = np.fft.rfftfreq(SEGMENT, 1 / trace.head.rate_hz)[1:]
    return Spectrum(frequency.tolist(), (total[1:] * scale / count).tolist())


def fold(trace: Trace, start_s: float, stop_s: float, iterations: int) -> Folded | None:
    """Lay the inferences of a window over each other; None where one is but a few samples long.

    They are taken to be equally long, as those of one input are.
    """
    period_s = (stop_s - start_s) / max(1, iterations)
    each = period_s * trace.head.rate_hz
    phases = min(PHASES, math.floor(each))
    if phases < 4:
        return None
    chosen = np.unique(np.linspace(0, iterations - 1, min(iterations, FOLDED_MOST)).round())
    rows, low, high = [], np.full(phases, math.inf), np.full(phases, -math.inf)
    for number in chosen:
        first = round((start_s + number * period_s) * trace.head.rate_hz)
        power = powers_w(trace, first, min(trace.count, first + math.floor(each)))
        if len(power) < phases or not np.isfinite(power).all():
            continue
        starts = np.arange(phases) * len(power) // phases
        rows.append(np.add.reduceat(power, starts) / np.diff(np.append(starts, len(power))))
        low = np.minimum(low, np.minimum.reduceat(power, starts))
        high = np.maximum(high, np.maximum.reduceat(power, starts))
    if not rows:
        return None
    table = np.array(rows)
    deviation = table.std(0, ddof=1 if len(rows) > 1 else 0)
    deviation[deviation < 1e-9 * np.abs(table).max()] = 0.0  # of a sum's rounding alone
    return Folded(
        period_s,
        len(rows),
        table.mean(0).tolist(),
        low.tolist(),
        high.tolist(),
        deviation.tolist(),
    )


def _span(trace: Trace, start_s: float, stop_s: float) -> tuple[int, int]:
    """Return the samples from the first to the one behind the last, within the trace."""
    rate_hz = trace.head.rate_hz
    first = min(max(0, round(start_s * rate_hz)), trace.count)
    return first, min(max(first, round(stop_s * rate_hz)), trace.count)


def _pieces(trace: Trace, start_s: float, stop_s: float) -> list[np.ndarray]:
    """Return power in W of the whole stretch, or of equal pieces spread over a long one."""
    first, stop = _span(trace, start_s, stop_s)
    if stop - first <= SAMPLES_MOST:
        return [powers_w(trace, first, stop)]
    size = SAMPLES_MOST // 16
    starts = np.linspace(first, stop - size, 16).astype(int)
    return [powers_w(trace, int(start), int(start) + size) for start in starts]
