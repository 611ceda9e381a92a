"""Loads of known energy, and instruments of known errors that record them."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinybench.energy.trace import Accuracy, Edge, Infer, Trace, TraceHead

MARK_S = 0.02
"""When the mark before the first window falls, by true time."""
ITERATIONS = 10
RATES_HZ = {"lpm01a": (1e3, 1e5), "js220": (1e4, 2e6), "ppk2": (1e5, 1e5)}

Energy = Callable[[np.ndarray], np.ndarray]
"""Energy from time 0 on, in J, at true times in s: exact, for each load is integrated on paper."""


@dataclass(frozen=True)
class Case:
    """A recorded trace and what a perfect instrument would have found."""

    trace: Trace
    true_j: list[float]
    """Energy of each window."""
    words: str


def pulses(low_w: float, high_w: float, period_s: float, duty: float) -> Energy:
    """A square wave."""

    def energy_j(time_s: np.ndarray) -> np.ndarray:
        number = np.floor(time_s / period_s)
        on_s = number * duty * period_s + np.minimum(time_s - number * period_s, duty * period_s)
        return low_w * time_s + (high_w - low_w) * on_s

    return energy_j


def ramps(low_w: float, high_w: float, period_s: float) -> Energy:
    """A sawtooth."""

    def energy_j(time_s: np.ndarray) -> np.ndarray:
        number = np.floor(time_s / period_s)
        within = time_s / period_s - number
        return low_w * time_s + (high_w - low_w) * period_s * (number + within**2) / 2

    return energy_j


def bursts(rng: np.random.Generator, low_w: float, high_w: float, length_s: float) -> Energy:
    """Power that jumps at random to random values."""
    jumps = int(rng.integers(2, 400))
    at_s = np.concatenate([[0.0], np.sort(rng.uniform(0, length_s, jumps)), [length_s]])
    power_w = low_w + (high_w - low_w) * rng.random(len(at_s) - 1) ** 2
    energy_at_j = np.concatenate([[0.0], np.cumsum(power_w * np.diff(at_s))])

    def energy_j(time_s: np.ndarray) -> np.ndarray:
        return np.interp(time_s, at_s, energy_at_j)

    return energy_j


def during(load: Energy, windows: list[tuple[float, float]], idle_w: float) -> Energy:
    """A load that works in its windows only, and idles else: power steps at every edge."""

    def energy_j(time_s: np.ndarray) -> np.ndarray:
        total_j = idle_w * time_s
        for start_s, stop_s in windows:
            ends = np.array([start_s])
            inside_s = np.clip(time_s, start_s, stop_s)
            total_j = total_j + load(inside_s) - load(ends) - idle_w * (inside_s - start_s)
        return total_j

    return energy_j


def hex12(values: np.ndarray) -> np.ndarray:
    """Round as the LPM01A's binary format does: 12 bits times a power of 16."""
    positive = np.maximum(values, 1e-12)
    step = 16.0 ** (np.floor(np.log(positive) / math.log(16)) - 2)
    return np.rint(positive / step) * step


def seeded(seed: int, samples_max: int = 2_000_000) -> Case:
    """Return the case of a seed: a load, windows and an instrument, all drawn at random."""
    rng = np.random.default_rng(seed)
    instrument = tuple(RATES_HZ)[seed % 3]
    rate_hz = _log_uniform(rng, *RATES_HZ[instrument])
    window_s = _log_uniform(rng, 0.05, 20.0)
    window_s = min(window_s, samples_max / rate_hz * 0.8 - MARK_S)
    count = int(np.clip((samples_max / rate_hz - MARK_S) / (1.2 * window_s), 1, 5))
    starts_s = MARK_S * 2 + np.arange(count) * window_s * 1.2 + rng.uniform(0, 0.1) * window_s
    windows = [(float(start), float(start) + window_s) for start in starts_s]
    length_s = windows[-1][1] + max(0.02, 50 / rate_hz)

    volts = rng.uniform(1.8, 3.6)
    high_w = _log_uniform(rng, 1e-3, 0.1)
    low_w = high_w * rng.uniform(0, 1)
    kind = ("pulses", "ramps", "bursts")[int(rng.integers(3))]
    period_s = _log_uniform(rng, 1e-4, window_s)
    if kind == "pulses":
        load = pulses(low_w, high_w, period_s, rng.uniform(0.02, 0.98))
    elif kind == "ramps":
        load = ramps(low_w, high_w, period_s)
    else:
        load = bursts(rng, low_w, high_w, length_s)
    gated = bool(rng.integers(2))
    if gated:
        load = during(load, windows, idle_w=low_w * rng.uniform(0, 1))
    true_j = [float(np.diff(load(np.array(window)))[0]) for window in windows]

    states = Accuracy(
        gain=_log_uniform(rng, 1e-4, 2e-2),
        offset_a=_log_uniform(rng, 1e-9, 1e-5),
        voltage=_log_uniform(rng, 1e-4, 1e-2),
        clock_ppm=_log_uniform(rng, 1, 500),
        code="hex12" if instrument == "lpm01a" else "",
        quantisation_a=2e-6 if instrument == "ppk2" else 0.0,
    )
    trace = _record(rng, instrument, load, rate_hz, length_s, volts, states, windows)
    words = f"seed {seed}: {kind}{' gated' if gated else ''}, {instrument}, {rate_hz:.0f} Hz, "
    words += f"{window_s:.3f} s"
    return Case(trace, true_j, words)


def _record(
    rng: np.random.Generator,
    instrument: str,
    load: Energy,
    rate_hz: float,
    length_s: float,
    volts: float,
    states: Accuracy,
    windows: list[tuple[float, float]],
) -> Trace:
    """Record a load with an instrument whose errors are drawn from within what it states."""
    assert states.gain is not None
    assert states.offset_a is not None
    assert states.voltage is not None
    assert states.clock_ppm is not None

    def within(half_width: float) -> float:
        return rng.uniform(-half_width, half_width)

    # Sample k begins at k / true_rate_hz of true time: the clock is a little fast or slow.
    true_rate_hz = rate_hz * (1 + within(states.clock_ppm * 1e-6))
    gain, offset_a = 1 + within(states.gain), within(states.offset_a)
    read_v = volts * (1 + within(states.voltage))
    noise_a = _log_uniform(rng, 1e-8, 1e-5)
    noise_seed = int(rng.integers(2**32))
    per_sample = instrument == "js220"

    def read(start: int, stop: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Record on demand, so that a trace of any length takes no memory."""
        energy_j = load(np.arange(start, stop + 1) / true_rate_hz)
        current_a = np.diff(energy_j) * (true_rate_hz / volts)
        noise = np.random.default_rng((noise_seed, start)).normal(0, noise_a, stop - start)
        measured_a = current_a * gain + offset_a + noise
        if states.code:
            measured_a = hex12(measured_a)
        if states.quantisation_a:
            step_a = 2 * states.quantisation_a
            measured_a = np.rint(measured_a / step_a) * step_a
        voltage_v = np.full(stop - start, read_v, np.float32) if per_sample else None
        return measured_a.astype(np.float32), voltage_v

    edges = []
    for true_s in [MARK_S, *(edge for window in windows for edge in window)]:
        at_s = true_s * true_rate_hz / rate_hz
        if instrument == "js220":  # its inputs are sampled at twice the rate
            half_s = 0.25 / rate_hz
            edges.append(Edge(math.ceil(at_s / (2 * half_s)) * 2 * half_s - half_s, None, half_s))
        else:  # an edge is said after the sample in which it fell
            half_s = 0.5 / rate_hz
            edges.append(Edge(math.ceil(at_s * rate_hz) / rate_hz - half_s, None, half_s))
    head = TraceHead(
        rate_hz=rate_hz,
        unit="A",
        voltage_v=None if per_sample else read_v,
        voltage_measured=per_sample,
        accuracy=states,
    )
    infers = [Infer(ITERATIONS, dut_s=stop - start) for start, stop in windows]
    return Trace(head, int(length_s * true_rate_hz), read, edges, infers=infers)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(math.exp(rng.uniform(math.log(low), math.log(high)))) if low < high else low
