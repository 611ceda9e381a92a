"""An emulated board's time beside the instructions that its emulator counted.

A count is asked for after an inference, and is that of the board's last look at its clock: the end
stamp. One that comes late, with the next command, may be of any time until that is done: of such,
only those are of use that a short command followed.
Between two counts lie the inferences, and what the board does for the line: so a count is never
less than its inferences, and more by little.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from .result import Clock
from .transcript import Inferred, Lap

_ASKED = re.compile(rb"asked ([0-9]{1,9})\Z")
_COUNTED = re.compile(rb"([0-9]{1,19}) instructions of ([0-9]{1,7}) ns for ([0-9]{1,9})\Z")
PER_BYTE = 300
"""Instructions, at most, for a byte to the board: hex digits to bytes, CRC-32."""
PER_ANSWERED = 1_500
"""... for one that it answers. A Cortex-M0+ takes 11,000 for a float of eight."""
PER_LAP = 100_000
"""... for what else there is between two inferences: results are printed."""
TIMER_S = 2e-6
"""Of two stamps."""
LATE_SHARE = 0.1
"""Of the longest inferences: what a count may be late by, and still be of use."""


@dataclass
class Mark:
    """A count that was asked for after so many inferences of an epoch."""

    laps: int
    line: int
    """Instructions, at most, for what was on the line until then."""
    count_s: float | None = None
    """What was counted, as emulated time."""
    late_laps: int | None = None
    """Inferences that were begun when the count came, where it came with a later command."""


@dataclass
class Stretch:
    """What was said while the emulator ran on."""

    laps: list[Lap] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    asked: dict[int, Mark] = field(default_factory=dict)
    line: int = 0
    instruction_s: float = 0.0


def stretches(said: Iterable[Lap | tuple[str, bytes]]) -> Iterator[Stretch]:
    """Yield the stretches of a transcript, in which each epoch of laps is one."""
    found = Stretch()
    epoch: int | None = None
    begun = False
    for one in said:
        if isinstance(one, Lap):
            if epoch is not None and one.epoch != epoch:
                yield found
                found = Stretch()
            epoch = one.epoch
            found.laps.append(one)
            begun = False
            continue
        to, data = one
        if to != "emulator":
            found.line += len(data) * (PER_BYTE if to == "dut" else PER_ANSWERED)
            begun = begun or to == "dut"
            for mark in found.asked.values() if to == "dut" else ():
                mark.late_laps = mark.laps
        elif (match := _ASKED.fullmatch(data)) is not None:
            found.asked[int(match[1])] = Mark(len(found.laps), found.line)
        elif (match := _COUNTED.fullmatch(data)) is not None:
            mark = found.asked.pop(int(match[3]), None)
            found.instruction_s = int(match[2]) * 1e-9
            if mark is not None:
                mark.count_s = int(match[1]) * found.instruction_s
                if mark.late_laps is not None:
                    mark.late_laps = len(found.laps) + begun
                found.marks.append(mark)
    yield found


@dataclass(frozen=True)
class Counted:
    """What was counted between two marks, and the inferences between them by the DUT's clock."""

    laps: Sequence[Lap]
    count_s: float
    dut_s: float
    unsure_s: float
    """What the count may be more, or less."""


def _between(stretch: Stretch, first: Mark, last: Mark) -> Counted | None:
    laps = stretch.laps[first.laps : last.laps]
    if first.count_s is None or last.count_s is None or not laps:
        return None
    if any(lap.asked_s is None for lap in laps):  # one was asked for twice, and done twice
        return None
    line = last.line - first.line + PER_LAP * len(laps)
    unsure_s = line * stretch.instruction_s + TIMER_S * len(laps)
    unsure_s += _late_s(stretch, first) + _late_s(stretch, last)
    dut_s = sum(_whole_s(lap) for lap in laps)
    return Counted(laps, last.count_s - first.count_s, dut_s, unsure_s)


def _late_s(stretch: Stretch, mark: Mark) -> float:
    """Return how much later than asked for a count may be: as long as what was done meanwhile."""
    if mark.late_laps is None:
        return 0.0
    if mark.late_laps > len(stretch.laps):  # no inference, and nobody knows how long it took
        return math.inf
    return sum(_whole_s(lap) for lap in stretch.laps[mark.laps : mark.late_laps])


def _usable(stretch: Stretch) -> list[Mark]:
    """Return the marks that are known well enough to tell how long a window was."""
    longest_s = max((_whole_s(lap) for lap in stretch.laps), default=0.0)
    return [one for one in stretch.marks if _late_s(stretch, one) <= LATE_SHARE * longest_s]


def _whole_s(lap: Lap) -> float:
    """Return how long all inferences of a lap took by the DUT's clock, the untimed ones too."""
    return lap.elapsed_us * 1e-6 * (lap.iterations + lap.warmup) / max(1, lap.iterations)


def clock(stretch: Stretch) -> Clock | None:
    """Return the DUT's clock beside the count over a whole stretch; None where it has no two."""
    marks = _usable(stretch)
    if len(marks) < 2:
        return None
    found = _between(stretch, marks[0], marks[-1])
    if found is None or found.count_s <= 0:
        return None
    return Clock(
        ratio=found.dut_s / found.count_s,
        uncertainty=found.unsure_s / found.count_s,
        span_s=found.count_s,
        stamps=len(marks),
        witness="emulator",
    )


def windows(stretch: Stretch) -> Iterator[tuple[Inferred, float, float]]:
    """Yield each lap that ends at a count, how long it was by that, and how sure this is."""
    for first, last in pairwise(_usable(stretch)):
        found = _between(stretch, first, last)
        if found is None:
            continue
        lap = found.laps[-1]
        share = lap.iterations / (lap.iterations + lap.warmup)
        others_s = found.dut_s - _whole_s(lap)
        yield lap.inferred, (found.count_s - others_s) * share, found.unsure_s
