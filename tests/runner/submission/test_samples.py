"""Energy windows as samples of 1 ms: their sum is the window's energy, wherever its edges lie."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinybench.energy.integrate import integrate
from tinybench.energy.trace import Chunk, TraceHead, TraceWriter, open_trace
from tinybench.errors import RunFolderError
from tinybench.runner.results.result import EnergyWindow
from tinybench.runner.submission.samples import AROUND, window_samples

RATE_HZ = 20_000.0
SECONDS = 3.0


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 s of a power that never rests, with a millisecond lost."""
    path = tmp_path_factory.mktemp("trace") / "energy.jls"
    power_w = np.random.default_rng(1).uniform(1e-3, 9e-3, int(SECONDS * RATE_HZ))
    power_w[30_000:30_020] = np.nan
    with TraceWriter(path, TraceHead(rate_hz=RATE_HZ, unit="W", monitor="test")) as writer:
        writer.write(Chunk(0, power_w))
    return path


def _window(trace: Path, start_s: float, stop_s: float, scale: float = 1.0) -> EnergyWindow:
    with open_trace(trace) as opened:
        energy_j = integrate(opened, start_s, stop_s).energy_j * scale
    return EnergyWindow(
        input="a", iterations=10, results="0.0,1.0", start_s=start_s, stop_s=stop_s,
        energy_j=energy_j, uncertainty_j=0.0, power_w=1e-3, monitor_s=stop_s - start_s,
        dut_s=None, host_s=None, lost=0, clipped=0, faults=[], warnings=[],
    )  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(st.floats(0, SECONDS - 0.01), st.floats(0.002, SECONDS))
def test_the_sum_between_the_edges_is_the_energy(
    trace: Path, start_s: float, size_s: float
) -> None:
    """Whole milliseconds from the first edge on, the rest of the window as the last one."""
    stop_s = min(start_s + size_s, SECONDS)
    window = _window(trace, start_s, stop_s)
    (found,) = window_samples(trace, [window])
    assert found.energy_j == pytest.approx(window.energy_j, rel=1e-12)
    assert stop_s - start_s <= found.lasts_s + 1e-6 < stop_s - start_s + 1.1e-3
    assert 1 <= found.start <= AROUND
    assert found.stop < len(found.samples_j) <= found.stop + AROUND  # an edge is between samples
    assert all(value >= 0 for value in found.samples_j)


def test_a_trace_of_another_run_is_refused(trace: Path, tmp_path: Path) -> None:
    """By its energy, or by its length; a damaged one by its reader."""
    with pytest.raises(RunFolderError, match="not that of this run"):
        window_samples(trace, [_window(trace, 0.5, 1.5, scale=1.01)])
    far = _window(trace, 0.5, 1.5)
    with pytest.raises(RunFolderError, match="a window of the result is not in it"):
        window_samples(trace, [_replaced(far, 2.0, 12.0)])


def _replaced(window: EnergyWindow, start_s: float, stop_s: float) -> EnergyWindow:
    return msgspec.structs.replace(window, start_s=start_s, stop_s=stop_s)
