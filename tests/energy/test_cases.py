"""Traces that others made, beside the repository: each is read, or refused for what it is."""

from pathlib import Path

import numpy as np
import pytest

from tests import ROOT
from tinybench.energy.analysis import Analysis, analyse
from tinybench.energy.examine import told
from tinybench.energy.importers import open_any
from tinybench.energy.trace import Trace
from tinybench.errors import TraceError


@pytest.fixture(scope="module")
def cases() -> Path:
    """The folder of these traces."""
    path = ROOT.parent / "shared" / "cases" / "energy"
    if not path.is_dir():
        pytest.skip("the folder of cases (../shared/cases) is not here")
    return path


def _analysed(path: Path, marks: int = 1, iterations: int = 10, **said: float | str) -> Analysis:
    with open_any(path, **said) as trace:  # pyright: ignore[reportArgumentType]
        return analyse(told(trace, iterations, marks, None))


def _samples(trace: Trace) -> list[float]:
    return trace.read(0, trace.count)[0].tolist()


def test_uneven_time_is_refused(cases: Path) -> None:
    """By the line where the step changes."""
    with pytest.raises(TraceError, match=r"line 503: .*0.0014 s.*0.001 s are usual"):
        _analysed(cases / "asym.csv", marks=0)


def test_energy_below_zero_and_shifted_pairs_are_faults(cases: Path) -> None:
    """No figure of either."""
    found = _analysed(cases / "neg_current.csv", marks=0)
    assert "no DUT runs on that" in found.windows[0].faults[0]
    assert found.median_j is None
    found = _analysed(cases / "uneven.csv")
    assert "without the edges at 1.300500 s and 5.000500 s" in found.faults[0]
    assert found.median_j is None


@pytest.mark.parametrize("name", ["ppk2_xbits.csv", "session.ppk2"])
def test_samples_with_both_levels_are_edges(cases: Path, name: str) -> None:
    """Five windows of 3780 uJ an inference, within the uncertainty."""
    found = _analysed(cases / name, iterations=100, voltage_v=3.0)
    assert found.valid
    assert len(found.windows) == 5
    assert found.median_j is not None
    assert found.uncertainty_j is not None
    assert abs(found.median_j - 3780e-6) < found.uncertainty_j < 4e-6
    assert found.not_stated == ["gain", "offset", "voltage"]


def test_small_exports_are_read(cases: Path) -> None:
    """X and -, the Joulescope UI, quotes, empty cells."""
    with open_any(cases / "small_ppk2_x.csv") as trace:
        assert [edge.time_s for edge in trace.edges] == pytest.approx([1.5e-3, 3.5e-3])
        assert [edge.uncertainty_s for edge in trace.edges] == pytest.approx([0.5e-3] * 2)
    for name in ("small_ppk2_dash.csv", "small_quoted.csv"):
        with open_any(cases / name) as trace:
            assert [edge.time_s for edge in trace.edges] == pytest.approx([1e-3])
    with open_any(cases / "small_jsui_visible.csv") as trace:
        assert (trace.head.monitor, trace.head.unit) == ("joulescope", "A")
        assert trace.head.voltage_measured
        assert _samples(trace) == pytest.approx([0.005] * 3)
    with open_any(cases / "small_empty.csv") as trace:
        assert np.isnan(_samples(trace)[1])
        assert [(gap.start_index, gap.count) for gap in trace.gaps] == [(1, 1)]


@pytest.mark.parametrize("name", ["small_jsui_stats.csv", "small_jsui_stats_utc.csv"])
def test_statistics_have_windows_by_hand(cases: Path, name: str) -> None:
    """Power over both rows, half a second each."""
    with open_any(cases / name) as trace:
        assert trace.head.start.startswith("2026-06-01T10:00:00.5") == ("utc" in name)
        found = analyse(told(trace, None, None, None, [(0.0, 1.0)]))
    assert found.median_j == pytest.approx(15e-3)


def test_what_says_too_little_is_refused_with_what_to_tell(cases: Path) -> None:
    """Names of columns, a unit, a rate; a .dlog without its description."""
    path = cases / "small_pyjls_export.csv"
    with pytest.raises(TraceError, match=r"line 1 is a sample.*--columns t,i,v"):
        open_any(path)
    with open_any(path, columns="i", rate_hz=2e6, voltage_v=3.0) as trace:
        assert _samples(trace) == pytest.approx([0.005] * 3)
    with pytest.raises(TraceError, match="column 'time' has no unit"):
        open_any(cases / "small_utf16.csv")
    with pytest.raises(TraceError, match=r"\.dlog of Keysight"):
        open_any(cases / "log.dlog")
    path = cases / "lpm_ascii.txt"
    with pytest.raises(TraceError, match="--rate"):
        open_any(path)
    with open_any(path, rate_hz=1000.0) as trace:
        assert _samples(trace) == pytest.approx([0.005, 0.005, 0.012])
