"""The timeline: whatever is lost between time stamps, the rest stays where it belongs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.energy.test_lpm01a import insist_nan_only_in_gaps, joined
from tinybench.energy.timeline import UNSETTLED_MAX, Timeline
from tinybench.energy.trace import Chunk

RATE_HZ = 1000.0
BLOCK = 100


def ramp(start: int, count: int) -> np.ndarray:
    """Return samples whose value is their index."""
    return np.arange(start, start + count, dtype=np.float32)


def taken(timeline: Timeline) -> list[Chunk]:
    """Finish and return what is settled."""
    timeline.finish()
    chunk = timeline.take()
    return [] if chunk is None else [chunk]


@given(st.data())
@settings(deadline=None, max_examples=100)
def test_every_sample_that_is_kept_is_at_its_index(data: st.DataObject) -> None:
    """Samples vanish, either all with a trace or all without, and stamps with them."""
    timeline = Timeline(RATE_HZ)
    visible = data.draw(st.booleans())
    for block in range(12):
        start = block * BLOCK
        first = data.draw(st.integers(0, BLOCK))
        lost = data.draw(st.sampled_from((0, 0, 1, 7))) if first < BLOCK else 0
        lost = min(lost, BLOCK - first)
        timeline.add(ramp(start, first))
        if lost and visible:
            timeline.suspect()
        timeline.add(ramp(start + first + lost, BLOCK - first - lost))
        if data.draw(st.integers(0, 5)):
            assert timeline.stamp((start + BLOCK) / RATE_HZ)
    timeline.add(ramp(12 * BLOCK, BLOCK))
    assert timeline.stamp(13 * BLOCK / RATE_HZ)
    timeline.add(ramp(13 * BLOCK, BLOCK))
    assert timeline.stamp(14 * BLOCK / RATE_HZ)
    chunks = taken(timeline)
    insist_nan_only_in_gaps(chunks)
    samples = joined(chunks)
    assert len(samples) == 14 * BLOCK
    kept = np.isfinite(samples)
    assert np.array_equal(samples[kept], ramp(0, len(samples))[kept])


def test_an_edge_lies_in_the_sample_before_it() -> None:
    """In the middle of it, half a sample either way; as stamped, at its end."""
    timeline = Timeline(RATE_HZ)
    timeline.add(ramp(0, 10))
    timeline.edge()
    (chunk,) = taken(timeline)
    (edge,) = chunk.edges
    assert edge.time_s == pytest.approx(0.0095)
    assert edge.uncertainty_s == pytest.approx(0.0005)
    assert edge.stamp_s == pytest.approx(0.010)


def test_an_edge_among_lost_samples_has_their_width() -> None:
    """It is there, but nobody knows where."""
    timeline = Timeline(RATE_HZ)
    timeline.add(ramp(0, 50))
    timeline.edge()
    timeline.add(ramp(50, 40))
    assert timeline.stamp(0.100)
    timeline.add(ramp(100, 100))
    assert timeline.stamp(0.200)
    (chunk,) = taken(timeline)
    (edge,) = chunk.edges
    assert edge.time_s == pytest.approx(0.050)
    assert edge.uncertainty_s == pytest.approx(0.050)


def test_a_stamp_that_is_wrong_alone_is_ignored() -> None:
    """The next one agrees with the samples again."""
    timeline = Timeline(RATE_HZ)
    timeline.add(ramp(0, BLOCK))
    assert timeline.stamp(7.0)
    timeline.add(ramp(BLOCK, BLOCK))
    assert timeline.stamp(0.2)
    (chunk,) = taken(timeline)
    assert not chunk.gaps
    assert np.array_equal(chunk.samples, ramp(0, 2 * BLOCK))


def test_stamps_that_go_back_are_the_end() -> None:
    """Time that does not rise is no time."""
    timeline = Timeline(RATE_HZ)
    told = []
    for step in range(UNSETTLED_MAX):
        timeline.add(ramp(0, BLOCK))
        told.append(timeline.stamp(9.0 - step))
    assert told == [True] * (UNSETTLED_MAX - 1) + [False]
