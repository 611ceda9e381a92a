"""The recording that a stream's model hears in a study: its features, and where its words are."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinybench.datasets.wake.features import HOP_SAMPLES, SAMPLE_RATE_HZ
from tinybench.datasets.wake.on_device import features
from tinybench.datasets.wake.recording import Recording
from tinybench.errors import UsageError
from tinybench.models.compiler.graph import Graph

from ..streaming.score import RULES_TAIL_S

FRAME_S = HOP_SAMPLES / SAMPLE_RATE_HZ
Words = tuple[tuple[float, float], ...]
"""When each begins and ends, in s."""


@dataclass(frozen=True)
class Sound:
    """What is heard, beside its features."""

    words_s: Words
    length_s: float


def sound_of(
    recording: Recording, graph: Graph, limit_s: int | None
) -> tuple[npt.NDArray[np.int8], Sound]:
    """Return the features [frames][40] of a recording, or of its first seconds, and its words.

    Features are those of the firmware's own C, in the steps of the model's input, and no weight
    changes them. A word that is not in those seconds, and the time in which it counts, is left out
    with all that follows. Raises UsageError where no word is left.
    """
    words_s, length_s = _within(recording.windows_s, recording.length_s, limit_s)
    if not words_s:
        raise UsageError(
            f"--limit {limit_s}: of a stream it is seconds from the beginning, and in these there "
            f"is no whole word: the first one ends at {recording.windows_s[0][1]:.1f} s"
        )
    source = graph.tensors[graph.inputs[0]]
    samples = recording.samples[: round(length_s * SAMPLE_RATE_HZ)]
    frames = features(samples, source.scale, source.zero_point)
    if len(frames.values) == 0:
        raise UsageError(f"a recording of {length_s:g} s has no frame of {HOP_SAMPLES} samples")
    return frames.values, Sound(words_s, length_s)


def _within(words_s: Words, length_s: float, limit_s: int | None) -> tuple[Words, float]:
    """Return the words in the first seconds of a recording, and how long what is left of it is."""
    if limit_s is None or limit_s >= length_s:
        return words_s, length_s
    kept = [(start_s, end_s) for start_s, end_s in words_s if end_s + RULES_TAIL_S <= limit_s]
    cut = words_s[len(kept)][0] if len(kept) < len(words_s) else float(limit_s)
    return tuple(kept), min(float(limit_s), cut)


def later(sound: Sound, history: int, limit_s: int | None) -> tuple[range, range, Sound]:
    """Return the frames up to half of the words, those that are scored, and what is heard there.

    What is scored begins so late that no frame is heard in both, `history` of them at a time, and
    no word counts there that began before. `limit_s`: of the seconds there only the first so many.
    Raises UsageError where no word is left.
    """
    left = half = len(sound.words_s) // 2
    learnt = _behind(sound.words_s[:half])
    first = learnt + history - 1
    while left < len(sound.words_s) and sound.words_s[left][0] <= first * FRAME_S:
        left += 1
        first = max(first, _behind(sound.words_s[:left]))
    begin_s = first * FRAME_S
    words_s = tuple((start_s - begin_s, end_s - begin_s) for start_s, end_s in sound.words_s[left:])
    words_s, length_s = _within(words_s, sound.length_s - begin_s, limit_s)
    if half == 0 or not words_s:
        raise UsageError(
            f"{len(sound.words_s)} words in {sound.length_s:.0f} s: one is needed in the part that "
            "is learnt from, and a whole one in the part that is scored; take a longer recording, "
            "or more seconds of it"
        )
    scored = range(first, first + int(length_s / FRAME_S))
    return range(learnt), scored, Sound(words_s, length_s)


def _behind(words_s: Words) -> int:
    """Return the first frame that begins where none of these words counts any more."""
    return math.ceil((max((end_s for _, end_s in words_s), default=0.0) + RULES_TAIL_S) / FRAME_S)
