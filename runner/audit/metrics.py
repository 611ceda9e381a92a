"""How published scores were computed: each historic formula to the letter, right or not."""

import statistics
from collections.abc import Sequence

import numpy as np

from ..results.score import auc as exact_auc

THRESHOLDS = 101


def auc_eembc(outputs: Sequence[Sequence[float]], labels: Sequence[int]) -> float | None:
    """Return the AUC of rounds v0.5 to v1.2: 101 thresholds, the mean over classes.

    `outputs` is (inputs, classes) with thresholds 0..1, or (inputs, 1), anomaly scores with
    thresholds from the least to the largest. The first point is (1, 1), the last is not (0, 0).
    None where a class or all others are missing.
    Ref: mlcommons/tiny, benchmark/evaluation/eval_functions_eembc.py.
    """
    scores, classes = np.asarray(outputs, float), np.asarray(labels)
    if scores.shape[1] == 1:
        low, high = float(scores.min()), float(scores.max())
        return _auc_101(scores[:, 0], classes == 1, low, high - low)
    found = [
        _auc_101(scores[:, column], classes == column, 0.0, 1.0)
        for column in range(scores.shape[1])
    ]
    known = [value for value in found if value is not None]
    return statistics.fmean(known) if len(known) == len(found) else None


def _auc_101(scores: np.ndarray, positive: np.ndarray, low: float, span: float) -> float | None:
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return None
    thresholds = low + np.arange(THRESHOLDS) * 0.01 * span
    above = scores[:, None] > thresholds
    tpr = above[positive].sum(axis=0) / positives
    fpr = above[~positive].sum(axis=0) / negatives
    tpr[0] = fpr[0] = 1.0
    return float((0.5 * (tpr[:-1] + tpr[1:]) * (fpr[:-1] - fpr[1:])).sum())


def auc_v13(outputs: Sequence[Sequence[float]], labels: Sequence[int]) -> float | None:
    """Return the exact AUC of v1.3: macro, one class against the rest; of two, the second's.

    `outputs` is (inputs, classes), each row scaled to a sum of 1 first; (inputs, 1) are anomaly
    scores. None where a class or all others are missing.
    Ref: sklearn.metrics.roc_auc_score, multi_class="ovr".
    """
    rows = np.asarray(outputs, float)
    if rows.shape[1] == 1:
        return exact_auc(list(rows[:, 0]), list(labels))
    if rows.shape[1] == 2:
        return exact_auc(list(rows[:, 1]), list(labels))
    found = [
        exact_auc(list(rows[:, column]), [int(label == column) for label in labels])
        for column in range(rows.shape[1])
    ]
    known = [value for value in found if value is not None]
    return statistics.fmean(known) if len(known) == len(found) else None


def normalised(outputs: Sequence[float]) -> tuple[float, ...]:
    """Return outputs scaled to a sum of 1, as the v1.3 runner does; a single score stays."""
    total = sum(outputs)
    if len(outputs) == 1 or not total:
        return tuple(outputs)
    return tuple(value / total for value in outputs)


def top1_anomaly(scores: Sequence[float], labels: Sequence[int]) -> float:
    """Return what is printed as top-1 of anomaly detection, 0..1.

    The best mean of precision and recall over 100 thresholds.
    Ref: mlcommons/tiny, benchmark/runner/main.py.
    """
    values, anomalous = np.asarray(scores, float), np.asarray(labels) == 1
    low, high = float(values.min()), float(values.max())
    thresholds = low + np.arange(0.0, 1.0, 0.01) * (high - low)
    above = values[:, None] > thresholds
    true = above[anomalous].sum(axis=0)
    false = above[~anomalous].sum(axis=0)
    precision = true / (true + false + 1e-8)
    recall = true / (anomalous.sum() + 1e-8)
    return float((0.5 * (precision + recall)).max())


def duty(starts_s: Sequence[float], stops_s: Sequence[float]) -> tuple[float, float, float] | None:
    """Return duty cycle, period in s and the throughput without idle time in 1/s.

    None where there are fewer than two inferences, or no time passed in them.
    """
    pairs = list(zip(starts_s, stops_s, strict=False))
    if len(pairs) < 2:
        return None
    busy_s = statistics.fmean(stop - start for start, stop in pairs)
    period_s = (starts_s[len(pairs) - 1] - starts_s[0]) / (len(pairs) - 1)
    if busy_s <= 0 or period_s <= 0:
        return None
    return busy_s / period_s, period_s, 1 / busy_s
