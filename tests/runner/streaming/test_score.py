"""The scorer, against a slow definition, the worked example of the rules, and odd streams."""

import numpy as np
import pytest

from tinybench.runner.streaming.curve import det_curve, detections, kept
from tinybench.runner.streaming.score import Score, frames_ms, latencies_s, limits, score
from tinybench.runner.streaming.verdict import judge

Windows = list[tuple[float, float]]


def _by_definition(
    pulses_ms: list[int], windows: Windows, tail_s: float
) -> tuple[list[int], list[int]]:
    """Return the words found and the times of the false alarms, pulse by pulse."""
    taken: set[int] = set()
    found = []
    for word, (start_s, end_s) in enumerate(windows):
        mine = {
            index
            for index, at in enumerate(pulses_ms)
            if index not in taken and start_s <= at / 1000 <= end_s + tail_s
        }
        if mine:
            found.append(word)
        taken |= mine
    alarms: list[int] = []
    for index, at in enumerate(pulses_ms):
        if index not in taken and (not alarms or at - alarms[-1] > 1000):
            alarms.append(at)
    return found, alarms


def test_three_thousand_random_streams_are_scored_as_defined() -> None:
    """Words that overlap, pulses on every frame or hardly any, exact limits among them."""
    chance = np.random.default_rng(17)
    for _ in range(3000):
        words = np.sort(chance.integers(0, 1200, chance.integers(8))) * 50
        windows = [(int(at) / 1000, int(at + 50 * chance.integers(1, 30)) / 1000) for at in words]
        times = np.arange(0, 66_000, chance.choice([10, 320, 500, 5000]))
        pulses = times[chance.random(len(times)) < chance.choice([0.02, 0.2, 1.0])].tolist()
        tail_s = float(chance.choice([0.0, 0.5, 1.0, 2.0]))
        found, alarms = _by_definition(pulses, windows, tail_s)
        got = score(pulses, windows, tail_s)
        assert [one.word for one in got.found] == found
        assert list(got.false_ms) == alarms
        assert sorted([*found, *got.missed]) == list(range(len(windows)))


WORDS = [(1.00, 1.65), (7.00, 7.36)]
PULSES = [1400, 1432, 2600, 2800, 3700, 4500, 5200]


@pytest.mark.parametrize(
    ("tail_s", "counts", "false_ms", "f1"),
    [(1.0, (1, 1, 2), (2800, 4500), 0.4), (2.0, (1, 1, 2), (3700, 5200), 0.4)],
)
def test_the_worked_example_of_the_rules(
    tail_s: float, counts: tuple[int, int, int], false_ms: tuple[int, ...], f1: float
) -> None:
    """A word to 1.65 s: a pulse at 2.60 s counts, one at 2.80 s only until 2 s after it."""
    got = score(PULSES, WORDS, tail_s)
    assert (got.counts, got.false_ms, got.f1) == (counts, false_ms, f1)


@pytest.mark.parametrize(
    ("detections_ms", "rules", "runner"),
    [
        ([100, 10_500], (1, 1, 0), (1, 1, 0)),
        ([100, 12_099], (1, 1, 0), (1, 1, 0)),
        ([100, 12_101], (0, 2, 1), (1, 1, 0)),
        ([100, 10_500, 10_532, 40_500], (2, 0, 0), (2, 0, 0)),
        ([100, 60_000, 60_900, 61_001, 61_900], (0, 2, 2), (0, 2, 2)),
        ([], (0, 2, 0), (0, 2, 0)),
        ([100], (0, 2, 0), (0, 2, 0)),
        ([100, 200, 60_000], (0, 2, 2), (0, 2, 2)),
    ],
)
def test_streams_are_scored_from_their_first_pulse(
    detections_ms: list[int], rules: tuple[int, int, int], runner: tuple[int, int, int]
) -> None:
    """Two words, at 10 to 11 s and at 40 to 41 s; false alarms within 1 s are one."""
    got = judge(detections_ms, [(10.0, 11.0), (40.0, 41.0)])
    assert (got.rules.counts, got.runner.counts) == (rules, runner)


def test_a_score_that_is_empty_has_no_f1() -> None:
    """Neither words nor pulses; and an alarm alone."""
    assert Score((), (), ()).f1 == 0
    assert score([500], [], 1.0).counts == (0, 0, 1)


def test_the_latency_is_from_the_end_of_a_word_to_its_first_pulse() -> None:
    """Sorted, and below 0 where the word was not yet over; words that are missed have none."""
    windows = [(1.0, 2.0), (10.0, 10.5), (20.0, 21.0)]
    assert latencies_s(score([1900, 1932, 10_900], windows, 1.0), windows) == (
        pytest.approx([-0.1, 0.4])
    )


def test_outputs_are_detections_above_the_threshold_and_the_first_frame() -> None:
    """116 is one, 115 is none; the first frame marks the beginning, whatever its output."""
    outputs = np.array([[-128, 0, 0], [115, 0, 0], [116, 0, 0], [127, 0, 0]], np.int8)
    assert detections(outputs) == [0, 2, 3]
    assert detections(outputs[:, 0]) == [0, 2, 3]
    assert detections(outputs[:0]) == []
    assert frames_ms([0, 43]) == [0, 1376]


def test_the_curve_has_a_point_for_each_threshold_that_matters() -> None:
    """All alarms below the least output, all misses above the largest, and the scores between."""
    outputs = np.full(1000, -128, np.int8)
    outputs[100:110] = 120  # of the word at 3.2 s
    outputs[500] = 60
    outputs[0] = 127  # marks the beginning
    windows = [(3.2, 3.6), (25.0, 25.5)]
    points = det_curve(outputs, windows)
    assert [(one.threshold, one.missed, one.false) for one in points] == [
        (-129, 0, points[0].false), (-128, 1, 1), (60, 1, 0), (120, 2, 0)
    ]  # fmt: skip
    assert points[0].false > 20
    assert kept(points, 1, 0) == [60]
    for one in points:
        pulses = frames_ms(detections(outputs, one.threshold)[1:])
        assert score(pulses, windows, 1.0).counts[1:] == (one.missed, one.false)


@pytest.mark.parametrize(
    ("words", "most"), [(50, (8, 8)), (60, (8, 8)), (10, (2, 2)), (2, (1, 1)), (1, (0, 1))]
)
def test_limits_are_in_proportion_to_the_words(words: int, most: tuple[int, int]) -> None:
    """At least 1 of each, and never all words: a DUT that is silent, or never stops, has failed."""
    assert limits(words) == most
    windows_s = [(10.0 * n + 5, 10.0 * n + 6) for n in range(words)]
    assert not score([], windows_s, 1.0).passes
    assert not score([32 * n for n in range(words * 312)], windows_s, 1.0).passes
