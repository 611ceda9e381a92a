"""Historic scores, against their definitions written out."""

from itertools import pairwise

import numpy as np
import pytest

from tinybench.runner.audit import metrics


def _by_definition(outputs: list[list[float]], labels: list[int]) -> float:
    """Count, threshold by threshold and class by class."""
    areas = []
    for column in range(len(outputs[0])):
        points = [(1.0, 1.0)]
        for step in range(1, 101):
            chosen = [row[column] > step * 0.01 for row in outputs]
            positive = [label == column for label in labels]
            hits = sum(c and p for c, p in zip(chosen, positive, strict=True))
            false = sum(c and not p for c, p in zip(chosen, positive, strict=True))
            points.append((false / positive.count(False), hits / positive.count(True)))
        areas.append(sum((a[0] - b[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points)))
    return sum(areas) / len(areas)


def test_the_auc_of_v05_to_v12_is_that_of_101_thresholds() -> None:
    """On random outputs with three decimals."""
    chance = np.random.default_rng(7)
    labels = [n % 3 for n in range(60)]
    outputs = chance.random((60, 3)).round(3).tolist()
    assert metrics.auc_eembc(outputs, labels) == pytest.approx(_by_definition(outputs, labels))


def test_the_auc_of_v05_to_v12_lacks_what_is_below_its_first_threshold() -> None:
    """Outputs of 0 are never above a threshold: the curve ends before (0, 0)."""
    outputs = [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    assert metrics.auc_eembc(outputs, [0, 0, 1, 1]) == pytest.approx(0.75)
    saturated = [[1.0, 0.0]] * 2
    assert metrics.auc_eembc(saturated, [0, 1]) == pytest.approx(0.5)


def test_the_auc_of_v13_is_exact() -> None:
    """Pairs in the right order; of two classes only the second's counts."""
    assert metrics.auc_v13([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5], [0.1, 0.9]], [0, 0, 1, 1]) == 0.75
    assert metrics.auc_v13([[1.0], [3.0], [2.0], [4.0]], [0, 0, 1, 1]) == 0.75
    rows = [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.3, 0.3, 0.4]]
    assert metrics.auc_v13(rows, [0, 1, 2]) == 1.0


@pytest.mark.parametrize("auc", [metrics.auc_eembc, metrics.auc_v13])
def test_an_auc_needs_every_class(auc: object) -> None:
    """A class without an input has no curve."""
    assert callable(auc)
    assert auc([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0]], [0, 1]) is None


def test_the_top1_of_anomalies_is_the_best_mean_of_precision_and_recall() -> None:
    """1 where one threshold parts both kinds."""
    assert metrics.top1_anomaly([1.0, 2.0, 8.0, 9.0], [0, 0, 1, 1]) == pytest.approx(1, abs=1e-6)
    assert metrics.top1_anomaly([1.0, 9.0, 8.0, 2.0], [0, 0, 1, 1]) == pytest.approx(5 / 6)


def test_a_duty_cycle_needs_two_inferences() -> None:
    """18 ms of each 32 ms."""
    starts_s = [0.032 * n for n in range(100)]
    found = metrics.duty(starts_s, [start + 0.018 for start in starts_s])
    assert found == pytest.approx((0.5625, 0.032, 1 / 0.018))
    assert metrics.duty([1.0], [2.0]) is None
    assert metrics.duty([1.0, 1.0], [2.0, 2.0]) is None
