"""All readings of one stream side by side, where they disagree, and what makes it doubtful."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .drift import Drift, estimate, without
from .score import RULES_TAIL_S, RUNNER_TAIL_S, Score, Windows, frames_ms, score

SYNC_LATEST_MS = 1000.0
"""The pulse that marks the beginning is that of the first frame, 32 ms after the start."""
PULSES_MOST = 10_000
"""That an interface board keeps."""
LATE_S = 5.0
"""After the end of the recording; a drift moves the last pulse by up to 3 s."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A stream by the rules' text and by the runner's code, as heard and without its drift."""

    rules: Score
    runner: Score
    drift: Drift
    removed_ppm: float
    """The drift that the last two are without."""
    source: str
    """Where it is from; empty where none is known, and nothing was removed."""
    rules_corrected: Score
    runner_corrected: Score
    doubts: tuple[str, ...]
    """What is wrong with the stream or its list of words; with any, the score is no result."""

    @property
    def readings(self) -> list[tuple[str, Score]]:
        """Each reading by its name, those without drift only where one is known."""
        found = [
            (f"until {RULES_TAIL_S:g} s, as the rules say", self.rules),
            (f"until {RUNNER_TAIL_S:g} s, as the runner's code counts", self.runner),
        ]
        if self.source:
            found += [
                (f"until {tail_s:g} s without a drift of {self.removed_ppm:+.0f} ppm", one)
                for tail_s, one in (
                    (RULES_TAIL_S, self.rules_corrected),
                    (RUNNER_TAIL_S, self.runner_corrected),
                )
            ]
        return found

    def __str__(self) -> str:
        said = "; ".join(f"{one} {name}" for name, one in self.readings)
        return f"{said}; drift: {self.drift}" if self.source else said

    @property
    def passes(self) -> bool:
        """Whether the limits are kept by the rules' text, once the drift is removed."""
        return not self.doubts and self.rules_corrected.passes

    @property
    def disagreement(self) -> str:
        """Which readings keep the limits and which do not; empty where all say the same."""
        kept = [f"{one} {name}" for name, one in self.readings if one.passes]
        broken = [f"{one} {name}" for name, one in self.readings if not one.passes]
        if not kept or not broken:
            return ""
        return f"the limits are kept by {'; '.join(kept)}; broken by {'; '.join(broken)}"


def judge(
    detections_ms: Sequence[float],
    windows_s: Windows,
    *,
    length_s: float | None = None,
    period_s: float | None = None,
    elapsed_s: float | None = None,
    drifts: bool = True,
) -> Judged:
    """Judge a stream by its detections, of which the first marks the beginning.

    `drifts`: whether detections are noted by another clock than the recording plays by; they are
    not where they are frames. The rest as in `drift.estimate`.
    """
    in_order = sorted(detections_ms)
    pulses_ms = [at_ms - in_order[0] for at_ms in in_order[1:]]
    drift = Drift()
    if drifts:
        drift = estimate(pulses_ms, windows_s, period_s, elapsed_s, length_s)
    removed_ppm, source = drift.best or (0.0, "")
    corrected = without(pulses_ms, removed_ppm)
    return Judged(
        rules=score(pulses_ms, windows_s, RULES_TAIL_S),
        runner=score(pulses_ms, windows_s, RUNNER_TAIL_S),
        drift=drift,
        removed_ppm=removed_ppm,
        source=source,
        rules_corrected=score(corrected, windows_s, RULES_TAIL_S),
        runner_corrected=score(corrected, windows_s, RUNNER_TAIL_S),
        doubts=tuple(doubts(detections_ms, windows_s, length_s)),
    )


def judge_frames(
    frames: Iterable[int], windows_s: Windows, *, length_s: float | None = None
) -> Judged:
    """Judge the frames that are detections: there is no drift, and frame 0 marks the beginning,
    whether it is among them or not."""
    return judge(frames_ms(sorted({0, *frames})), windows_s, length_s=length_s, drifts=False)


def doubts(
    detections_ms: Sequence[float], windows_s: Windows, length_s: float | None = None
) -> list[str]:
    """Return what makes the score of a stream doubtful; what was seen, and what to look at."""
    found = _of_words(windows_s, length_s)
    if not detections_ms:
        return [*found, "no pulse at all, not even the one at the beginning: look at the pin"]
    if detections_ms[0] > SYNC_LATEST_MS:
        found.append(
            f"the first pulse came after {detections_ms[0] / 1000:.3f} s: the one that marks the "
            "beginning, within 1 s, was lost, and all times are counted from another"
        )
    backwards = sum(later < earlier for earlier, later in pairwise(detections_ms))
    if backwards:
        found.append(f"pulses are out of order, {backwards} times: one stream is in order")
    doubled = len(detections_ms) - len(set(detections_ms))
    if doubled:
        found.append(f"{doubled} pulses have the time of another one")
    if len(detections_ms) >= PULSES_MOST:
        found.append(
            f"{len(detections_ms)} pulses: an interface board keeps {PULSES_MOST}, and what came "
            "after them is lost"
        )
    if length_s is not None:
        last_s = (max(detections_ms) - detections_ms[0]) / 1000
        if last_s > length_s + LATE_S:
            found.append(
                f"a pulse {last_s:.3f} s after the beginning of a recording of {length_s:g} s"
            )
    return found


def _of_words(windows_s: Windows, length_s: float | None) -> list[str]:
    """Return what is wrong with a list of words."""
    found = []
    for number, (start_s, end_s) in enumerate(windows_s, start=1):
        if not 0 <= start_s < end_s or (length_s is not None and end_s > length_s):
            found.append(f"word {number}, {start_s:g} to {end_s:g} s, is not in the recording")
    for number, (one, other) in enumerate(pairwise(windows_s), start=1):
        gap_s = other[0] - one[1]
        if gap_s < RUNNER_TAIL_S:
            found.append(
                f"words {number} and {number + 1} are {gap_s:.3g} s apart: within "
                f"{RUNNER_TAIL_S:g} s the first takes the pulses of the second"
            )
    return found
