"""Loads of known energy: what is reported is within its uncertainty, and that is tight."""

import statistics

import numpy as np
import pytest

from tests import soak
from tests.energy.loads import ITERATIONS, seeded
from tinybench.energy.analysis import analyse

CASES = 1000
LONG = 40_000_000
"""Samples of a long case: 20 s at 2 MS/s."""


def _errors(seeds: range, samples_max: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the errors of the medians and of the windows, in reported uncertainties (k = 2)."""
    medians, windows = [], []
    for seed in seeds:
        case = seeded(seed, LONG if seed % 100 == 99 else samples_max)
        found = analyse(case.trace)
        assert found.valid, (case.words, found.faults, [w.faults for w in found.windows])
        assert found.median_j is not None
        assert found.uncertainty_j is not None
        true_j = statistics.median(case.true_j) / ITERATIONS
        medians.append((found.median_j - true_j) / found.uncertainty_j)
        for window, true_j in zip(found.windows, case.true_j, strict=True):
            assert window.energy_j is not None
            assert window.uncertainty_j is not None
            windows.append((window.energy_j - true_j) / window.uncertainty_j)
    return np.array(medians), np.array(windows)


def _over_spread(errors: np.ndarray) -> float:
    """Return the uncertainty (k = 2) over the standard deviation of what it is claimed for."""
    return float(1 / np.sqrt(np.mean(errors**2)))


def test_the_reported_value_lies_within_its_uncertainty() -> None:
    """A sample of the soak: pulses, ramps and bursts on three instruments."""
    medians, windows = _errors(range(90), 60_000)
    for errors in (medians, windows):
        assert np.mean(np.abs(errors) <= 1) >= 0.95
        assert _over_spread(errors) <= 3


@pytest.mark.soak
def test_a_thousand_loads_of_known_energy() -> None:
    """1 kS/s to 2 MS/s, windows of 50 ms to 20 s: 95 % within, and not three times wide."""
    medians, windows = _errors(range(CASES), 1_000_000)
    coverage = min(float(np.mean(np.abs(errors) <= 1)) for errors in (medians, windows))
    over_spread = max(_over_spread(errors) for errors in (medians, windows))
    soak.record("energy.coverage", coverage, 0.95, better="higher")
    soak.record("energy.uncertainty_over_spread", over_spread, 3, better="lower")
    assert coverage >= 0.95
    assert over_spread <= 3
