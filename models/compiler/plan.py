"""Place buffers with limited lives in one arena, as tightly as a few greedy orders find."""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate

import msgspec

from .overlap import Overlap

ALIGNMENT_B = 8
IMPROVED_MAX = 150
"""Buffers whose order is worth improving: with more it takes seconds."""


class Buffer(msgspec.Struct, frozen=True):
    """A piece of memory, live from step `first` to step `last`, both included."""

    size_b: int
    first: int
    last: int


Overlaps = Mapping[tuple[int, int], Overlap]
"""By (output, input), as indices of buffers: pairs that may share memory though both are live."""


def plan(buffers: Sequence[Buffer], overlaps: Overlaps, enough_b: int = 0) -> tuple[list[int], int]:
    """Return the offset of each buffer and the size of the arena, in bytes.

    Buffers that live at the same time never overlap but as `overlaps` allow; offsets are multiples
    of ALIGNMENT_B. The best of a few greedy orders is improved by placing single buffers earlier.
    An arena of `enough_b` will do: no smaller one is searched for.
    """
    if not buffers:
        return [], 0
    every = range(len(buffers))
    barred = [
        [(j, _taken(buffers, overlaps, i, j)) for j in beside]
        for i, beside in enumerate(_beside(buffers))
    ]
    orders = [
        sorted(every, key=lambda i: (-buffers[i].size_b, i)),
        sorted(every, key=lambda i: (-buffers[i].size_b, -i)),
        sorted(every, key=lambda i: (buffers[i].first - buffers[i].last, i)),
        # Outputs before the inputs that they run ahead of.
        sorted(every, key=lambda i: (-buffers[i].last, -buffers[i].size_b)),
    ]
    order = orders[0]
    offsets, best_b = _place(buffers, barred, order)
    for other in orders[1:]:
        if best_b <= enough_b:
            break
        placed, size_b = _place(buffers, barred, other, best_b + 1)
        if (size_b, other) < (best_b, order):
            best_b, offsets, order = size_b, placed, other
    improved = len(buffers) <= IMPROVED_MAX
    enough_b = max(enough_b, at_once_b(spans_of(buffers, overlaps)))
    while improved and best_b > enough_b:
        improved = False
        for i in every:
            changed = [i, *(j for j in order if j != i)]
            placed, size_b = _place(buffers, barred, changed, best_b)
            if size_b < best_b:
                best_b, offsets, order, improved = size_b, placed, changed, True
    return offsets, best_b


def at_once_b(spans: Sequence[tuple[int, int, int]]) -> int:
    """Return how many bytes are alive at once, at least: no arena is smaller.

    A span is bytes, and the first and the last step that they are alive in. Those that two spans
    share are taken off by a third one, of as many negative bytes.
    """
    more_b = [0] * (2 + max((last for _, _, last in spans), default=0))
    for size_b, first, last in spans:
        more_b[first] += size_b
        more_b[last + 1] -= size_b
    return max(accumulate(more_b))


def spans_of(buffers: Sequence[Buffer], overlaps: Overlaps) -> list[tuple[int, int, int]]:
    """Return when the bytes of buffers are alive, as `at_once_b` takes it."""
    spans = [(one.size_b, one.first, one.last) for one in buffers]
    for pair in overlaps:
        one, other = (buffers[i] for i in pair)
        first, last = max(one.first, other.first), min(one.last, other.last)
        if first <= last:
            spans.append((-min(one.size_b, other.size_b), first, last))
    return spans


def _beside(buffers: Sequence[Buffer]) -> list[list[int]]:
    """Return for each buffer those that live at the same time."""
    beside: list[list[int]] = [[] for _ in buffers]
    living: list[int] = []
    for i in sorted(range(len(buffers)), key=lambda i: buffers[i].first):
        living = [j for j in living if buffers[j].last >= buffers[i].first]
        for j in living:
            beside[i].append(j)
            beside[j].append(i)
        living.append(i)
    return beside


def _place(
    buffers: Sequence[Buffer],
    barred: Sequence[Sequence[tuple[int, list[tuple[int, int]]]]],
    order: Sequence[int],
    below_b: float = math.inf,
) -> tuple[list[int], int]:
    """Give each buffer, in this order, the lowest place that those before it leave.

    `barred` is what `_taken` says of each buffer and those beside it. Ends as soon as the arena is
    not below `below_b`.
    """
    offsets, size_b = [-1] * len(buffers), 0
    for i in order:
        taken = [
            (offsets[j] + start, offsets[j] + end)
            for j, parts in barred[i]
            if offsets[j] >= 0
            for start, end in parts
        ]
        taken.sort()
        offset = 0
        for start, end in taken:
            if start < offset < end:
                offset = -(-end // ALIGNMENT_B) * ALIGNMENT_B
        offsets[i] = offset
        size_b = max(size_b, offset + buffers[i].size_b)
        if size_b >= below_b:
            break
    return offsets, size_b


def _taken(buffers: Sequence[Buffer], overlaps: Overlaps, i: int, j: int) -> list[tuple[int, int]]:
    """Return where buffer `i` cannot begin, between two ends, seen from where `j` begins."""
    before, after = -buffers[i].size_b, buffers[j].size_b
    overlap = overlaps.get((i, j)) or overlaps.get((j, i))
    if overlap is None:
        return [(before, after)]
    if overlap.exact:
        there = -overlap.lead_b if (i, j) in overlaps else overlap.lead_b
        return [(before, there), (there, after)]
    if (i, j) in overlaps:
        return [(max(before, -overlap.lead_b), after)]
    return [(before, min(after, overlap.lead_b))]
