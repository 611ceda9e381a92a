"""The recording that a stream's model hears in a study: its features, and where its words are."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinybench.datasets.wake.features import HOP_SAMPLES, SAMPLE_RATE_HZ
from tinybench.datasets.wake.on_device import features
from tinybench.datasets.wake.recording import Recording
from tinybench.errors import UsageError
from tinybench.models.compiler.graph import Graph

from ..streaming.score import RULES_TAIL_S


@dataclass(frozen=True)
class Sound:
    """What is heard, beside its features."""

    words_s: tuple[tuple[float, float], ...]
    """When each begins and ends."""
    length_s: float


def sound_of(
    recording: Recording, graph: Graph, limit_s: int | None
) -> tuple[npt.NDArray[np.int8], Sound]:
    """Return the features [frames][40] of a recording, or of its first seconds, and its words.

    Features are those of the firmware's own C, in the steps of the model's input, and no weight
    changes them. A word that is not in those seconds, and the time in which it counts, is left out
    with all that follows. Raises UsageError where no word is left.
    """
    words_s, length_s = recording.windows_s, recording.length_s
    if limit_s is not None and limit_s < length_s:
        kept = [(start_s, end_s) for start_s, end_s in words_s if end_s + RULES_TAIL_S <= limit_s]
        cut = words_s[len(kept)][0] if len(kept) < len(words_s) else float(limit_s)
        words_s, length_s = tuple(kept), min(float(limit_s), cut)
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
