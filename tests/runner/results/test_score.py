"""Scores from answers."""

import itertools
import math
import random

import pytest

from tinybench.runner.results import score
from tinybench.runner.results.result import Answer, Window


def test_arg_max_takes_the_first_of_equals() -> None:
    """A tie goes to the lower class, as in the public runner's arg-max."""
    assert score.arg_max([0.1, 0.4, 0.4]) == 1


def test_correct_counts_outputs_with_their_maximum_at_the_label() -> None:
    """Top-1 compares the arg-max with the label."""
    assert score.correct([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [0, 1, 1]) == 2


def test_auc_is_the_share_of_pairs_in_the_right_order() -> None:
    """Of six pairs, four are right and one is equal."""
    assert score.auc([0.5, 0.9, 0.5, 0.1, 0.7], [1, 1, 0, 0, 0]) == 4.5 / 6
    assert score.auc([1.0, 2.0], [1, 1]) is None


@pytest.mark.parametrize("seed", range(5))
def test_auc_equals_the_integral_of_the_roc_curve(seed: int) -> None:
    """The trapezoid over all thresholds gives the same, ties included."""
    rng = random.Random(seed)  # noqa: S311 - test data
    labels = [0, 1] + [rng.randrange(2) for _ in range(60)]
    scores = [round(rng.gauss(label, 1.0), 1) for label in labels]
    points = []
    for threshold in [math.inf, *sorted(set(scores), reverse=True)]:
        hit = sum(s >= threshold for s, label in zip(scores, labels, strict=True) if label)
        alarm = sum(s >= threshold for s, label in zip(scores, labels, strict=True) if not label)
        points.append((alarm / labels.count(0), hit / labels.count(1)))
    area = sum((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in itertools.pairwise(points))
    assert score.auc(scores, labels) == pytest.approx(area, abs=1e-12)


def test_percentiles_are_values_that_occurred() -> None:
    """p50 of four values is the second, p99 the last."""
    values = [4.0, 1.0, 3.0, 2.0]
    assert [score.percentile(values, p) for p in (50, 90, 99)] == [2.0, 4.0, 4.0]


def test_vips_and_vops_of_the_golden_case() -> None:
    """Accuracies .75 and .70, .2 and .05 s, 3800 and 300 million operations."""
    assert score.vips([(0.75, 0.2), (0.70, 0.05)]) == pytest.approx(17.75)
    assert score.vops([(0.75, 0.2, 3800e6), (0.70, 0.05, 300e6)]) == pytest.approx(18450e6)


def test_throughput_is_inferences_over_the_elapsed_time() -> None:
    """100 inferences in 18.192 s are those 5.497 per second that v0.5 published for kws."""
    assert f"{score.throughput_per_s(100, 18_192_390):.3f}" == "5.497"


def test_the_median_of_five_windows_is_the_middle_one() -> None:
    """One disturbed window does not move the result."""
    windows = [Window("x", 1, 1, elapsed_us, "0") for elapsed_us in (500, 100, 520, 510, 900)]
    assert score.median_throughput_per_s(windows) == 1e6 / 510


@pytest.mark.parametrize("metric", ["top1", "auc"])
def test_an_input_without_an_answer_is_not_right(metric: str) -> None:
    """It counts, as wrong as it can be: of two normal and two anomalous ones, one of each."""
    results = ["0.9,0.1", "", "0.2,0.8", ","] if metric == "top1" else ["1.0", ",", "2.0", ""]
    answers = [
        Answer(f"{number}.bin", label, text, [1000, 1000])
        for number, (label, text) in enumerate(zip([0, 0, 1, 1], results, strict=True))
    ]
    found = score.accuracy(answers, metric)
    assert (found.count, found.unanswered) == (4, 2)
    # The anomalous 2.0 is above the normal 1.0 alone, and the unanswered one above none.
    assert (found.top1, found.auc) == ((1 / 2, None) if metric == "top1" else (None, 1 / 4))
    assert found.latency_p50_s == 0.001
