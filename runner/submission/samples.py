"""Energy windows as the v1.3 runner stores them: samples of 1 ms between the edges, and around.

The grid of samples begins at each window's first edge, and its last sample is the rest of the
window: so the sum between the edges is the window's energy, with nothing rounded off at them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinybench.energy.importers.runner13 import RATE_HZ
from tinybench.energy.integrate import powers_w
from tinybench.energy.trace import CHUNK, Floats, Trace, open_trace
from tinybench.errors import RunFolderError

from ..results.result import EnergyWindow

AROUND = 100
"""Samples before and after a window, where the trace has them."""
SHARE_MAX = 1e-3
"""By how much the trace's energy may be off the stored one: as many samples may be lost."""


@dataclass(frozen=True)
class WindowSamples:
    """One window, in J a sample; the edges are before these samples."""

    samples_j: list[float]
    start: int
    stop: int

    @property
    def energy_j(self) -> float:
        return math.fsum(self.samples_j[self.start : self.stop])

    @property
    def lasts_s(self) -> float:
        """By the count of samples, as the v1.3 runner has it."""
        return self.stop / RATE_HZ - self.start / RATE_HZ


def window_samples(path: Path, windows: Sequence[EnergyWindow]) -> list[WindowSamples]:
    """Return the samples of each window of a stored trace.

    Raises TraceError for a damaged trace, RunFolderError when it is not that of the windows.
    """
    with open_trace(path, links=False) as trace:
        return [_window(trace, path, window) for window in windows]


def _window(trace: Trace, path: Path, window: EnergyWindow) -> WindowSamples:
    start_s, stop_s, energy_j = window.start_s, window.stop_s, window.energy_j
    end_s = trace.count / trace.head.rate_hz
    if start_s is None or stop_s is None or energy_j is None or not 0 <= start_s < stop_s <= end_s:
        raise RunFolderError(f"{path}: a window of the result is not in it")
    step_s = 1 / RATE_HZ
    inside = max(math.ceil((stop_s - start_s) * RATE_HZ - 1e-9), 1)
    before = min(AROUND, math.floor(start_s * RATE_HZ))
    after = min(AROUND, math.floor((end_s - stop_s) * RATE_HZ))
    times_s = np.concatenate(
        [
            start_s - step_s * np.arange(before, 0, -1),
            start_s + step_s * np.arange(inside),
            stop_s + step_s * np.arange(after + 1),
        ]
    )
    samples_j = np.diff(_energy_until(trace, np.clip(times_s, 0.0, end_s)))
    found_j = float(samples_j[before : before + inside].sum())
    if not found_j or abs(found_j - energy_j) > SHARE_MAX * abs(energy_j):
        raise RunFolderError(
            f"{path}: a window has {found_j:.6g} J, but {energy_j:.6g} J in the result: the trace "
            "is not that of this run"
        )
    samples_j *= energy_j / found_j
    # An edge lies between two samples: where the trace ends with the window, there is a zero.
    values = [*([0.0] * (not before)), *samples_j.tolist(), *([0.0] * (not after))]
    start = max(before, 1)
    return WindowSamples(values, start, start + inside)


def _energy_until(trace: Trace, times_s: Floats) -> Floats:
    """Return the energy from the first of these rising moments until each, in J.

    A lost sample counts as none.
    """
    rate_hz = trace.head.rate_hz
    first = math.floor(times_s[0] * rate_hz)
    last = min(math.ceil(times_s[-1] * rate_hz), trace.count)
    positions = times_s * rate_hz
    found = np.zeros(len(times_s))
    total_j = 0.0
    for at in range(first, last, CHUNK):
        until = min(at + CHUNK, last)
        each_j = np.nan_to_num(powers_w(trace, at, until), posinf=0.0, neginf=0.0) / rate_hz
        sums_j = np.concatenate([[total_j], total_j + np.cumsum(each_j)])
        here = (positions >= at) & (positions <= until)
        found[here] = np.interp(positions[here], np.arange(at, until + 1), sums_j)
        total_j = float(sums_j[-1])
    return found - found[0]
