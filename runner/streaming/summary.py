"""The score of a stream in one structure, as it is printed and stored."""

import math
from collections.abc import Sequence

import msgspec

from .score import RULES_TAIL_S, RUNNER_TAIL_S, Point, Score, Windows, latencies_s
from .verdict import Judged


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What one reading of the rule makes of a stream."""

    tail_s: float
    """A pulse counts until so long after a word."""
    without_ppm: float
    """The drift that is removed; 0: as it was heard."""
    found: int
    missed: int
    false: int
    f1: float
    passes: bool
    """Whether it is within the limits of the closed division."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A stream, scored; words and alarms are by the rules' text, without the drift."""

    words: int
    valid: bool
    readings: list[Reading]
    disagreement: str
    doubts: list[str]
    drift_ppm: dict[str, float | None]
    """By each estimate."""
    missed_s: list[float]
    """When the missed words begin."""
    false_s: list[float]
    """When false alarms begin."""
    latencies_s: list[float]
    """Of each found word, from its end to its first pulse, sorted."""
    curve: list[Point]
    """Misses and false alarms over the threshold; empty where outputs are not known."""

    @property
    def first(self) -> Reading:
        """The score that is said first: by the rules' text, without a known drift."""
        return [one for one in self.readings if one.tail_s == RULES_TAIL_S][-1]

    def latency_s(self, share: float) -> float | None:
        """Return the latency that a share of the found words keeps; None where none is found."""
        late = self.latencies_s
        return late[math.ceil(share * (len(late) - 1))] if late else None


def summarise(judged: Judged, windows_s: Windows, curve: Sequence[Point] = ()) -> Summary:
    """Return the summary of a stream that was judged by the words in `windows_s`."""
    readings = [
        _reading(judged.rules, RULES_TAIL_S, 0.0),
        _reading(judged.runner, RUNNER_TAIL_S, 0.0),
    ]
    if judged.source:
        readings += [
            _reading(judged.rules_corrected, RULES_TAIL_S, judged.removed_ppm),
            _reading(judged.runner_corrected, RUNNER_TAIL_S, judged.removed_ppm),
        ]
    drift, scored = judged.drift, judged.rules_corrected
    return Summary(
        words=len(windows_s),
        valid=judged.passes,
        readings=readings,
        disagreement=judged.disagreement,
        doubts=list(judged.doubts),
        drift_ppm={
            "words": drift.slope_ppm, "window": drift.window_ppm, "period": drift.period_ppm
        },
        missed_s=[windows_s[at][0] for at in scored.missed],
        false_s=[round(at_ms / 1000, 3) for at_ms in scored.false_ms],
        latencies_s=[round(late_s, 3) for late_s in latencies_s(scored, windows_s)],
        curve=list(curve),
    )  # fmt: skip


def _reading(one: Score, tail_s: float, ppm: float) -> Reading:
    found, missed, false = one.counts
    return Reading(
        tail_s=tail_s,
        without_ppm=ppm,
        found=found,
        missed=missed,
        false=false,
        f1=round(one.f1, 4),
        passes=one.passes,
    )
