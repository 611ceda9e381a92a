"""The score of a stream: words found, words missed, and false alarms.

Times of pulses are in milliseconds, as boards tell them, so that limits are met to the digit;
windows are (start, end) of each word in seconds, as lists of words have them.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

THRESHOLD = 115
"""An output above it is a detection. Ref: mlcommons/tiny, sww_ref (DETECT_THRESHOLD)."""
RULES_TAIL_S = 1.0
RUNNER_TAIL_S = 2.0
"""A pulse counts until so long after a word: by the rules' text, and by the runner's code."""
DEBOUNCE_MS = 1000
"""False alarms until then after the first of them count with it."""
ERRORS_MAX = 8
"""Words missed, and false alarms, in the closed division."""
WORDS = 50
RECORDING_S = 1200.0
"""Words in the official recording, and its length."""
FRAME_MS = 32
"""From one frame of 512 samples to the next."""

Windows = Sequence[tuple[float, float]]


def limits(words: int) -> tuple[int, int]:
    """Return how many of so many words may be missed, and how many alarms be false.

    Of fewer words than the official recording has in proportion, at least 1; and never all words.
    """
    most = max(1, round(ERRORS_MAX * min(1.0, words / WORDS)))
    return min(most, max(0, words - 1)), most


@dataclass(frozen=True, slots=True)
class Point:
    """What a threshold gives: outputs above it are detections."""

    threshold: int
    missed: int
    false: int


@dataclass(frozen=True, slots=True)
class Found:
    """A word that was found: its place in the list, and the first and the last pulse of it."""

    word: int
    first_ms: float
    last_ms: float


@dataclass(frozen=True, slots=True)
class Score:
    """What one reading of the rule makes of a stream."""

    found: tuple[Found, ...]
    missed: tuple[int, ...]
    """Places of the missed words in the list."""
    false_ms: tuple[float, ...]
    """When false alarms began."""

    @property
    def counts(self) -> tuple[int, int, int]:
        """True positives, false negatives, false positives."""
        return len(self.found), len(self.missed), len(self.false_ms)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN); 0 where there is neither a word nor a pulse."""
        hits, missed, false = self.counts
        return 2 * hits / max(1, 2 * hits + missed + false)

    @property
    def passes(self) -> bool:
        """Whether the limits of the closed division are kept."""
        found, missed, false = self.counts
        missed_most, false_most = limits(found + missed)
        return missed <= missed_most and false <= false_most

    def __str__(self) -> str:
        return "TP {} FN {} FP {}".format(*self.counts)


def score(pulses_ms: Sequence[float], windows_s: Windows, tail_s: float) -> Score:
    """Score pulses, counted from the beginning of the recording, in any order.

    Words are taken in their order: each takes the pulses from its start to `tail_s` after its end
    that none before it took. What is left are false alarms, those within 1 s of a first one alarm.
    Ref: mlcommons/tiny, benchmark/runner/streaming_ww_utils.py.
    """
    left = sorted(pulses_ms)
    found, missed = [], []
    for word, (start_s, end_s) in enumerate(windows_s):
        begin = bisect_left(left, start_s, key=_seconds)
        end = bisect_right(left, end_s + tail_s, key=_seconds)
        if begin < end:
            found.append(Found(word, left[begin], left[end - 1]))
            del left[begin:end]
        else:
            missed.append(word)
    false_ms: list[float] = []
    at = 0
    while at < len(left):
        false_ms.append(left[at])
        at = bisect_right(left, left[at] + DEBOUNCE_MS, at)
    return Score(tuple(found), tuple(missed), tuple(false_ms))


def latencies_s(scored: Score, windows_s: Windows) -> list[float]:
    """Return how long after its word each first pulse came, sorted; before the end it is less
    than 0."""
    return sorted(one.first_ms / 1000 - windows_s[one.word][1] for one in scored.found)


def frames_ms(frames: Sequence[int], frame_ms: float = FRAME_MS) -> list[float]:
    """Return when frames pulse, counted from the pulse that every stream begins with.

    Frame k ends with the recording's frame k + 1, each of `frame_ms`, and the pulse that marks the
    beginning is that of frame 0.
    """
    return [float(frame_ms * frame) for frame in frames]


def _seconds(at_ms: float) -> float:
    return at_ms / 1000
