"""The DUT's clock held against the host's, over a whole run and over each window.

The host hears of each inference a little after the DUT's time stamp: the line, the adapter's
latency timer and a busy computer delay it, and nothing makes it early. So the least delayed answers
near both ends of a run tell how fast the clock goes, however late the others came.
"""

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from tinybench.transport.transcript import transcripts

from ..dut.inference import MICROS_WRAP
from . import counted
from .names import ENERGY_TRANSCRIPT_FILE
from .result import Clock, Window
from .transcript import Inferred, Lap, laps, said

END_SHARE = 1 / 3
"""Of a span: its beginning, and its end; each has a least delayed answer."""
RESOLUTION_S = 0.002
"""Two time stamps of a DUT that counts milliseconds, as stock firmware often does."""
LONE_S = 0.05
"""What the delay of an answer may be, where there is no second one to compare it with."""
BY_CHANCE = 7
"""Times the mean that an exponential delay is exceeded by once in a thousand times."""
SPAN_MIN_S = 1.0
"""Shorter spans tell nothing of a clock."""
ROUNDS = 3
HOST_DELAY_S = 0.2
"""k = 2: what a busy host may add to one window, between a request and the answer to it."""


def compare(laps: Iterable[Lap]) -> Clock | None:
    """Return how fast the DUT's clock goes beside the host's; None where too little was timed.

    Of several spans, between which the DUT was reset or looked for, the longest counts.
    """
    spans: dict[int, list[tuple[float, float]]] = {}
    for lap in laps:
        if lap.end_us is None:
            continue
        span = spans.setdefault(lap.epoch, [])
        span.append((lap.answered_s, _unwrapped_s(span[-1] if span else None, lap)))
    longest = max(spans.values(), key=lambda span: span[-1][0] - span[0][0], default=[])
    if not longest or longest[-1][0] - longest[0][0] < SPAN_MIN_S:
        return None
    return _fitted(longest)


def _unwrapped_s(before: tuple[float, float] | None, lap: Lap) -> float:
    """Return the DUT's time of a stamp, over the wraps of 32 bits since the one before it."""
    assert lap.end_us is not None  # noqa: S101 - the caller has looked
    if before is None:
        return lap.end_us * 1e-6
    host_us = (lap.answered_s - before[0]) * 1e6
    since_us = (lap.end_us - round(before[1] * 1e6)) % MICROS_WRAP
    wraps = max(0, round((host_us - since_us) / MICROS_WRAP))
    return before[1] + (since_us + wraps * MICROS_WRAP) * 1e-6


def _fitted(span: Sequence[tuple[float, float]]) -> Clock:
    """Return the clock of a span of (host, DUT) times, by its least delayed answers."""
    length_s = span[-1][0] - span[0][0]
    early = [point for point in span if point[0] <= span[0][0] + END_SHARE * length_s]
    late = [point for point in span if point[0] >= span[-1][0] - END_SHARE * length_s]
    first, last, ratio = span[0], span[-1], 1.0
    for _ in range(ROUNDS):
        ratio = max((last[1] - first[1]) / (last[0] - first[0]), 1e-9)
        first, last = _delays(early, ratio)[0][1], _delays(late, ratio)[0][1]
    least, *others = [delay_s for delay_s, _ in _delays(span, ratio)]
    usual_s = statistics.fmean(delay_s - least for delay_s in others)
    doubt_s = _doubt_s(_delays(early, ratio), usual_s) + _doubt_s(_delays(late, ratio), usual_s)
    between_s = last[0] - first[0]
    return Clock(
        ratio=(last[1] - first[1]) / between_s,
        uncertainty=(doubt_s + RESOLUTION_S) / between_s,
        span_s=length_s,
        stamps=len(span),
    )


def _delays(
    points: Sequence[tuple[float, float]], ratio: float
) -> list[tuple[float, tuple[float, float]]]:
    """Return by how much each of some (host, DUT) times was heard late, the least first."""
    return sorted((host_s - dut_s / ratio, (host_s, dut_s)) for host_s, dut_s in points)


def _doubt_s(delays: Sequence[tuple[float, tuple[float, float]]], usual_s: float) -> float:
    """Return how late the least delayed answer may be in s, where answers usually are so late.

    The second one tells; and by chance, of n delays that fall off exponentially, each at least.
    """
    second_s = delays[1][0] - delays[0][0] if len(delays) > 1 else LONE_S
    by_chance_s = min(BY_CHANCE * usual_s / len(delays), HOST_DELAY_S)
    return max(min(second_s, LONE_S), by_chance_s)


@dataclass(frozen=True)
class Heard:
    """What the transcripts of a run say of time, by the host's clock."""

    clocks: list[Clock] = field(default_factory=list)
    """Of each board whose clock could be held against the host's."""
    laps: list[Lap] = field(default_factory=list)
    """Those long enough to be a window."""
    counted: list[tuple[Inferred, float, float]] = field(default_factory=list)
    """How long laps were by an emulator's count, and how sure that is."""

    def beside(self, windows: Sequence[Window]) -> list[Window]:
        """Return the windows with the second clock's time beside the DUT's, where it was heard."""
        left: dict[Inferred, list[Lap]] = {}
        for lap in self.laps:
            left.setdefault(lap.inferred, []).append(lap)
        counts: dict[Inferred, list[tuple[float, float]]] = {}
        for inferred, count_s, unsure_s in self.counted:
            counts.setdefault(inferred, []).append((count_s, unsure_s))
        return [_counted(_beside(window, left), counts) for window in windows]


def heard(folder: Path, *, emulated: bool) -> Heard:
    """Read what the transcripts of a run say of time; not that of energy mode, which has no stamps.

    `emulated`: time is an instruction count, of which the emulator's own is the second.

    Raises RunFolderError when one cannot be read.
    """
    found = Heard()
    for path in transcripts(folder):
        if path.name.startswith(ENERGY_TRANSCRIPT_FILE):
            continue
        clock = _counts(path, found) if emulated else compare(_kept(laps(path), found.laps))
        if clock is not None:
            found.clocks.append(clock)
    return found


def _counts(path: Path, found: Heard) -> Clock | None:
    """Keep what an emulator counted; return the clock of the longest stretch."""
    clocks = []
    for stretch in counted.stretches(said(path)):
        found.counted.extend(counted.windows(stretch))
        clocks.append(counted.clock(stretch))
    return max((one for one in clocks if one), key=lambda one: one.span_s, default=None)


def _kept(found: Iterable[Lap], windows: list[Lap]) -> Iterator[Lap]:
    """Yield the laps, and keep those of several inferences."""
    for lap in found:
        if lap.iterations > 1 or lap.warmup:
            windows.append(lap)
        yield lap


def _counted(window: Window, left: dict[Inferred, list[tuple[float, float]]]) -> Window:
    same = left.get((window.iterations, window.elapsed_us, window.results))
    if not same:
        return window
    counted_s, unsure_s = same.pop(0)
    return replace(window, counted_s=counted_s, counted_uncertainty_s=unsure_s)


def _beside(window: Window, left: dict[Inferred, list[Lap]]) -> Window:
    same = left.get((window.iterations, window.elapsed_us, window.results))
    lap = same.pop(0) if same else None
    if lap is None or lap.asked_s is None:
        return window
    # The host sees the untimed inferences as well.
    share = window.iterations / (window.iterations + lap.warmup)
    host_s = (lap.answered_s - lap.asked_s) * share
    return replace(window, host_s=host_s, host_uncertainty_s=HOST_DELAY_S)
