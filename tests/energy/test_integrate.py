"""Energy between two moments, to the digits that float64 gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinybench.energy.integrate import energy_sum_j, integrate, step_at
from tinybench.energy.trace import Floats, Trace, TraceHead, memory_trace
from tinybench.errors import TraceError

RNG = np.random.default_rng(7)


def _trace(power_w: Floats, rate_hz: float = 1000.0, *, point_sampled: bool = False) -> Trace:
    head = TraceHead(rate_hz=rate_hz, unit="W", point_sampled=point_sampled)
    return memory_trace(head, np.asarray(power_w, np.float64))


@given(start=st.floats(0, 1), length=st.floats(1e-5, 1), rate_hz=st.sampled_from([100.0, 997.5]))
def test_constant_power_is_its_time(start: float, length: float, rate_hz: float) -> None:
    """Fractions of the first and the last sample count as what they are, at any two moments."""
    for point_sampled in (False, True):
        trace = _trace(np.full(2500, 2.0), rate_hz, point_sampled=point_sampled)
        found = integrate(trace, start, start + length)
        assert found.energy_j == pytest.approx(2.0 * length, rel=1e-9)


def test_whole_samples_and_both_fractions() -> None:
    """From 1.25 to 4.5 samples: three quarters of the second, two whole, half of the fifth."""
    found = integrate(_trace(np.array([9, 1, 2, 4, 8, 9.0])), 1.25e-3, 4.5e-3)
    assert found.energy_j == pytest.approx((0.75 * 1 + 2 + 4 + 0.5 * 8) * 1e-3)
    within = integrate(_trace(np.array([9, 1, 2.0])), 1.25e-3, 1.75e-3)
    assert within.energy_j == pytest.approx(0.5e-3)


def test_points_are_joined_by_straight_lines() -> None:
    """A monitor that samples points: a ramp is exact, at any two moments."""
    trace = _trace(np.arange(100.0), point_sampled=True)
    for first, last in ((3.0, 7.0), (3.25, 7.75), (3.25, 3.5), (3.5, 4.5), (0.0, 98.5)):
        found = integrate(trace, first * 1e-3, last * 1e-3)
        assert found.energy_j == pytest.approx((last**2 - first**2) / 2 * 1e-3)


@pytest.mark.parametrize("count", [4095, 4096, 65536, 65537, 300_001])
@pytest.mark.parametrize("kind", ["constant", "noise", "pulses"])
def test_float32_products_keep_the_digits_of_float64(count: int, kind: str) -> None:
    """Rows in float32, rows and chunks added up in float64: within 1e-6, and so is a window."""
    current_a = {
        "constant": np.full(count, 0.0123),
        "noise": RNG.normal(0.01, 0.003, count),
        "pulses": np.where(np.arange(count) % 1000 < 20, 0.05, 1e-7),
    }[kind].astype(np.float32)
    voltage_v = RNG.normal(3.3, 0.01, count).astype(np.float32)
    head = TraceHead(rate_hz=1e6, unit="A", voltage_measured=True)
    exact_j = float(np.dot(current_a.astype(np.float64), voltage_v.astype(np.float64))) * 1e-6
    assert energy_sum_j(head, current_a, voltage_v) == pytest.approx(exact_j, rel=1e-6)
    trace = memory_trace(head, current_a, voltage_v)
    assert integrate(trace, 0.0, count * 1e-6).energy_j == pytest.approx(exact_j, rel=1e-6)


@pytest.mark.parametrize(
    ("unit", "wanted_j"), [("A", 6e-3), ("W", 2e-3), ("J", 20.0), ("uJ", 20e-6)]
)
def test_samples_are_current_power_or_energy(unit: str, wanted_j: float) -> None:
    """Ten samples of two, at 10 kHz and 3 V."""
    head = TraceHead(rate_hz=1e4, unit=unit, voltage_v=3.0)
    found = integrate(memory_trace(head, np.full(20, 2.0)), 5e-4, 15e-4)
    assert found.energy_j == pytest.approx(wanted_j)


def test_power_is_added_up_from_products_not_from_means() -> None:
    """A voltage that drops under load: mean current times mean voltage would be 20 % off."""
    current_a = np.tile(np.array([0.0, 0.1], np.float32), 5000)
    voltage_v = np.tile(np.array([3.0, 2.0], np.float32), 5000)
    head = TraceHead(rate_hz=1e4, unit="A", voltage_measured=True)
    found = integrate(memory_trace(head, current_a, voltage_v), 0.1, 0.9)
    assert found.energy_j == pytest.approx(0.8 * 0.1 * 2.0 / 2, rel=1e-6)
    assert found.voltage_v == pytest.approx(2.5, rel=1e-3)


def test_lost_and_clipped_samples_are_counted() -> None:
    """In the middle and at both ends; a lost sample adds nothing, and never a NaN."""
    current_a = np.full(1000, 0.01, np.float32)
    current_a[[100, 500, 501, 899]] = [np.nan, np.inf, np.nan, 0.05]
    head = TraceHead(rate_hz=1000, unit="A", voltage_v=1.0, range_max=0.05)
    found = integrate(memory_trace(head, current_a), 0.1005, 0.8995)
    assert (found.count, found.lost, found.clipped) == (800, 3, 1)
    assert found.energy_j == pytest.approx(0.01 * 0.796 + 0.05 * 0.0005, rel=1e-6)


def test_a_step_is_seen_where_it_is() -> None:
    """Power about an edge; nothing where all samples are lost."""
    power_w = np.r_[np.full(50, 1.0), np.full(50, 3.0), np.full(20, np.nan)]
    trace = _trace(power_w)
    assert (step_at(trace, 0.050, 0).high_w, step_at(trace, 0.050, 0).step_w) == (3.0, 2.0)
    assert step_at(trace, 0.030, 0).step_w == 0
    assert step_at(trace, 0.040, 0.02).step_w == 2.0
    assert step_at(trace, 0.110, 0).high_w == 0


def test_moments_without_samples_are_refused() -> None:
    """Before the first, after the last, or in the wrong order."""
    trace = _trace(np.ones(10))
    for start_s, stop_s in ((-0.001, 0.005), (0.001, 0.0101), (0.005, 0.001)):
        with pytest.raises(TraceError, match="no samples from"):
            integrate(trace, start_s, stop_s)


def test_current_without_a_voltage_is_no_power() -> None:
    """The message says what to give."""
    trace = memory_trace(TraceHead(rate_hz=1000, unit="A"), np.ones(100, np.float32))
    with pytest.raises(TraceError, match="--voltage"):
        integrate(trace, 0.01, 0.05)
