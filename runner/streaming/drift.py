"""How far the clock of what plays a recording is from that of what notes the detections.

A drift is in parts per million by which the recording plays too slowly.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from .score import FRAME_MS, RUNNER_TAIL_S, Windows, score

DRIFT_MAX_PPM = 20_000
"""What is farther off than the worst oscillator is no drift."""
WORDS_MIN = 8
SPAN_MIN_S = 60.0
"""How many found words, and how far apart, it takes to tell a drift from chance."""
WORDS_MOST = 500
"""Words that are looked at: pairs grow with their square."""
COMMANDS_S = 0.45
"""That an energy window is longer than its recording; fitted on published runs of one board."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What each estimate says, in ppm; None where it cannot be made."""

    slope_ppm: float | None = None
    """From the words: how much later, word by word, they are detected."""
    period_ppm: float | None = None
    """From the period of the frames: of the first 100 only, where an interface board tells it."""
    window_ppm: float | None = None
    """From the length of the energy window."""

    @property
    def best(self) -> tuple[float, str] | None:
        """The estimate to remove and its source, the surest first; None without any."""
        for ppm, source in (
            (self.slope_ppm, "the words"),
            (self.window_ppm, "the energy window"),
            (self.period_ppm, "the period of the first frames"),
        ):
            if ppm is not None:
                return ppm, source
        return None

    def __str__(self) -> str:
        known = [
            f"{ppm:+.0f} ppm by {name}"
            for name, ppm in (
                ("the words", self.slope_ppm),
                ("the energy window", self.window_ppm),
                ("the period of the frames", self.period_ppm),
            )
            if ppm is not None
        ]
        return ", ".join(known) or "unknown"


def estimate(
    pulses_ms: Sequence[float],
    windows_s: Windows,
    period_s: float | None = None,
    elapsed_s: float | None = None,
    length_s: float | None = None,
) -> Drift:
    """Estimate the drift of pulses, counted from the beginning of a recording of `length_s`.

    `period_s` is the mean of the frames' periods, `elapsed_s` the length of the energy window.
    """
    window_ppm = None
    if elapsed_s is not None and length_s:
        window_ppm = _plausible(((elapsed_s - COMMANDS_S) / length_s - 1) * 1e6)
    period_ppm = None
    if period_s is not None:
        period_ppm = _plausible((period_s * 1000 / FRAME_MS - 1) * 1e6)
    return Drift(_slope_ppm(pulses_ms, windows_s), period_ppm, window_ppm)


def without(pulses_ms: Sequence[float], ppm: float) -> list[float]:
    """Return pulses by the clock of the recording."""
    return [at_ms / (1 + ppm * 1e-6) for at_ms in pulses_ms]


def _slope_ppm(pulses_ms: Sequence[float], windows_s: Windows) -> float | None:
    """Return the median slope, over pairs of words, of first pulse after start against start."""
    words = windows_s[:WORDS_MOST]
    points = [
        (words[one.word][0], one.first_ms / 1000 - words[one.word][0])
        for one in score(pulses_ms, words, RUNNER_TAIL_S).found
    ]
    starts_s = [start_s for start_s, _ in points]
    if len(points) < WORDS_MIN or max(starts_s) - min(starts_s) < SPAN_MIN_S:
        return None
    slopes = [
        (late_b - late_a) / (start_b - start_a)
        for (start_a, late_a), (start_b, late_b) in combinations(points, 2)
        if start_a != start_b
    ]
    return _plausible(statistics.median(slopes) * 1e6)


def _plausible(ppm: float) -> float | None:
    return ppm if abs(ppm) <= DRIFT_MAX_PPM else None
