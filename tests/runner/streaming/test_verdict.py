"""Drift that is found and removed, readings that disagree, and streams that are no result."""

import numpy as np
import pytest

from tinybench.runner.streaming.drift import estimate, without
from tinybench.runner.streaming.verdict import doubts, judge, judge_frames

WORDS = [(10.0 + 11.4 * n, 10.6 + 11.4 * n) for n in range(50)]


def _heard(ppm: float, late_ms: float = 800.0) -> list[float]:
    """Return the pulses of a stream that finds every word 0.8 s after its end, and their drift."""
    chance = np.random.default_rng(3)
    at_ms = [0.0]
    for _, end_s in WORDS:
        first_ms = end_s * 1000 + late_ms + int(chance.integers(-60, 60))
        at_ms += [first_ms + 32 * n for n in range(3)]
    return [round(60 + one * (1 + ppm * 1e-6)) for one in at_ms]


@pytest.mark.parametrize("ppm", [-400, 0, 2000, 2400])
def test_a_drift_is_found_from_the_words(ppm: float) -> None:
    """To 100 ppm where single words are up to 60 ms early or late."""
    heard = _heard(ppm)
    found = judge(heard, WORDS, length_s=1200)
    assert found.removed_ppm == pytest.approx(ppm, abs=100)
    assert found.source == "the words"
    assert found.rules_corrected.counts == (50, 0, 0)
    assert found.passes
    assert found.doubts == ()


def test_a_slow_interface_board_is_said_where_the_readings_disagree() -> None:
    """0.2 % slow: by the rules' text, as heard, words are missed; without the drift none is."""
    found = judge(_heard(2000), WORDS, length_s=1200)
    assert not found.rules.passes
    assert found.runner.passes
    assert found.disagreement.startswith("the limits are kept by TP 50 FN 0 FP 1 until 2 s")
    assert "broken by TP" in found.disagreement
    assert judge(_heard(0, 300), WORDS, length_s=1200).disagreement == ""


def test_frames_are_judged_from_the_first_of_the_stream() -> None:
    """Whether or not it fired itself; what a frame is late by is the same."""
    words = [(1.0, 1.5), (9.0, 9.5)]
    assert judge_frames([40, 41, 310], words) == judge_frames([310, 0, 40, 41], words)
    assert judge_frames([40, 41, 310], words).rules.counts == (2, 0, 0)
    assert judge_frames([], words, length_s=20).rules.counts == (0, 2, 0)


def test_a_stream_of_frames_has_no_drift() -> None:
    """Its clock is that of the audio: nothing is estimated, whatever the words look like."""
    found = judge(_heard(2000), WORDS, drifts=False)
    assert (found.source, found.rules_corrected) == ("", found.rules)
    assert len(found.readings) == 2


def test_each_estimate_needs_what_it_is_from() -> None:
    """Eight words over a minute, the frames' period, the energy window; the surest is removed."""
    pulses = [at - 60 for at in _heard(2000)[1:]]
    assert estimate(pulses, WORDS[:7]).slope_ppm is None
    assert estimate([], WORDS).best is None
    other = estimate([], WORDS, period_s=0.032064, elapsed_s=1202.85, length_s=1200.0)
    assert other.period_ppm == pytest.approx(2000)
    assert other.window_ppm == pytest.approx(2000)
    assert other.best == (other.window_ppm, "the energy window")
    assert "+2000 ppm by the period of the frames" in str(other)
    assert estimate([], WORDS, period_s=0.064).best is None
    assert without([1002.0], 2000) == pytest.approx([1000.0])


def test_a_stream_that_pulses_on_every_frame_finds_all_words_and_fails() -> None:
    """All 50 words, and an alarm a second between them."""
    found = judge([32 * n for n in range(37_500)], WORDS, length_s=1200)
    assert found.rules.counts[:2] == (50, 0)
    assert found.rules.counts[2] > 500
    assert not found.passes


@pytest.mark.parametrize(
    ("detections_ms", "said"),
    [
        ([], "no pulse at all"),
        ([10_700, 22_000], "the first pulse came after 10.700 s"),
        ([60, 22_000, 11_000], "out of order, 1 times"),
        ([60, 11_000, 11_000], "1 pulses have the time of another"),
        ([60, 1_300_000], "a pulse 1299.940 s after the beginning of a recording of 1200 s"),
        ([32 * n for n in range(10_000)], "keeps 10000"),
    ],
)
def test_a_doubtful_stream_is_no_result(detections_ms: list[int], said: str) -> None:
    """It is named, and does not pass; a stream with the pulse at the start alone is sound."""
    found = judge(detections_ms, WORDS[:1], length_s=1200)
    assert said in "; ".join(found.doubts)
    assert not found.passes
    assert doubts([60], WORDS, 1200) == []


@pytest.mark.parametrize(
    ("windows", "said"),
    [
        ([(1.0, 1.5), (3.0, 3.5)], "words 1 and 2 are 1.5 s apart"),
        ([(5.0, 5.5), (1.0, 1.5)], "words 1 and 2 are -4.5 s apart"),
        ([(5.0, 5.0)], "word 1, 5 to 5 s, is not in the recording"),
        ([(-1.0, 5.0)], "word 1, -1 to 5 s"),
        ([(9.5, 10.5)], "word 1, 9.5 to 10.5 s"),
        ([(float("nan"), 5.0)], "word 1, nan to 5 s"),
    ],
)
def test_a_doubtful_list_of_words_is_named(windows: list[tuple[float, float]], said: str) -> None:
    """Words closer than the tail, out of order, empty, or outside of the recording."""
    assert said in "; ".join(doubts([60], windows, 10.0))
