"""What a stream is worth: made of what was heard, whatever was heard."""

from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinybench.errors import ProtocolError
from tinybench.runner.results.stream import PERIOD_S, Stream, Streamed
from tinybench.runner.results.stream.score import power_w, score, steps
from tinybench.runner.streaming.timeline import Told, timeline

YES, NO = "0.996,0.000,0.003", "0.000,0.996,0.003"
WORDS = [(1.0, 1.5), (20.0, 20.5), (40.0, 40.5)]


def streamed(hits: list[int], frames: int = 2000, **changed: Any) -> Streamed:
    """Return a stream of a minute that has detections at some frames."""
    whole = Streamed(
        recording="a.wav",
        sound_sha256="0" * 64,
        samples=frames * 512 + 11,
        words_s=WORDS,
        loudness=[1, 32768, 0],
        results=[YES if frame in hits else NO for frame in range(frames)],
        device_us=[8000] * frames,
        counted=frames,
        outside=0,
        begun=1,
    )
    return msgspec.structs.replace(whole, **changed)


def scored(heard: Streamed) -> Stream:
    """Return what it is worth on a board that measures time."""
    found = score(heard, whole=False, wraps=False, cycles=None, instruction_ns=0, currents=None)
    assert found is not None
    return found


def _at(*times_s: float) -> list[int]:
    return [round(at_s / PERIOD_S) for at_s in times_s]


@pytest.mark.parametrize(
    ("hits", "rules", "runner"),
    [
        (_at(1.4, 20.6, 41.4), (3, 0, 0), (3, 0, 0)),
        (_at(1.4, 20.6, 42.2), (2, 1, 1), (3, 0, 0)),
        (_at(0.5, 1.4, 1.5, 30.0, 30.5), (1, 2, 2), (1, 2, 2)),
        (_at(61.0), (0, 3, 1), (0, 3, 1)),
        ([], (0, 3, 0), (0, 3, 0)),
        ([0], (0, 3, 0), (0, 3, 0)),
        (list(range(2000)), (3, 0, 1 + 18 + 19 + 22), (3, 0, 1 + 17 + 18 + 21)),
    ],
    ids=["found", "late", "before and between", "after", "never", "start marker", "every frame"],
)
def test_words_and_alarms_are_those_of_both_readings(
    hits: list[int], rules: tuple[int, int, int], runner: tuple[int, int, int]
) -> None:
    """Detections before the first word, after the last, on every frame, never, at the start."""
    found = scored(streamed(hits))
    counts = [(one.found, one.missed, one.false) for one in found.score.readings]
    assert counts == [rules, runner]
    assert found.first.tail_s == 1.0
    assert found.detections == hits


def test_times_make_duty_cycle_and_power() -> None:
    """A quarter of each period; of the declared current the share of that time."""
    found = scored(streamed([]))
    assert found.busy.duty == pytest.approx(0.25)
    assert (found.busy.p50_s, found.busy.missed, found.lost) == (0.008, 0, 0)
    assert found.estimated is found.power_w is None
    assert power_w(0.25, (3.0, 0.02, 0.004)) == pytest.approx(0.024)
    assert power_w(1.1, (3.0, 0.02, 0.004)) is None
    stalled = scored(streamed([], device_us=[8000] * 999 + [1_000_000] + [8000] * 1000))
    assert (stalled.busy.missed, stalled.busy.overruns) == (1, 30)
    assert scored(streamed([], counted=1999)).lost == 1


def test_outputs_that_are_none_are_refused() -> None:
    """Other numbers of them, no numbers, and times of other frames."""
    assert steps(["1.000,0.000", "0.500,0.498"]) == [[127, -128], [0, -1]]
    for changed in ({"results": [NO, "1"]}, {"results": [NO, "x"]}, {"results": [NO]}):
        with pytest.raises(ProtocolError):
            scored(streamed([], frames=2, **changed))


@settings(max_examples=40, deadline=None)
@given(
    hits=st.lists(st.integers(0, 1999), max_size=30),
    length_s=st.floats(0, 1e6),
    words_s=st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)), max_size=5),
    loudness=st.lists(st.integers(0, 32768), max_size=50),
)
def test_every_stream_has_a_time_line(
    hits: list[int],
    length_s: float,
    words_s: list[tuple[float, float]],
    loudness: list[int],
) -> None:
    """A picture that can be read, of any figures, and of a bounded size."""
    told = Told(length_s, words_s, [0.5], [1.5], hits, [-128, 127, 0] * 400, 115, loudness)
    picture = timeline(told)
    ET.fromstring(picture)  # noqa: S314 - of our own making
    assert len(picture) < 200_000
